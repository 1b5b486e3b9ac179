import Calibration
import Conversion
import Evaluation
import Execution
import Foundation
import Graphs
import ONNXFormat
import Quantization
import Tensors
import TestSupport
import Testing

/// The bytes of statistics, recorded before the comparison was made fast: whoever changes how it computes keeps them.
///
/// The reference executor runs the models, so the bytes are the same on every machine.
@Suite struct RecordedStatisticsTests {
    @Test(arguments: [
        [0..<1, 1..<2, 2..<3, 3..<4, 4..<5, 5..<6, 6..<7, 7..<8, 8..<9, 9..<10, 10..<11], [0..<8, 8..<11],
    ])
    func ofTheDigitsModelInBatchesOfOneAndOfEight(batches: [Range<Int>]) throws {
        let digits = try Digits()
        let statistics = try SmallModels.evaluate(
            ModelPair(float: digits.float, quantized: digits.quantized), digits.images, batches: batches)
        let digest = ContentDigest(of: try statistics.encoded()).hexadecimal
        #expect(digest == "44aa41e4bc800c0465cfed8276005c702a98b85b080e93f10a867d2fd86b79dd")
    }

    @Test func ofValuesThatAreNotFiniteOrMinusZero() throws {
        let pair = try ModelPair(float: SmallModels.float(), quantized: SmallModels.quantized())
        var generator = SeededGenerator(seed: 77)
        let statistics = try SmallModels.evaluate(pair, SmallModels.inputs(11), batches: [0..<1, 1..<9, 9..<11]) {
            outputs in
            // In the order of the names, so that the generator gives the same places.
            for name in outputs.keys.sorted() where name != pair.scores {
                outputs[name]?.spoil(&generator)
            }
        }
        #expect(statistics.layers.values.contains { $0.own.omitted > 0 && $0.total.omitted > $0.own.omitted })
        let digest = ContentDigest(of: try statistics.encoded()).hexadecimal
        #expect(digest == "8b0eb4d3051641fdbba1d032ecd6d702ac34aec2752cd452aa36a4c8a07dcf05")
    }
}

extension Tensor {
    /// Puts numbers into some places that are not finite, or minus zero, or as large as a number can be.
    fileprivate mutating func spoil(_ generator: inout SeededGenerator) {
        withMutableElements(as: Float.self) { elements in
            for index in elements.indices where generator.next() % 9 == 0 {
                let values: [Float] = [
                    .nan, .infinity, -.infinity, -0.0, .greatestFiniteMagnitude, .leastNonzeroMagnitude,
                ]
                elements[index] = values[Int(generator.next() % UInt64(values.count))]
            }
        }
    }
}

/// The example's model, its quantized form by the ranges of a few images, and these images.
private struct Digits {
    let float: Graph
    let quantized: Graph
    let images: [String: Tensor]

    init() throws {
        let folder = Fixtures.directory.appending(path: "../../Examples/digits").standardizedFileURL
        let model = try ONNXModel.load(from: folder.appending(path: "digits.onnx"))
        let plan = try QuantizationPlan(PreparedGraph(model.graph), options: QuantizationOptions())
        float = plan.graph
        let name = try #require(float.inputs.first?.name)
        let data = try NPZFile(path: folder.appending(path: "evaluation.npz").path).tensor(name)
        images = [name: data.slice(outermost: 0..<11)]
        let tap = RangeTap()
        _ = try ReferenceExecutor(float, observing: plan.observedTensors).run(images, tap: tap)
        quantized = try plan.quantize(
            tap.ranges.mapValues { QuantizationParameters(range: $0, scheme: plan.options.activations) }
        ).graph
    }
}

/// Remembers the smallest and the largest element of each observed value.
private final class RangeTap: TensorTap {
    private(set) var ranges: [String: TensorRange] = [:]

    func observe(_ value: String, elements: Span<Float>) {
        for index in elements.indices {
            let element = elements[index]
            let old = ranges[value] ?? TensorRange(minimum: element, maximum: element)
            ranges[value] = TensorRange(minimum: min(old.minimum, element), maximum: max(old.maximum, element))
        }
    }
}
