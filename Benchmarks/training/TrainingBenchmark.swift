import Graphs
import Tensors
import Training

#if canImport(Glibc)
import Glibc
#endif

/// Images per second of processor time of forward pass, backward pass and a step of SGD on one thread.
@main struct TrainingBenchmark {
    static func main() throws {
        var batch = 64
        var seconds = 3.0
        var profiles = false
        var arguments = CommandLine.arguments.dropFirst()
        while let argument = arguments.popFirst() {
            switch argument {
            case "--batch": batch = arguments.popFirst().flatMap(Int.init) ?? batch
            case "--seconds": seconds = arguments.popFirst().flatMap(Double.init) ?? seconds
            case "--profile": profiles = true
            default:
                print("usage: training-benchmark [--batch N] [--seconds S] [--profile]")
                exit(2)
            }
        }
        try run(batch: batch, seconds: seconds, profiles: profiles)
    }

    private static func run(batch: Int, seconds: Double, profiles: Bool) throws {
        let (graph, trained) = ResidualNetwork.graph(channels: [16, 32, 64], blocks: 2)
        var random = RandomNumbers(seed: 2)
        let images = Tensor(
            shape: [batch, 1, 28, 28], elements: (0..<batch * 784).map { _ in random.symmetric() })
        let labels = Tensor(shape: [batch], elements: (0..<batch).map { Int64($0 % 10) })
        let executor = try TrainingExecutor(graph, trained: trained, lossInput: "logits")
        var optimizer = Optimizer(.sgd(momentum: 0.9), weightDecay: 1e-4)
        var parameters = graph.initializers
        var durations: [Double] = []
        var loss = 0.0
        let start = processorTime()
        while processorTime() - start < seconds * 1.25 || durations.count < 3 {
            let begin = processorTime()
            let result = try executor.run(
                parameters: parameters, inputs: ["image": images], loss: .crossEntropy(), targets: labels)
            try optimizer.update(&parameters, gradients: result.gradients, learningRate: 0.01)
            loss = result.loss
            durations.append(processorTime() - begin)
        }
        // The first fifth warms up.
        let measured = durations.dropFirst(durations.count / 5).sorted()
        let rate = Double(batch) / measured[measured.count / 2]
        print("{\"images_per_second\": \(rate), \"steps\": \(durations.count), \"loss\": \(loss)}")
        guard profiles else { return }
        let steps = try executor.profile(
            parameters: parameters, inputs: ["image": images], loss: .crossEntropy(), targets: labels)
        for (step, duration) in steps.sorted(by: { $0.duration > $1.duration }).prefix(60) {
            print("\(Int(duration / .microseconds(1))) us \(step)")
        }
    }

    /// Seconds that this process has computed: unlike the clock's, they do not count what other processes take.
    private static func processorTime() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
