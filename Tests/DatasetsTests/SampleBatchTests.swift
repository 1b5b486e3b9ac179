import Datasets
import Graphs
import Tensors
import TestSupport
import Testing

/// How samples become what a model takes at once.
@Suite struct SampleBatchTests {
    private static func value(_ name: String, _ type: ElementType, _ dimensions: [Dimension]?) -> Graph.Value {
        Graph.Value(name: name, type: TensorType(elementType: type, dimensions: dimensions))
    }

    /// The inputs of a recurrent network for speech: the batch is the second axis of the state, and all samples have one rate.
    private static let speech = [
        value("input", .float32, [.symbol("batch"), .symbol("sequence")]),
        value("state", .float32, [2, .symbol("batch"), 3]), value("rate", .int64, []),
    ]

    private static func sample(_ name: String, length: Int, first: Float, rate: Int64) -> DecodedSample {
        DecodedSample(
            name: name,
            tensors: [
                "input": Tensor(shape: [length], elements: (0..<length).map { first + Float($0) }),
                "state": Tensor(shape: [2, 3], elements: (0..<6).map { first + Float($0) }),
                "rate": Tensor(shape: [], elements: [rate]),
            ])
    }

    @Test func theBatchAxisIsThatOfTheFirstInput() {
        let signatures = InputSignature.signatures(of: Self.speech)
        #expect(signatures.map(\.batchAxis) == [0, 1, nil])
        #expect(signatures.map(\.sampleDimensions) == [[nil], [2, 3], []])
        #expect(signatures.map(\.batchExtent) == [nil, nil, nil])
        let fixed = InputSignature.signatures(of: [
            Self.value("input", .float32, [1, 576]), Self.value("state", .float32, [2, 1, 128]),
            Self.value("mask", .bool, [.unknown, 7]), Self.value("anything", .float32, nil),
        ])
        #expect(fixed.map(\.batchAxis) == [0, 1, 0, 0])
        #expect(fixed.map(\.batchExtent) == [1, 1, nil, nil])
        #expect(fixed[1].sampleDimensions == [2, 128] && fixed[3].sampleDimensions == nil)
        // An extent about which nothing is known is not like another one.
        let unknown = InputSignature.signatures(of: [
            Self.value("a", .float32, [.unknown, 4]), Self.value("b", .float32, [3, .unknown]),
        ])
        #expect(unknown.map(\.batchAxis) == [0, 0])
    }

    @Test func samplesFollowEachOtherAlongTheBatchAxis() throws {
        let decoder = try SampleDecoder(inputs: InputSignature.signatures(of: Self.speech), preprocessing: nil)
        let batch = try decoder.assembleBatch([
            Self.sample("a", length: 2, first: 0, rate: 8), Self.sample("b", length: 2, first: 10, rate: 8),
        ])
        #expect(batch["input"] == Tensor(shape: [2, 2], elements: [0, 1, 10, 11] as [Float]))
        #expect(
            batch["state"]
                == Tensor(shape: [2, 2, 3], elements: [0, 1, 2, 10, 11, 12, 3, 4, 5, 13, 14, 15] as [Float]))
        #expect(batch["rate"] == Tensor(shape: [], elements: [8] as [Int64]))
        #expect(try decoder.assembleBatch([]).isEmpty)
    }

    @Test func samplesThatCannotRunAtOnceAreNamed() throws {
        let decoder = try SampleDecoder(inputs: InputSignature.signatures(of: Self.speech), preprocessing: nil)
        for other in [
            Self.sample("other", length: 3, first: 0, rate: 8), Self.sample("other", length: 2, first: 0, rate: 16),
        ] {
            let error = #expect(throws: DatasetError.self) {
                try decoder.assembleBatch([Self.sample("one", length: 2, first: 0, rate: 8), other])
            }
            let text = error?.description ?? ""
            #expect(text.contains("one") && text.contains("other"), "\(text)")
        }
        let error = #expect(throws: DatasetError.self) {
            try decoder.assembleBatch([DecodedSample(name: "empty", tensors: [:])])
        }
        #expect(error?.description.contains("'input'") == true)
    }

    @Test func whatCanRunAtOnceDoes() throws {
        let decoder = try SampleDecoder(inputs: InputSignature.signatures(of: Self.speech), preprocessing: nil)
        let samples = [
            Self.sample("0", length: 2, first: 0, rate: 8), Self.sample("1", length: 3, first: 1, rate: 8),
            Self.sample("2", length: 2, first: 2, rate: 8), Self.sample("3", length: 2, first: 3, rate: 16),
            Self.sample("4", length: 3, first: 4, rate: 8),
        ]
        let batches = try decoder.assembleBatches(samples)
        #expect(batches.map(\.positions) == [[0, 2], [1, 4], [3]])
        for batch in batches {
            #expect(try batch.inputs == decoder.assembleBatch(batch.positions.map { samples[$0] }))
        }
    }

    @Test func filesWithSamplesOfOtherSizesAreOneDataset() throws {
        let folder = try TemporaryFolder()
        try NPZFile.write(["x": Tensor(zeros: [2, 4, 5], elementType: .float32)], to: folder.path("a.npz"))
        try NPZFile.write(["x": Tensor(zeros: [3, 6, 5], elementType: .float32)], to: folder.path("b.npz"))
        try NPZFile.write(["x": Tensor(zeros: [3, 6, 5], elementType: .float64)], to: folder.path("c.npz"))
        let source = try DatasetSource(paths: [folder.path("a.npz"), folder.path("b.npz")], arrays: ["x"])
        #expect(source.sampleCount == 5 && source.contents.count == 2)
        #expect(throws: DatasetError.self) {
            try DatasetSource(paths: [folder.path("a.npz"), folder.path("c.npz")], arrays: ["x"])
        }
    }
}
