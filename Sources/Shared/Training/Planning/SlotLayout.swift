/// Gives the blocks of a plan offsets in one arena, such that blocks in use at the same time do not overlap.
struct SlotLayout {
    private struct Block {
        let slot: Int
        let byteCount: Int
        let lifetime: ClosedRange<Int>
    }

    /// Offset of each slot; meaningless for slots outside the arena.
    private(set) var offsets: [Int]
    /// Bytes that the arena needs.
    private(set) var byteCount = 0

    /// Start of each block: one cache line, one AVX-512 register.
    private static let alignment = 64

    /// - Parameters:
    ///   - slots: The blocks.
    ///   - steps: What uses them, in order.
    ///   - lasting: Slots whose contents are read after the last step.
    init(slots: [TrainingSlot], steps: [TrainingStep], lasting: Set<Int>) {
        offsets = [Int](repeating: 0, count: slots.count)
        var first = [Int?](repeating: nil, count: slots.count)
        var last = [Int](repeating: 0, count: slots.count)
        for (index, step) in steps.enumerated() {
            for slot in step.slots {
                if first[slot] == nil { first[slot] = index }
                last[slot] = index
            }
        }
        var blocks: [Block] = []
        for (slot, description) in slots.enumerated() where description.isInArena {
            guard let start = first[slot] else { continue }
            let end = lasting.contains(slot) ? steps.count : last[slot]
            let size = max(
                (description.byteCount + Self.alignment - 1) / Self.alignment * Self.alignment, Self.alignment)
            blocks.append(Block(slot: slot, byteCount: size, lifetime: start...end))
        }
        place(blocks)
    }

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
}
