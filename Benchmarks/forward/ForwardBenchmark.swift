import Conversion
import Execution
import Foundation
import Graphs
import Kernels
import ONNXFormat
import Tensors

/// Measures how many samples per second the fast executor computes on one thread.
///
/// `forward-benchmark MODEL.onnx BATCH [--seconds S] [--observe none|convolutions|all] [--profile] [--whole]`
/// prints one line of JSON; `--profile` prints the time of each step, slowest first. `--statistics` measures calibration
/// (the statistics of all tensors that `tare calibrate` observes) against the plain forward pass, in turns.
@main
struct ForwardBenchmark {
    /// A tap that touches nothing but the extent, to show what observing itself costs.
    private final class CountingTap: TensorTap {
        var elements = 0

        func observe(_ value: String, elements: Span<Float>) {
            self.elements += elements.count
        }
    }

    private var model = URL(filePath: "/")
    private var batch = 1
    private var seconds = 3.0
    private var observe = "none"
    private var profiles = false
    private var comparesStatistics = false
    private var splits = true

    static func main() throws {
        var benchmark = ForwardBenchmark()
        var positional: [String] = []
        var arguments = CommandLine.arguments.dropFirst()
        while let argument = arguments.popFirst() {
            switch argument {
            case "--seconds": benchmark.seconds = Double(arguments.popFirst() ?? "") ?? benchmark.seconds
            case "--observe": benchmark.observe = arguments.popFirst() ?? "none"
            case "--profile": benchmark.profiles = true
            case "--statistics": benchmark.comparesStatistics = true
            case "--whole": benchmark.splits = false
            default: positional.append(argument)
            }
        }
        guard positional.count == 2, let batch = Int(positional[1]), batch > 0 else {
            FileHandle.standardError.write(Data("usage: forward-benchmark MODEL.onnx BATCH [options]\n".utf8))
            exit(64)
        }
        benchmark.model = URL(filePath: positional[0])
        benchmark.batch = batch
        if benchmark.comparesStatistics {
            try benchmark.compareStatistics()
        } else {
            try benchmark.run()
        }
    }

    /// Gathers what calibration gathers.
    private final class StatisticsTap: TensorTap {
        let accumulators: [String: StatisticsAccumulator]

        init(_ names: [String], histograms: Bool) {
            accumulators = Dictionary(
                uniqueKeysWithValues: names.map { ($0, StatisticsAccumulator(collectsHistogram: histograms)) })
        }

        func observe(_ value: String, elements: Span<Float>) {
            accumulators[value]?.observe(elements)
        }
    }

    /// Runs the plain pass, the pass with minimum and maximum, and the pass with histograms in turns on the same input.
    private func compareStatistics() throws {
        let prepared = try PreparedGraph(ONNXModel.load(from: model).graph)
        let observed = try QuantizationPlan(prepared, options: QuantizationOptions()).observedTensors
        let plain = try AcceleratedExecutor(prepared.graph)
        let observing = try AcceleratedExecutor(prepared.graph, observing: observed)
        var inputs: [String: Tensor] = [:]
        for input in prepared.graph.inputs { inputs[input.name] = makeInput(input.type) }
        let ranges = StatisticsTap(observed, histograms: false)
        let histograms = StatisticsTap(observed, histograms: true)
        let clock = ContinuousClock()
        var durations: [[Duration]] = [[], [], []]
        let start = clock.now
        var batch = UInt64(0)
        while clock.now - start < .seconds(seconds) || durations[0].count < 5 {
            for tap in [ranges, histograms] {
                for accumulator in tap.accumulators.values { accumulator.beginBatch(batch) }
            }
            durations[0].append(try clock.measure { _ = try plain.run(inputs, tap: nil) })
            durations[1].append(try clock.measure { _ = try observing.run(inputs, tap: ranges) })
            durations[2].append(try clock.measure { _ = try observing.run(inputs, tap: histograms) })
            for tap in [ranges, histograms] { for accumulator in tap.accumulators.values { accumulator.endBatch() } }
            batch += 1
        }
        let rates = durations.map { Double(self.batch) / ($0.sorted()[$0.count / 2] / .seconds(1)) }
        print(
            "{\"model\": \"\(model.lastPathComponent)\", \"batch\": \(self.batch), \"plain_per_second\": \(rates[0]), "
                + "\"minmax_per_second\": \(rates[1]), \"histogram_per_second\": \(rates[2]), "
                + "\"minmax_share\": \(rates[1] / rates[0]), \"histogram_share\": \(rates[2] / rates[0])}")
    }

