import Conversion
import Execution
import Foundation
import Graphs
import MLU
import ONNXFormat
import Quantization
import Tensors

/// Measures how many samples per second the modules of the simulated device compute on one thread, beside the float
/// model.
///
/// Times are processor times of the one thread, which other processes disturb less.
///
/// `mlu-benchmark MODEL.onnx BATCH [--seconds S] [--modes float,int8,int8-per-channel,int16] [--profile] [--check]`
/// runs the modes in turns and prints one line of JSON with the median of each. The float graph is
/// converted with `quantizeDynamicMLU` and calibrated on a few reproducible samples. `--check` compares the bits of the
/// first sample with the plain executor; `--profile` prints the time of each step, slowest first.
@main
struct MLUBenchmark {
    private var model = URL(filePath: "/")
    private var batch = 1
    private var seconds = 3.0
    private var modes = ["float", "int8", "int16"]
    private var profiles = false
    private var checks = false

    static func main() throws {
        var benchmark = MLUBenchmark()
        var positional: [String] = []
        var arguments = CommandLine.arguments.dropFirst()
        while let argument = arguments.popFirst() {
            switch argument {
            case "--seconds": benchmark.seconds = Double(arguments.popFirst() ?? "") ?? benchmark.seconds
            case "--modes":
                benchmark.modes = (arguments.popFirst() ?? "").split(separator: ",").map(String.init)
            case "--profile": benchmark.profiles = true
            case "--check": benchmark.checks = true
            default: positional.append(argument)
            }
        }
        guard positional.count == 2, let batch = Int(positional[1]), batch > 0 else {
            FileHandle.standardError.write(Data("usage: mlu-benchmark MODEL.onnx BATCH [options]\n".utf8))
            exit(64)
        }
        benchmark.model = URL(filePath: positional[0])
        benchmark.batch = batch
        try benchmark.run()
    }

    /// One way to run the model.
    private struct Contender {
        var name: String
        var graph: Graph
        var executor: AcceleratedExecutor
        /// Seconds of processor time.
        var durations: [Double] = []
        var outputs: [Float] = []
    }

    private func run() throws {
        let prepared = try ONNXModel.load(from: model).graph.preparedForMLU()
        let inputs = samples(of: prepared, seed: 42)
        var contenders: [Contender] = []
        for mode in modes {
            let graph = try graph(of: mode, prepared)
            var contender = Contender(name: mode, graph: graph, executor: try AcceleratedExecutor(graph))
            contender.outputs = try outputs(contender, inputs)
            contenders.append(contender)
        }
        if checks { try check(contenders) }
        let wall = ContinuousClock()
        let start = wall.now
        while wall.now - start < .seconds(seconds) || contenders[0].durations.count < 5 {
            for index in contenders.indices {
                let begin = clock()
                _ = try contenders[index].executor.run(inputs)
                contenders[index].durations.append(Double(clock() - begin) / 1e6)
            }
        }
        report(contenders)
        if profiles { for contender in contenders { try profile(contender, inputs) } }
    }

    private func graph(of mode: String, _ prepared: Graph) throws -> Graph {
        if mode == "float" { return prepared }
        let parts = mode.split(separator: "-", maxSplits: 1)
        let specification = MLUQuantizationSpecification(isPerChannel: parts.count > 1)
        let conversion = try prepared.quantizeDynamicMLU(
            qconfigSpec: specification, dtype: String(parts[0]), genQuant: true)
        let calibration = try MLUCalibration(conversion)
        for seed in 1...4 { _ = try calibration.run(samples(of: prepared, seed: UInt64(seed))) }
        var graph = try prepared.quantizeDynamicMLU().graph
        try graph.loadMLUState(calibration.stateDictionary().state)
        return graph
    }

    private func outputs(_ contender: Contender, _ inputs: [String: Tensor]) throws -> [Float] {
        let results = try contender.executor.run(inputs)
        return contender.graph.outputs.flatMap { results[$0.name]?.elements(as: Float.self) ?? [] }
    }

