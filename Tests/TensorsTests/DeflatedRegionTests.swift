import Foundation
import TestSupport
import Testing

@testable import Tensors

@Suite struct DeflatedRegionTests {
    /// Bytes that deflate well and differ everywhere.
    private func sample(count: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        var bytes: [UInt8] = []
        while bytes.count < count {
            let word = generator.next()
            bytes += [UInt8](repeating: UInt8(truncatingIfNeeded: word), count: Int(word >> 8 & 31) + 1)
        }
        return Array(bytes.prefix(count))
    }

    private func region(_ bytes: [UInt8], in folder: TemporaryFolder) throws -> DeflatedRegion {
        let deflated = Deflate.compress(bytes)
        let file = try InputFile(path: folder.file("deflated", [1, 2, 3] + deflated + [4]))
        return try DeflatedRegion(
            file: file, compressed: 3..<3 + deflated.count, byteCount: bytes.count,
            checksum: Deflate.checksum(of: bytes), member: "x")
    }

    @Test func anyRangeInAnyOrderGivesTheSameBytes() throws {
        let folder = try TemporaryFolder()
        let seed: UInt64 = 0x7A2E_0003
        let bytes = sample(count: 9_000_000, seed: seed)
        let region = try region(bytes, in: folder)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<60 {
            let start = Int.random(in: 0...bytes.count, using: &generator)
            let end = min(bytes.count, start + Int.random(in: 0...200_000, using: &generator))
            #expect(try region.bytes(start..<end) == Array(bytes[start..<end]), "seed \(seed), \(start)..<\(end)")
        }
        try region.verify()
        #expect(try region.bytes(0..<bytes.count) == bytes)
    }

    @Test func wrongSizesAndChecksumsAreFound() throws {
        let folder = try TemporaryFolder()
        let bytes = sample(count: 100_000, seed: 1)
        let deflated = Deflate.compress(bytes)
        let checksum = Deflate.checksum(of: bytes)
        let file = try InputFile(path: folder.file("deflated", deflated + [0]))
        func open(_ range: Range<Int>, _ byteCount: Int, _ checksum: UInt32) throws {
            try DeflatedRegion(file: file, compressed: range, byteCount: byteCount, checksum: checksum, member: nil)
                .verify()
        }
        try open(0..<deflated.count, bytes.count, checksum)
        #expect(throws: TensorFileError.self) { try open(0..<deflated.count, bytes.count, checksum ^ 1) }
        #expect(throws: TensorFileError.self) { try open(0..<deflated.count, bytes.count - 1, checksum) }
        #expect(throws: TensorFileError.self) { try open(0..<deflated.count, bytes.count + 1, checksum) }
        #expect(throws: TensorFileError.self) { try open(0..<deflated.count + 1, bytes.count, checksum) }
        #expect(throws: TensorFileError.self) { try open(0..<deflated.count - 1, bytes.count, checksum) }
        #expect(throws: TensorFileError.self) { try open(0..<deflated.count, 1 << 40, checksum) }
        #expect(throws: TensorFileError.self) { try open(0..<deflated.count + 2, bytes.count, checksum) }
    }

    @Test func damageIsReportedAgainAtEveryLaterRead() throws {
        let folder = try TemporaryFolder()
        let bytes = sample(count: 100_000, seed: 2)
        let deflated = Deflate.compress(bytes)
        let file = try InputFile(path: folder.file("deflated", deflated))
        let region = try DeflatedRegion(
            file: file, compressed: 0..<deflated.count, byteCount: bytes.count, checksum: 1, member: nil)
        #expect(throws: TensorFileError.self) { try region.bytes(0..<bytes.count) }
        #expect(throws: TensorFileError.self) { try region.bytes(0..<10) }
    }
}
