import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct RawSampleTests {
    private var samples: [RawSample] {
        let entries = ElementType.allCases.map { type in
            RawSample.Entry(name: "a.\(type)", tensor: Tensor(zeros: [2, 1, 3], elementType: type))
        }
        return [
            RawSample(name: "images/ü.jpg", content: .image([1, 2, 3])), RawSample(name: "", content: .image([])),
            RawSample(name: "x.npz[3]", content: .arrays(entries)),
            RawSample(name: "x.npy[0]", content: .arrays([.init(name: nil, tensor: Tensor(scalar: Float(2.5)))])),
            RawSample(
                name: "a.tar[1]",
                content: .fields([
                    .image(name: "jpg", bytes: [1, 2, 3]), .array(entries[0]), .image(name: "left", bytes: []),
                ])),
            RawSample(
                name: "y", content: .arrays([.init(name: "", tensor: Tensor(zeros: [0, 4], elementType: .bool))])),
        ]
    }

    @Test func everySampleSurvivesTheWay() throws {
        for sample in samples { #expect(try RawSample(decoding: sample.encoded()) == sample) }
    }

    @Test func damagedBytesGiveErrorsAndNeverCrash() throws {
        let seed: UInt64 = 0x7A2E_0007
        var generator = SeededGenerator(seed: seed)
        for sample in samples {
            let original = sample.encoded()
            for length in 0..<original.count {
                #expect(throws: DatasetError.self) { try RawSample(decoding: Array(original[..<length])) }
            }
            #expect(throws: DatasetError.self) { try RawSample(decoding: original + [0]) }
            for _ in 0..<5_000 {
                var bytes = original
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                }
                _ = try? RawSample(decoding: bytes)
            }
        }
    }
}