    private func report(_ contenders: [Contender]) {
        let reference = contenders[0]
        var fields = ["\"model\": \"\(model.lastPathComponent)\"", "\"batch\": \(batch)"]
        for contender in contenders {
            let median = contender.durations.sorted()[contender.durations.count / 2]
            fields.append("\"\(contender.name)_per_second\": \(Double(batch) / median)")
            if contender.name != reference.name {
                let pairs = zip(contender.durations, reference.durations)
                let ratios = pairs.map { $1 / $0 }.sorted()
                fields.append("\"\(contender.name)_ratio\": \(ratios[ratios.count / 2])")
                fields.append(
                    "\"\(contender.name)_relative_l2\": \(relativeError(contender.outputs, reference.outputs))")
            }
        }
        fields.append("\"int8_kernels\": \"\(IntegerArithmetic.int8Kernels)\"")
        fields.append("\"own_kernels\": \"\(IntegerArithmetic.ownKernels)\"")
        print("{\(fields.joined(separator: ", "))}")
    }

    private func relativeError(_ actual: [Float], _ expected: [Float]) -> Double {
        var difference = 0.0
        var norm = 0.0
        for (left, right) in zip(actual, expected) {
            difference += Double(left - right) * Double(left - right)
            norm += Double(right) * Double(right)
        }
        return (difference / norm).squareRoot()
    }

    /// Says which modules have the bits of the plain executor, which takes minutes.
    ///
    /// Floating-point kernels between modules may round otherwise there, for example an average, and what reads them differs
    /// with them.
    private func check(_ contenders: [Contender]) throws {
        for contender in contenders where contender.name != "float" {
            let first = samples(of: contender.graph, seed: 42).mapValues { $0.slice(outermost: 0..<1) }
            let modules = contender.graph.nodes.filter { if case .mlu = $0.op { true } else { false } }
            let names = modules.map { $0.outputs[0] }
            let plain = RecordingTap()
            let fast = RecordingTap()
            _ = try ReferenceExecutor(contender.graph, observing: names).run(first, tap: plain)
            _ = try AcceleratedExecutor(contender.graph, observing: names).run(first, tap: fast)
            let different = names.filter { plain.sums[$0] != fast.sums[$0] }
            let readers = modules.filter { different.contains($0.outputs[0]) }.map(\.name)
            let note = readers.isEmpty ? "" : " (others: \(readers.joined(separator: ", ")))"
            print(
                "\(contender.name): \(names.count - different.count) of \(names.count) modules have the bits of the "
                    + "plain executor\(note)")
        }
    }

    private func profile(_ contender: Contender, _ inputs: [String: Tensor]) throws {
        let timer = StepTimer()
        let runs = 20
        for _ in 0..<runs { _ = try contender.executor.run(inputs, tap: nil, timer: timer) }
        var totals: [String: Duration] = [:]
        for entry in timer.entries { totals[entry.implementation, default: .zero] += entry.duration }
        func milliseconds(_ duration: Duration) -> String {
            String(format: "%.4f", duration / .milliseconds(1) / Double(runs))
        }
        print("\(contender.name):")
        for (name, duration) in totals.sorted(by: { $0.value > $1.value }) {
            print("\(milliseconds(duration)) ms  all  \(name)")
        }
        for entry in timer.entries.sorted(by: { $0.duration > $1.duration }).prefix(40) {
            print("\(milliseconds(entry.duration)) ms  \(entry.implementation)  \(entry.node)")
        }
    }

    /// Reproducible numbers, uniform between -1 and 1.
    private func samples(of graph: Graph, seed: UInt64) -> [String: Tensor] {
        var inputs: [String: Tensor] = [:]
        for input in graph.inputs {
            let extents = (input.type.dimensions ?? []).enumerated().map { axis, extent in
                extent.fixedValue ?? (axis == 0 ? batch : 1)
            }
            let shape = Shape(extents)
            var state = seed
            let elements = (0..<shape.elementCount).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Float(state >> 33) / 0x1p30 - 1
            }
            inputs[input.name] = Tensor(shape: shape, elements: elements)
        }
        return inputs
    }
}

/// A number for each observed value that does not depend on the order of its elements.
private final class RecordingTap: TensorTap {
    private(set) var sums: [String: UInt64] = [:]

    func observe(_ value: String, elements: Span<Float>) {
        var sum = sums[value] ?? 0
        for index in elements.indices {
            // 0 and -0 are the same number.
            let bits = UInt64((elements[index] + 0).bitPattern)
            sum &+= (bits &+ 1) &* (bits ^ 0x9E37_79B9_7F4A_7C15)
        }
        sums[value] = sum
    }
}
