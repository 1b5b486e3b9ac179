import Conversion
import Modules
import Quantization
import Tensors
import TestSupport
import Testing
import Training
import TrainingJobs

/// The guide's flows from a float model to a quantized one, with training.
@Suite struct TrainingFlowTests {
    private static let training = Stripes(192, seed: 10)
    private static let test = Stripes(90, seed: 11)
    private static let batchSize = 32

    /// Trains for some epochs and gives the losses of the steps.
    private static func train(_ net: inout Network, rate: Double, epochs: Int) throws -> [Double] {
        net.train()
        let order = BatchOrder(sampleCount: 192, batchSize: batchSize, seed: 3, shuffles: false)
        let total = epochs * order.stepsPerEpoch
        let trainer = try Trainer(
            net.graph, loss: .crossEntropy(labelSmoothing: 0.1),
            optimizer: Optimizer(.sgd(momentum: 0.9), weightDecay: 1e-4),
            schedule: LearningRateSchedule(base: rate, decay: .linear(total: total)))
        var losses: [Double] = []
        for step in 0..<total {
            let start = step % order.stepsPerEpoch * batchSize
            let batch = training.batch(start..<start + batchSize)
            let summary = try trainer.step(batch.inputs, targets: batch.targets)
            #expect(summary.step == step && summary.samples == batchSize)
            #expect(abs(summary.learningRate - rate * (1 - Double(step) / Double(total))) <= 1e-12)
            losses.append(summary.loss)
        }
        net.graph = trainer.state.graph
        net.eval()
        return losses
    }

    private static func isFinite(_ net: Network) -> Bool {
        net.stateDictionary.entries.allSatisfy { entry in
            entry.tensor.elementType != .float32 || entry.tensor.elements(as: Float.self).allSatisfy(\.isFinite)
        }
    }

    @Test func floatTrainingThenQATThenQuantized() throws {
        var net = TinyNet.network()
        let float = try Self.train(&net, rate: 0.1, epochs: 6)
        let (early, late) = (float.prefix(6).reduce(0.0, +), float.suffix(6).reduce(0.0, +))
        #expect(late < 0.6 * early, "\(float)")
        let floatCorrect = try Self.test.correct(net)
        #expect(floatCorrect >= 80)
        // Checkpoint after float training; the converted network takes it without strict.
        let folder = try TemporaryFolder()
        var checkpoint = StateDictionary()
        checkpoint["step"] = Tensor(scalar: Int64(float.count))
        for entry in net.stateDictionary.entries { checkpoint["state_dict.\(entry.name)"] = entry.tensor }
        try checkpoint.write(to: folder.path("float.safetensors"))

        var qat = TinyNet.network(seed: 2)
        try qat.quantizeQAT(.emaFakequant)
        let report = try qat.loadStateDictionary(
            StateDictionary(path: folder.path("float.safetensors")), strict: false)
        #expect(report.unexpected.isEmpty && report.missing.allSatisfy { $0.contains("_observer.") })
        let losses = try Self.train(&qat, rate: 0.01, epochs: 2)
        #expect(losses.allSatisfy { $0.isFinite && $0 < float[0] } && Self.isFinite(qat))
        #expect(qat.stateDictionary["first.conv.weight"] != net.stateDictionary["first.conv.weight"])
        #expect(qat.stateDictionary["quant.act_observer.runtime_momentum"]?.elements(as: Float.self) == [0.9])
        #expect(try Self.test.correct(qat) >= floatCorrect - 5)
        // Checkpoint after fine-tuning; a fresh converted network continues with the same numbers.
        try qat.stateDictionary.write(to: folder.path("qat.pth"))
        var loaded = TinyNet.network(seed: 3)
        try loaded.quantizeQAT(.emaFakequant)
        try loaded.loadStateDictionary(StateDictionary(path: folder.path("qat.pth")))
        loaded.eval()
        let inputs = Self.test.batch(0..<8).inputs
        #expect(try loaded.run(inputs) == qat.run(inputs))

        try loaded.quantize()
        #expect(try Self.test.correct(loaded) >= floatCorrect - 5)
        #expect(throws: ModuleError.inferenceOnly(path: "quant", name: "Quantized.QuantStub")) {
            try Trainer(
                loaded.graph, optimizer: Optimizer(.sgd()), schedule: LearningRateSchedule(base: 0.1))
        }
    }

    @Test func aQATModelIsTrainedFromTheBeginning() throws {
        var net = TinyNet.network()
        try net.quantizeQAT(.minMaxFakequant)
        let losses = try Self.train(&net, rate: 0.1, epochs: 6)
        let (early, late) = (losses.prefix(6).reduce(0.0, +), losses.suffix(6).reduce(0.0, +))
        #expect(late < 0.7 * early, "\(losses)")
        #expect(Self.isFinite(net))
        let correct = try Self.test.correct(net)
        #expect(correct >= 75)
        try net.quantize()
        #expect(abs(try Self.test.correct(net) - correct) <= 3)
    }

    @Test func aTrainedModelIsCalibratedAndQuantized() throws {
        var net = TinyNet.network()
        _ = try Self.train(&net, rate: 0.1, epochs: 6)
        let correct = try Self.test.correct(net)
        let weights = net.stateDictionary
        try net.quantizeQAT(.calibration)
        net.eval()
        net.enableObserver()
        for start in stride(from: 0, to: 96, by: 32) { _ = try net.run(Self.training.batch(start..<start + 32).inputs) }
        // Nothing but observers changed.
        for entry in weights.entries { #expect(net.stateDictionary[entry.name] == entry.tensor, "\(entry.name)") }
        try net.quantize()
        #expect(try Self.test.correct(net) >= correct - 5)
    }

    @Test(arguments: [("tqt", QConfig.tqt), ("lsq", TrainingFlowTests.lsq)])
    func trainedScalesMoveAndStayFinite(name: String, qconfig: QConfig) throws {
        var net = TinyNet.network()
        _ = try Self.train(&net, rate: 0.1, epochs: 4)
        let correct = try Self.test.correct(net)
        try net.quantizeQAT(.minMaxFakequant)
        net.eval()
        net.enableObserver()
        _ = try net.run(Self.training.batch(0..<64).inputs)
        try net.resetQConfig(qconfig)
        let before = net.stateDictionary
        _ = try Self.train(&net, rate: 0.002, epochs: 2)
        let key = name == "tqt" ? "quant.act_fake_quant.scale" : "quant.act_fake_quant.step_size"
        #expect(before[key] != nil && net.stateDictionary[key] != before[key])
        #expect(Self.isFinite(net))
        try net.quantize()
        #expect(try Self.test.correct(net) >= correct - 8)
    }

    static let lsq = QConfig(
        weightObserver: nil, actObserver: nil, weightFakeQuant: FakeQuantSpecification(.lsq, dtype: .qint8Narrow),
        actFakeQuant: FakeQuantSpecification(.lsq))
}
