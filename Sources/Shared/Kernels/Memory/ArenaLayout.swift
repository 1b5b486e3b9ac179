/// Gives the blocks of a plan offsets in one `Arena`, such that blocks in use at the same time do not overlap.
package struct ArenaLayout {
    /// A block and the steps between which it is in use.
    private struct Block {
        let slot: Int
        let byteCount: Int
        let lifetime: ClosedRange<Int>
    }

    /// Offset of each slot; meaningless for slots outside the arena.
    package private(set) var offsets: [Int]
    /// Bytes that the arena needs.
    package private(set) var byteCount = 0

    /// Plans the memory.
    ///
    /// - Parameters:
    ///   - byteCounts: The size of each slot; `nil` where it lies outside the arena.
    ///   - uses: For each step in order the slots that it uses; a slot that none uses gets no memory.
    ///   - lasting: Slots whose contents are read after the last step.
    package init(byteCounts: [Int?], uses: [[Int]], lasting: [Int]) {
        offsets = [Int](repeating: 0, count: byteCounts.count)
        var first = [Int?](repeating: nil, count: byteCounts.count)
        var last = [Int](repeating: 0, count: byteCounts.count)
        for (index, slots) in uses.enumerated() {
            for slot in slots {
                if first[slot] == nil { first[slot] = index }
                last[slot] = index
            }
        }
        for slot in lasting { last[slot] = uses.count }
        var blocks: [Block] = []
        for (slot, byteCount) in byteCounts.enumerated() {
            guard let byteCount, let first = first[slot] else { continue }
            blocks.append(
                Block(
                    slot: slot, byteCount: max(roundedUp(byteCount), Self.alignment), lifetime: first...last[slot]))
        }
        place(blocks)
    }

    /// Start of each block: one cache line, one AVX-512 register.
    private static let alignment = 64

    /// Largest first, each at the lowest gap between the blocks that live at the same time.
    private mutating func place(_ blocks: [Block]) {
        let order = blocks.sorted { left, right in
            left.byteCount != right.byteCount ? left.byteCount > right.byteCount : left.slot < right.slot
        }
        var placed: [Block] = []
        for block in order {
            let neighbours = placed.filter { $0.lifetime.overlaps(block.lifetime) }
                .sorted { offsets[$0.slot] < offsets[$1.slot] }
            var offset = 0
            for neighbour in neighbours {
                if offset + block.byteCount <= offsets[neighbour.slot] { break }
                offset = max(offset, offsets[neighbour.slot] + neighbour.byteCount)
            }
            offsets[block.slot] = offset
            byteCount = max(byteCount, offset + block.byteCount)
            placed.append(block)
        }
    }

    private func roundedUp(_ count: Int) -> Int {
        (count + Self.alignment - 1) / Self.alignment * Self.alignment
    }
}
