public import Tensors

/// Where the elements of each channel lie in a row-major tensor.
public struct ChannelLayout: Sendable, Hashable {
    /// Number of positions before the channel axis.
    public let outerCount: Int
    /// Extent of the channel axis; 1 for a tensor without one.
    public let channelCount: Int
    /// Number of consecutive elements of one channel.
    public let innerCount: Int

    /// Makes the layout of a shape; `nil` when the shape has no such axis.
    ///
    /// Without an axis the whole tensor is one channel.
    public init?(shape: Shape, axis: Int?) {
        guard let axis else {
            (outerCount, channelCount, innerCount) = (1, 1, shape.elementCount)
            return
        }
        guard shape.dimensions.indices.contains(axis) else { return nil }
        outerCount = shape.dimensions[..<axis].reduce(1, *)
        channelCount = shape[axis]
        innerCount = shape.dimensions[(axis + 1)...].reduce(1, *)
    }

    /// Calls `body` with each run of consecutive elements of one channel, in memory order.
    @inlinable
    public func forEachRun(_ body: (_ channel: Int, _ run: Range<Int>) -> Void) {
        for outer in 0..<outerCount {
            for channel in 0..<channelCount {
                let start = (outer * channelCount + channel) * innerCount
                body(channel, start..<start + innerCount)
            }
        }
    }
}
