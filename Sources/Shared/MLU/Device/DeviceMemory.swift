/// The memory of a simulated device: blocks of one address range, handed out best fit first.
///
/// It keeps books only; the numbers of a tensor stay where the host keeps them. Blocks are aligned to 512 bytes; a freed block
/// joins its free neighbours at once.
public struct DeviceMemory: Sendable {
    /// A block that is in use.
    public struct Block: Hashable, Sendable {
        /// Distance from the begin of the memory.
        public let offset: Int
        /// Size, a multiple of the alignment.
        public let byteCount: Int
    }

    /// How full a memory is.
    public struct Occupancy: Hashable, Sendable {
        /// Bytes in all.
        public let capacity: Int
        /// Bytes in no block.
        public let freeBytes: Int
        /// Size of the largest block that can be had.
        public let largestFreeBlock: Int
        /// The three largest owners with their bytes, for messages.
        public let owners: String
    }

    /// Blocks begin at multiples of this.
    public static let alignment = 512

    /// Bytes in all.
    public let capacity: Int
    /// Bytes in blocks at the moment.
    public private(set) var usedBytes = 0
    /// The most bytes that were in blocks at one time.
    public private(set) var peakBytes = 0
    /// Free ranges by ascending offset; no two touch.
    private var free: [Range<Int>]
    private var labels: [Block: String] = [:]

    /// A memory without blocks.
    ///
    /// - Precondition: `capacity` is not negative.
    public init(capacity: Int) {
        precondition(capacity >= 0, "A memory of \(capacity) bytes")
        let usable = capacity / Self.alignment * Self.alignment
        self.capacity = capacity
        free = usable > 0 ? [0..<usable] : []
    }

    /// Blocks in use.
    public var blockCount: Int { labels.count }

    /// Takes the smallest free range that is large enough.
    ///
    /// - Parameters:
    ///   - byteCount: Size; a block of no bytes takes one unit, so that its address is its own.
    ///   - label: Whose it is, for messages.
    /// - Returns: The block.
    /// - Throws: `MLUError.outOfMemory`.
    public mutating func allocate(_ byteCount: Int, label: String) throws(MLUError) -> Block {
        let (padded, overflow) = max(byteCount, 1).addingReportingOverflow(Self.alignment - 1)
        let size = padded / Self.alignment * Self.alignment
        var best: Int?
        for (index, range) in free.enumerated() where range.count >= size {
            if best.map({ range.count < free[$0].count }) ?? true { best = index }
        }
        guard !overflow, let best else {
            throw .outOfMemory(request: byteCount, label: label, state: occupancy)
        }
        let block = Block(offset: free[best].lowerBound, byteCount: size)
        if free[best].count == size {
            free.remove(at: best)
        } else {
            free[best] = free[best].lowerBound + size..<free[best].upperBound
        }
        labels[block] = label
        usedBytes += size
        peakBytes = max(peakBytes, usedBytes)
        return block
    }

    /// Gives a block back.
    ///
    /// - Precondition: The block is in use.
    public mutating func release(_ block: Block) {
        precondition(labels.removeValue(forKey: block) != nil, "The block at \(block.offset) is not in use")
        usedBytes -= block.byteCount
        var range = block.offset..<block.offset + block.byteCount
        var index = free.firstIndex { $0.lowerBound >= range.upperBound } ?? free.count
        if index < free.count, free[index].lowerBound == range.upperBound {
            range = range.lowerBound..<free.remove(at: index).upperBound
        }
        if index > 0, free[index - 1].upperBound == range.lowerBound {
            index -= 1
            range = free.remove(at: index).lowerBound..<range.upperBound
        }
        free.insert(range, at: index)
    }

    /// How full the memory is.
    public var occupancy: Occupancy {
        let largest = labels.sorted { ($1.key.byteCount, $0.value) < ($0.key.byteCount, $1.value) }.prefix(3)
        let owners = largest.map { "'\($0.value)' (\($0.key.byteCount) bytes)" }.joined(separator: ", ")
        return Occupancy(
            capacity: capacity, freeBytes: free.reduce(0) { $0 + $1.count },
            largestFreeBlock: free.map(\.count).max() ?? 0, owners: owners.isEmpty ? "nothing" : owners)
    }
}