    private func run() throws {
        let graph = try ONNXModel.load(from: model).graph
        let options = AcceleratedExecutor.Options(splitsBatches: splits)
        let executor = try AcceleratedExecutor(graph, observing: observedNames(graph), options: options)
        let tap = CountingTap()
        var inputs: [String: Tensor] = [:]
        for input in graph.inputs { inputs[input.name] = makeInput(input.type) }
        let clock = ContinuousClock()
        let built = try clock.measure { _ = try executor.run(inputs, tap: tap) }
        tap.elements = 0
        let warmUp = clock.now
        while clock.now - warmUp < .seconds(seconds / 4) { _ = try executor.run(inputs, tap: tap) }
        var durations: [Duration] = []
        let start = clock.now
        tap.elements = 0
        while clock.now - start < .seconds(seconds) || durations.count < 3 {
            durations.append(try clock.measure { _ = try executor.run(inputs, tap: tap) })
        }
        let median = durations.sorted()[durations.count / 2] / .seconds(1)
        let rate = Double(batch) / median
        let observed = tap.elements / durations.count / batch
        print(
            "{\"model\": \"\(model.lastPathComponent)\", \"batch\": \(batch), \"samples_per_second\": \(rate), "
                + "\"first_run_seconds\": \(built / .seconds(1)), \"observed_elements_per_sample\": \(observed), "
                + "\"instruction_set\": \"\(InstructionSet.current)\"}")
        if profiles { try profile(executor, inputs, tap) }
    }

    private func profile(_ executor: AcceleratedExecutor, _ inputs: [String: Tensor], _ tap: CountingTap) throws {
        let timer = StepTimer()
        let runs = 20
        for _ in 0..<runs { _ = try executor.run(inputs, tap: tap, timer: timer) }
        let total = timer.entries.reduce(Duration.zero) { $0 + $1.duration }
        for entry in timer.entries.sorted(by: { $0.duration > $1.duration }) {
            let milliseconds = String(format: "%.4f", entry.duration / .milliseconds(1) / Double(runs))
            let share = String(format: "%.1f", 100 * (entry.duration / total))
            print("\(milliseconds) ms  \(share) %  \(entry.implementation)  \(entry.node)")
        }
    }

    private func observedNames(_ graph: Graph) -> [String] {
        switch observe {
        case "all":
            let types = (try? ShapeInference.infer(graph)) ?? [:]
            return graph.nodes.flatMap(\.outputs).filter { types[$0]?.elementType == .float32 }
        case "convolutions":
            return graph.nodes.filter { if case .convolution = $0.op { true } else { false } }.map { $0.outputs[0] }
        default: return []
        }
    }

    /// Reproducible numbers: uniform between -1 and 1, or small indices for integer inputs.
    private func makeInput(_ type: TensorType) -> Tensor {
        let extents = (type.dimensions ?? []).enumerated().map { axis, extent in
            extent.fixedValue ?? (axis == 0 ? batch : 1)
        }
        let shape = Shape(extents)
        var state: UInt64 = 42
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        if type.elementType == .int64 {
            return Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in Int64(next() % 1000) })
        }
        return Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in Float(next()) / 0x1p30 - 1 })
    }
}
