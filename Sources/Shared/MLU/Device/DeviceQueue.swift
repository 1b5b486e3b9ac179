/// A queue of a simulated device: what is put in first ends first.
public struct DeviceQueue: Sendable, Hashable {
    /// When something begins and ends, in cycles since the device was made.
    public struct Interval: Sendable, Hashable {
        /// First cycle.
        public let begin: Int
        /// Cycle after the last.
        public let end: Int

        /// Cycles in between.
        public var cycles: Int { end - begin }
    }

    /// When everything in the queue will be done.
    public private(set) var end = 0

    /// An empty queue.
    public init() {}

    /// Puts work into the queue.
    ///
    /// - Parameters:
    ///   - cycles: How long it takes.
    ///   - earliest: When it can begin: it was launched, and what it needs from other queues is there.
    /// - Returns: When it happens.
    public mutating func enqueue(cycles: Int, notBefore earliest: Int) -> Interval {
        let begin = max(end, earliest)
        end = begin + cycles
        return Interval(begin: begin, end: end)
    }
}
