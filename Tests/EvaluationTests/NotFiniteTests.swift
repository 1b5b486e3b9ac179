import Calibration
import Evaluation
import Graphs
import Tensors
import TestSupport
import Testing

/// What is not a number is said, and not taken for a good layer or for class 0.
@Suite struct NotFiniteTests {
    /// The report of a model whose value is nowhere a number, in the quantized model.
    private static func report(
        spoiling values: Set<String>, rows: Range<Int>? = nil, labels: [Int]? = nil
    ) throws
        -> ResultManifest.Evaluation
    {
        let pair = try ModelPair(float: SmallModels.float(), quantized: SmallModels.quantized())
        let names = Set(pair.layers.filter { values.contains($0.value) }.map(\.quantizedValue))
        var runs = 0
        let statistics = try SmallModels.evaluate(pair, SmallModels.inputs(6), batches: [0..<6]) { outputs in
            // The float model runs first.
            defer { runs += 1 }
            guard runs > 0 else { return }
            for name in names {
                let shape = outputs[name]?.shape ?? []
                let row = shape.rank == 0 || shape[0] == 0 ? 0 : shape.elementCount / shape[0]
                outputs[name]?.withMutableElements(as: Float.self) { elements in
                    for index in elements.indices where rows?.contains(index / row) ?? true { elements[index] = .nan }
                }
            }
        }
        let file = ResultManifest.File(name: "model.onnx", sha256: "0", bytes: 1)
        return try EvaluationReport(
            statistics, layers: pair.layers, unmatched: pair.unmatched,
            provenance: EvaluationReport.Provenance(
                floatModel: file, quantizedModel: file,
                data: ResultManifest.DataSummary(sha256: "1", samples: 6, files: [], skipped: []),
                plan: ResultManifest.Plan(sha256: "2", batchSize: 6, batchesPerShard: 1, shards: 1),
                instructionSet: nil), labels: labels
        ).document
    }

    @Test func aLayerThatIsNowhereFiniteIsNotExact() throws {
        let report = try Self.report(spoiling: ["p"])
        let layer = try #require(report.layers.first { $0.value == "p" })
        for errors in [layer.own, layer.total] {
            #expect(!errors.isExact && errors.cosine == nil && errors.sqnrDecibels == nil)
            #expect(errors.elements == 0 && errors.notFinite == 24)
        }
        #expect(layer.inheritedShare == nil)
        let other = try #require(report.layers.first { $0.value == "f" })
        #expect(other.own.cosine != nil && other.own.notFinite == nil)
    }

    @Test func scoresThatAreNotNumbersPreferNoClass() throws {
        let report = try Self.report(
            spoiling: ["scores"], rows: 0..<2, labels: [SamplePrediction.noClass, 0, 0, 0, 0, 0].map { Int($0) })
        let good = try Self.report(spoiling: [], labels: [0, 0, 0, 0, 0, 0])
        let classification = try #require(report.classification)
        let before = try #require(good.classification)
        #expect(classification.withoutClass == 2 && before.withoutClass == nil)
        #expect(classification.agreeing <= before.agreeing && classification.agreeing <= 4)
        #expect(try #require(classification.quantizedCorrect) <= 4)
    }
}
