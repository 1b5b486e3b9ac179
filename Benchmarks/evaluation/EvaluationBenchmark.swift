import Conversion
import Evaluation
import Execution
import Foundation
import Graphs
import ONNXFormat
import Tensors

/// Measures how many samples per second an evaluation compares on one thread, against the float executor alone.
///
/// `evaluation-benchmark FLOAT.onnx QUANTIZED.onnx BATCH [SECONDS]` prints one line of JSON: samples per second of the float
/// model alone and of the evaluation, and which share of the evaluation's time each of its parts takes.
@main
struct EvaluationBenchmark {
    static func main() throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard (3...4).contains(arguments.count), let batch = Int(arguments[2]), batch > 0 else {
            FileHandle.standardError.write(
                Data("usage: evaluation-benchmark FLOAT.onnx QUANTIZED.onnx BATCH [SECONDS]\n".utf8))
            exit(64)
        }
        let float = try PreparedGraph(ONNXModel.load(from: URL(filePath: arguments[0])).graph).graph
        let quantized = try ONNXModel.load(from: URL(filePath: arguments[1])).graph
        try EvaluationBenchmark(pair: ModelPair(float: float, quantized: quantized), plain: float, batch: batch)
            .run(for: .seconds(arguments.count == 4 ? Double(arguments[3]) ?? 5 : 5))
    }

    let pair: ModelPair
    let plain: Graph
    let batch: Int

    private struct Figures: Encodable {
        var floatSamplesPerSecond: Double
        var evaluatedSamplesPerSecond: Double
        var ratio: Double
        var floatShare: Double
        var quantizedShare: Double
        var isolatedShare: Double
        var comparisonShare: Double
    }

    /// The float model alone and the evaluation in turns, on the same samples.
    private func run(for limit: Duration) throws {
        let alone = try AcceleratedExecutor(plain)
        let outputs = OutputMemory()
        let executors: [EvaluationAccumulator.Role: AcceleratedExecutor] = [
            .float: try AcceleratedExecutor(pair.float, outputs: outputs),
            .quantized: try AcceleratedExecutor(pair.quantized, outputs: outputs),
            .isolated: try AcceleratedExecutor(pair.isolated, outputs: outputs),
        ]
        let inputs = Dictionary(uniqueKeysWithValues: plain.inputs.map { ($0.name, makeInput($0.type)) })
        let clock = ContinuousClock()
        let samples = (0..<batch).map { UInt64($0) }
        var (plainTime, wholeTime) = (Duration.zero, Duration.zero)
        var times: [EvaluationAccumulator.Role: Duration] = [:]
        var rounds = -1
        let start = clock.now
        while clock.now - start < limit || rounds < 3 {
            let first = try clock.measure { _ = try alone.run(inputs, tap: nil) }
            var parts: [EvaluationAccumulator.Role: Duration] = [:]
            var accumulator = EvaluationAccumulator(pair)
            let second = try clock.measure {
                try accumulator.addBatch(samples: samples, inputs: inputs) { role, inputs in
                    var outputs: [String: Tensor] = [:]
                    parts[role] = try clock.measure { outputs = try executors[role]?.run(inputs, tap: nil) ?? [:] }
                    return outputs
                }
            }
            rounds += 1
            // The first round plans and allocates.
            guard rounds > 0 else { continue }
            plainTime += first
            wholeTime += second
            for (role, time) in parts { times[role, default: .zero] += time }
        }
        let count = Double(rounds * batch)
        func share(_ role: EvaluationAccumulator.Role) -> Double { (times[role] ?? .zero) / wholeTime }
        let figures = Figures(
            floatSamplesPerSecond: count / (plainTime / .seconds(1)),
            evaluatedSamplesPerSecond: count / (wholeTime / .seconds(1)), ratio: plainTime / wholeTime,
            floatShare: share(.float), quantizedShare: share(.quantized), isolatedShare: share(.isolated),
            comparisonShare: 1 - share(.float) - share(.quantized) - share(.isolated))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        FileHandle.standardOutput.write(try encoder.encode(figures) + Data("\n".utf8))
    }

    /// Numbers between 0 and 1 that repeat after 251 elements.
    private func makeInput(_ type: TensorType) -> Tensor {
        let dimensions = (type.dimensions ?? []).enumerated().map { $1.fixedValue ?? ($0 == 0 ? batch : 1) }
        let shape = Shape(dimensions)
        return Tensor(shape: shape, elements: (0..<shape.elementCount).map { Float($0 % 251) / 251 })
    }
}
