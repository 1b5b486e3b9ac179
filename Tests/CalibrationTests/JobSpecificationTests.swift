import Testing

@testable import Calibration

@Suite struct JobSpecificationTests {
    @Test func canonicalBytesReadBackTheSame() throws {
        let job = try PlanTests.job(samples: 7, batch: 2, perShard: 3)
        #expect(try JobSpecification(canonicalBytes: job.canonicalBytes()) == job)
        let text = String(decoding: try job.canonicalBytes(), as: UTF8.self)
        #expect(text.hasPrefix("{\"batchSize\":2,\"batchesPerShard\":3,"))
    }

    @Test func otherFormsOfTheSameJobAreRefused() throws {
        let bytes = try PlanTests.job(samples: 7, batch: 2, perShard: 3).canonicalBytes()
        #expect(throws: JobSpecificationError.self) { try JobSpecification(canonicalBytes: bytes + [0x20]) }
        #expect(throws: JobSpecificationError.self) { try JobSpecification(canonicalBytes: Array(bytes.dropLast())) }
        #expect(throws: JobSpecificationError.self) { try JobSpecification(canonicalBytes: []) }
    }

    @Test func fieldsOutOfRangeAreNamed() throws {
        #expect(throws: JobSpecificationError.outOfRange(field: "sampleCount", value: 0)) {
            try PlanTests.job(samples: 0, batch: 1, perShard: 1)
        }
        #expect(throws: JobSpecificationError.outOfRange(field: "batchSize", value: 65_537)) {
            try PlanTests.job(samples: 1, batch: 65_537, perShard: 1)
        }
        #expect(throws: JobSpecificationError.repeated(field: "observedTensors")) {
            try PlanTests.job(samples: 1, batch: 1, perShard: 1, tensors: ["x", "x"])
        }
    }

    @Test(arguments: ["", "/etc/passwd", "../m.onnx", "a/../b", "a//b", "./a"])
    func modelPathsOutsideTheFolderAreRefused(path: String) {
        #expect(throws: JobSpecificationError.path(path)) {
            try JobSpecification(
                model: [.init(path: path, digest: ContentDigest(of: []), byteCount: 0)],
                dataDigest: ContentDigest(of: []),
                sampleCount: 1, batchSize: 1, batchesPerShard: 1, observedTensors: [], collectsHistograms: false)
        }
    }

    @Test func digestsReadTheirTextAndNothingElse() {
        let digest = ContentDigest(of: Array("abc".utf8))
        #expect(digest.hexadecimal == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(ContentDigest(hexadecimal: digest.hexadecimal) == digest)
        #expect(ContentDigest(hexadecimal: digest.hexadecimal.uppercased()) == nil)
        #expect(ContentDigest(hexadecimal: "00") == nil)
    }
}
