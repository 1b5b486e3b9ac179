import Conversion
import Foundation
import Graphs
import Modules
import Quantization
import Tensors
import Training
import TrainingJobs

/// Images per second of steps of SGD of the example's ResNet: forward pass, backward pass, update.
///
/// On one thread a second is one of processor time, which other processes disturb less; on several it is the clock's.
@main struct TrainingBenchmark {
    private var batch = 64
    private var threads = 1
    private var seconds = 3.0
    private var isQAT = false
    private var profiles = false

    static func main() throws {
        var benchmark = TrainingBenchmark()
        var arguments = CommandLine.arguments.dropFirst()
        while let argument = arguments.popFirst() {
            switch argument {
            case "--batch": benchmark.batch = arguments.popFirst().flatMap(Int.init) ?? benchmark.batch
            case "--threads": benchmark.threads = arguments.popFirst().flatMap(Int.init) ?? benchmark.threads
            case "--seconds": benchmark.seconds = arguments.popFirst().flatMap(Double.init) ?? benchmark.seconds
            case "--qat": benchmark.isQAT = true
            case "--profile": benchmark.profiles = true
            default:
                print("usage: training-benchmark [--batch N] [--threads N] [--seconds S] [--qat] [--profile]")
                exit(64)
            }
        }
        try benchmark.run()
    }

    private func run() throws {
        var net = Network(ResNet(), shape: [1, 28, 28], initialization: ParameterInitialization(seed: 1))
        if isQAT { try net.quantizeQAT(.emaFakequant) }
        net.train()
        var noise = Noise(state: 2)
        let images = Tensor(shape: [batch, 1, 28, 28], elements: (0..<batch * 784).map { _ in noise.next() })
        let labels = Tensor(shape: [batch], elements: (0..<batch).map { Int64($0 % 10) })
        let trainer = try Trainer(
            net.graph, optimizer: Optimizer(.sgd(momentum: 0.9), weightDecay: 1e-4),
            schedule: LearningRateSchedule(base: 0.01), microBatches: threads, threads: threads)
        var durations: [Double] = []
        var loss = 0.0
        let start = now()
        while now() - start < seconds * 1.25 || durations.count < 3 {
            let begin = now()
            loss = try trainer.step(["data": images], targets: labels).loss
            durations.append(now() - begin)
        }
        // The first fifth warms up.
        let measured = durations.dropFirst(durations.count / 5).sorted()
        let rate = Double(batch) / measured[measured.count / 2]
        print("{\"images_per_second\": \(rate), \"steps\": \(durations.count), \"loss\": \(loss)}")
        if profiles { try profile(trainer.state.graph, images, labels) }
    }

    private func profile(_ graph: Graph, _ images: Tensor, _ labels: Tensor) throws {
        let expanded = try graph.expandingModules(isTraining: true)
        let executor = try TrainingExecutor(
            expanded.graph, trained: expanded.trained, lossInput: expanded.graph.outputs[0].name)
        let steps = try executor.profile(
            parameters: graph.initializers, inputs: ["data": images], loss: .crossEntropy(), targets: labels)
        for (step, duration) in steps.sorted(by: { $0.duration > $1.duration }).prefix(60) {
            print("\(Int(duration / .microseconds(1))) us \(step)")
        }
    }

    /// Seconds: the clock's, or what this process has computed.
    private func now() -> Double {
        var time = timespec()
        unsafe clock_gettime(threads > 1 ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}

/// Reproducible numbers between -1 and 1.
private struct Noise {
    var state: UInt64

    mutating func next() -> Float {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(state >> 33) / 0x1p30 - 1
    }
}
