import Conversion
import Foundation
import Graphs
import Modules
import Quantization
import Tensors
import Training
import TrainingJobs

/// The guide's walk-through: train a float ResNet, fine-tune it with fake quantization, quantize it, export it.
///
/// `resnet-walkthrough DATA_FOLDER OUTPUT_FOLDER [EPOCHS [QAT_EPOCHS]]`: the folder holds the IDX files of Fashion-MNIST.
@main
struct Walkthrough {
    let training: FashionMNIST
    let test: FashionMNIST
    let output: URL
    let epochs: Int
    let qatEpochs: Int
    private let batchSize = 64

    static func main() throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard (2...4).contains(arguments.count) else {
            FileHandle.standardError.write(Data("usage: resnet-walkthrough DATA OUTPUT [EPOCHS [QAT_EPOCHS]]\n".utf8))
            exit(64)
        }
        let folder = URL(filePath: arguments[0])
        func file(_ name: String) -> String { folder.appending(path: name).path }
        let all = FileManager.default.fileExists(atPath: file("train-images-idx3-ubyte.gz"))
        let prefix = all ? "train" : "train2k"
        let output = URL(filePath: arguments[1])
        try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
        try Walkthrough(
            training: FashionMNIST(
                images: file("\(prefix)-images-idx3-ubyte.gz"), labels: file("\(prefix)-labels-idx1-ubyte.gz")),
            test: FashionMNIST(images: file("t10k-images-idx3-ubyte.gz"), labels: file("t10k-labels-idx1-ubyte.gz")),
            output: output, epochs: arguments.count > 2 ? Int(arguments[2]) ?? 12 : 12,
            qatEpochs: arguments.count > 3 ? Int(arguments[3]) ?? 3 : 3
        ).run()
    }

    private func run() throws {
        // 1. A float model, trained from scratch with a learning rate that goes down linearly.
        var net = Network(ResNet(), shape: [1, 28, 28], initialization: ParameterInitialization(seed: 1))
        try train(&net, rate: 0.05, epochs: epochs, title: "float")
        say("float: \(try accuracy(net)) of \(test.count)")
        try save(net, "float.pth")

        // 2. Modules with observers and fake quantizers, fine-tuned with a small learning rate.
        try net.quantizeQAT(.emaFakequant)
        try train(&net, rate: 0.005, epochs: qatEpochs, title: "qat")
        say("QAT: \(try accuracy(net)) of \(test.count)")
        try save(net, "qat.pth")

        // 3. Integers; a function of it that is run once and exported.
        try net.quantize()
        say("quantized: \(try accuracy(net)) of \(test.count)")
        try save(net, "quantized.pth")
        let infer = InferenceFunction(net) { $0.softmax() }
        _ = try infer(test.batch([0]).images)
        let path = output.appending(path: "resnet.int8.onnx").path
        try infer.dump(to: path, argNames: ["data"])
        say("wrote \(path)")
    }

    /// Trains for some epochs, in batches whose order follows from a seed.
    private func train(_ net: inout Network, rate: Double, epochs: Int, title: String) throws {
        guard epochs > 0 else { return }
        net.train()
        let order = BatchOrder(sampleCount: training.count, batchSize: batchSize, seed: 7)
        let total = epochs * order.stepsPerEpoch
        let trainer = try Trainer(
            net.graph, loss: .crossEntropy(labelSmoothing: 0.1),
            optimizer: Optimizer(.sgd(momentum: 0.9), weightDecay: 1e-4),
            schedule: LearningRateSchedule(base: rate, decay: .linear(total: total)), microBatches: 2, threads: 2)
        for epoch in 0..<epochs {
            let start = ContinuousClock.now
            var (loss, correct) = (0.0, 0)
            let samples = order.samples(epoch: epoch)
            for step in 0..<order.stepsPerEpoch {
                let batch = training.batch(Array(samples[step * batchSize..<(step + 1) * batchSize]))
                let summary = try trainer.step(["data": batch.images], targets: batch.labels)
                loss += summary.loss
                correct += summary.correct
            }
            let seen = order.stepsPerEpoch * batchSize
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            say(
                "\(title) epoch \(epoch + 1)/\(epochs): loss \(Self.text(loss / Double(order.stepsPerEpoch))), "
                    + "\(Self.text(100 * Double(correct) / Double(seen))) % right, \(Int(Double(seen) / seconds)) images/s"
            )
        }
        net.graph = trainer.state.graph
        net.eval()
    }

    /// How many test images get their label.
    private func accuracy(_ net: Network) throws -> Int {
        var net = net
        net.eval()
        var correct = 0
        for start in stride(from: 0, to: test.count, by: 500) {
            let range = start..<min(start + 500, test.count)
            let scores = try net.run(["data": test.images.slice(outermost: range)])["output"]
            let labels = test.labels.slice(outermost: range).elements(as: Int64.self)
            let elements = scores?.elements(as: Float.self) ?? []
            for (row, label) in labels.enumerated() {
                let row = elements[row * 10..<(row + 1) * 10]
                if row.firstIndex(of: row.max() ?? 0).map({ $0 - row.startIndex }) == Int(label) { correct += 1 }
            }
        }
        return correct
    }

    private func save(_ net: Network, _ name: String) throws {
        try net.stateDictionary.write(to: output.appending(path: name).path)
    }

    private func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }

    private static func text(_ number: Double) -> String { String(format: "%.3f", number) }
}
