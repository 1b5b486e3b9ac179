import Conversion
import Execution
import Foundation
import Graphs
import Modules
import ONNXFormat
import Quantization
import Tensors

/// Measures how many images per second a network computes on one thread before and after its modules are quantized.
///
/// `modules-benchmark resnet|MODEL.onnx BATCH [--seconds S] [--reference] [--profile]` prints one line of JSON. Times are
/// processor times of the one thread, which other processes disturb less.
@main
struct ModulesBenchmark {
    /// One form of the network.
    private struct Contender {
        let name: String
        let executor: any GraphExecutor
        /// Seconds of processor time.
        var durations: [Double] = []
    }

    private var model = ""
    private var batch = 1
    private var seconds = 3.0
    private var runsReference = false
    private var profiles = false

    static func main() throws {
        var benchmark = ModulesBenchmark()
        var positional: [String] = []
        var arguments = CommandLine.arguments.dropFirst()
        while let argument = arguments.popFirst() {
            switch argument {
            case "--seconds": benchmark.seconds = Double(arguments.popFirst() ?? "") ?? benchmark.seconds
            case "--reference": benchmark.runsReference = true
            case "--profile": benchmark.profiles = true
            default: positional.append(argument)
            }
        }
        guard positional.count == 2, let batch = Int(positional[1]), batch > 0 else {
            FileHandle.standardError.write(Data("usage: modules-benchmark resnet|MODEL.onnx BATCH [options]\n".utf8))
            exit(64)
        }
        benchmark.model = positional[0]
        benchmark.batch = batch
        try benchmark.run()
    }

    private func run() throws {
        var net: Network
        if model == "resnet" {
            net = Network(ResNet(), shape: [1, 28, 28], initialization: ParameterInitialization(seed: 1))
        } else {
            var graph = try ONNXModel.load(from: URL(filePath: model)).graph.findingModules()
            graph.insertStubs()
            net = Network(graph)
        }
        net.eval()
        var contenders = [try contender("float", net)]
        try net.quantizeQAT(.calibration)
        net.eval()
        net.enableObserver()
        for seed in 1...4 { _ = try net.run(images(of: net.graph, seed: UInt64(seed))) }
        contenders.append(try contender("observing", net))
        try net.quantize()
        net.eval()
        contenders.append(try contender("quantized", net))
        if runsReference {
            let graph = try net.graph.expandingModules(isTraining: false).graph
            contenders.append(Contender(name: "reference", executor: try ReferenceExecutor(graph)))
        }
        let inputs = images(of: net.graph, seed: 42)
        for contender in contenders { _ = try contender.executor.run(inputs, tap: nil) }
        let wall = ContinuousClock()
        let start = wall.now
        while wall.now - start < .seconds(seconds) || contenders[0].durations.count < 5 {
            for index in contenders.indices {
                if contenders[index].name == "reference", !contenders[index].durations.isEmpty { continue }
                let begin = clock()
                _ = try contenders[index].executor.run(inputs, tap: nil)
                contenders[index].durations.append(Double(clock() - begin) / 1e6)
            }
        }
        try report(contenders, inputs)
        if profiles { try profile(contenders, inputs) }
    }

    private func contender(_ name: String, _ net: Network) throws -> Contender {
        let graph = try net.graph.expandingModules(isTraining: false).graph
        return Contender(name: name, executor: try AcceleratedExecutor(graph))
    }

    private func report(_ contenders: [Contender], _ inputs: [String: Tensor]) throws {
        func median(_ contender: Contender) -> Double { contender.durations.sorted()[contender.durations.count / 2] }
        var fields = ["\"model\": \"\(URL(filePath: model).lastPathComponent)\"", "\"batch\": \(batch)"]
        for contender in contenders {
            fields.append("\"\(contender.name)_per_second\": \(Double(batch) / median(contender))")
        }
        fields.append("\"quantized_to_float\": \(median(contenders[0]) / median(contenders[2]))")
        if runsReference {
            let fast = try contenders[2].executor.run(inputs, tap: nil)
            let plain = try contenders[3].executor.run(inputs, tap: nil)
            // What follows the last module is floating point and may round otherwise.
            fields.append("\"reference_is_equal\": \(fast == plain)")
        }
        fields.append("\"int8_kernels\": \"\(IntegerArithmetic.int8Kernels)\"")
        print("{\(fields.joined(separator: ", "))}")
    }

    private func profile(_ contenders: [Contender], _ inputs: [String: Tensor]) throws {
        for contender in contenders {
            guard let executor = contender.executor as? AcceleratedExecutor else { continue }
            let timer = StepTimer()
            let runs = 5
            for _ in 0..<runs { _ = try executor.run(inputs, tap: nil, timer: timer) }
            print("\(contender.name), microseconds per image:")
            // A node may have a step for each part of its result.
            let steps = Dictionary(
                timer.entries.map { ("\($0.implementation)  \($0.node)", $0.duration) }, uniquingKeysWith: +)
            for (name, duration) in steps.sorted(by: { ($0.value, $1.key) > ($1.value, $0.key) }).prefix(40) {
                let time = duration / .microseconds(1) / Double(runs * batch)
                print("\(String(format: "%9.3f", time))  \(name)")
            }
        }
    }

    /// Reproducible noise between -1 and 1.
    private func images(of graph: Graph, seed: UInt64) -> [String: Tensor] {
        var inputs: [String: Tensor] = [:]
        for input in graph.inputs {
            let extents = (input.type.dimensions ?? []).enumerated().map { axis, extent in
                axis == 0 ? batch : extent.fixedValue ?? 1
            }
            var state = seed
            let elements = (0..<Shape(extents).elementCount).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Float(state >> 33) / 0x1p30 - 1
            }
            inputs[input.name] = Tensor(shape: Shape(extents), elements: elements)
        }
        return inputs
    }
}
