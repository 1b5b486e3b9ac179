import TestSupport
import Testing

@testable import MLU

@Suite struct DeviceMemoryTests {
    @Test func blocksNeverOverlapAndEverythingComesBack() throws {
        for seed in UInt64(1)...20 {
            var random = SeededGenerator(seed: seed)
            var memory = DeviceMemory(capacity: 1 << 20)
            var held: [DeviceMemory.Block] = []
            for step in 0..<400 {
                if held.isEmpty || Bool.random(using: &random) {
                    let size = Int.random(in: 0...60_000, using: &random)
                    let largest = memory.occupancy.largestFreeBlock
                    if let block = try? memory.allocate(size, label: "\(step)") {
                        held.append(block)
                    } else {
                        #expect(largest < size, "seed \(seed), step \(step)")
                    }
                } else {
                    memory.release(held.remove(at: Int.random(in: 0..<held.count, using: &random)))
                }
                let ranges = held.map { $0.offset..<$0.offset + $0.byteCount }.sorted { $0.lowerBound < $1.lowerBound }
                #expect(
                    zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound },
                    "seed \(seed), step \(step)")
                #expect(memory.usedBytes == ranges.reduce(0) { $0 + $1.count }, "seed \(seed), step \(step)")
                #expect(memory.usedBytes + memory.occupancy.freeBytes == memory.capacity, "seed \(seed), step \(step)")
            }
            for block in held { memory.release(block) }
            // All free ranges have joined.
            #expect(memory.occupancy.largestFreeBlock == memory.capacity && memory.blockCount == 0, "seed \(seed)")
        }
    }

    @Test func theSmallestSufficientRangeIsTaken() throws {
        var memory = DeviceMemory(capacity: 16 * 512)
        let blocks = try (0..<16).map { index throws(MLUError) in try memory.allocate(512, label: "\(index)") }
        for index in [1, 2, 3, 7, 8] { memory.release(blocks[index]) }
        // Two ranges are free, of three and of two units: the request for two takes the second.
        #expect(try memory.allocate(1024, label: "new").offset == 7 * 512)
        #expect(memory.peakBytes == 16 * 512)
    }

    @Test func runningOutOfMemorySaysWhoHoldsIt() throws {
        var memory = DeviceMemory(capacity: 1 << 16)
        _ = try memory.allocate(50_000, label: "layer1.weight")
        #expect {
            _ = try memory.allocate(30_000, label: "layer2")
        } throws: { error in
            let text = "\(error)"
            return text.contains("'layer2' needs 30000 bytes") && text.contains("'layer1.weight'")
                && text.contains("Use a smaller batch")
        }
    }
}
