import Conversion
import Graphs
import Modules
import Quantization
import Tensors
import TestSupport
import Testing
import Training
import TrainingJobs

/// Steps of training: what they are a function of, how they go on, and what is refused.
@Suite struct TrainerTests {
    private static let samples = Stripes(48, seed: 20)

    private static func trainer(
        _ net: Network, microBatches: Int = 1, threads: Int = 1, total: Int = 12
    ) throws -> Trainer {
        try Trainer(
            net.graph, optimizer: Optimizer(.adam(), weightDecay: 1e-3),
            schedule: LearningRateSchedule(base: 0.01, decay: .linear(total: total)), microBatches: microBatches,
            threads: threads)
    }

    private static func qat() throws -> Network {
        var net = TinyNet.network()
        try net.quantizeQAT(.emaFakequant)
        return net
    }

    private static func steps(_ range: Range<Int>, _ trainer: Trainer) throws {
        for step in range {
            let start = step % 4 * 12
            let batch = samples.batch(start..<start + 12)
            try trainer.step(batch.inputs, targets: batch.targets)
        }
    }

    @Test(arguments: [1, 3, 5]) func stepsAreTheSameBitsEveryTime(microBatches: Int) throws {
        let (first, second) = (
            try Self.trainer(Self.qat(), microBatches: microBatches),
            try Self.trainer(Self.qat(), microBatches: microBatches)
        )
        try Self.steps(0..<5, first)
        try Self.steps(0..<5, second)
        #expect(first.state.parameters == second.state.parameters && first.state.step == 5)
        #expect(first.state.optimizer.state == second.state.optimizer.state)
        #expect(first.state.parameters != MicroBatchComputer.parameters(of: try Self.qat().graph))
    }

    @Test(arguments: [2, 3, 8]) func stepsAreTheSameBitsOnAnyNumberOfThreads(threads: Int) throws {
        let (one, several) = (
            try Self.trainer(Self.qat(), microBatches: 5),
            try Self.trainer(Self.qat(), microBatches: 5, threads: threads)
        )
        try Self.steps(0..<5, one)
        try Self.steps(0..<5, several)
        #expect(one.state.parameters == several.state.parameters && several.state.step == 5)
        #expect(one.state.optimizer.state == several.state.optimizer.state)
    }

    @Test func aResultIsReadOnlyAsTheMicroBatchThatItIs() throws {
        let net = TinyNet.network()
        let batch = Self.samples.batch(0..<12)
        let result = try MicroBatchComputer(net.graph, loss: .crossEntropy()).compute(
            parameters: MicroBatchComputer.parameters(of: net.graph), inputs: batch.inputs, targets: batch.targets)
        let bytes = try result.encoded(input: "a", shard: 3)
        #expect(try MicroBatchResult(decoding: bytes, input: "a", shard: 3).gradients == result.gradients)
        for (input, shard, error) in [("a", 2, MicroBatchError.otherShard), ("b", 3, .otherInput)] {
            #expect(throws: error) { try MicroBatchResult(decoding: bytes, input: input, shard: shard) }
        }
    }

    @Test func aCheckpointGoesOnWithTheSameBits() throws {
        let whole = try Self.trainer(Self.qat(), microBatches: 2)
        try Self.steps(0..<8, whole)
        let first = try Self.trainer(Self.qat(), microBatches: 2)
        try Self.steps(0..<3, first)
        let folder = try TemporaryFolder()
        try Safetensors(tensors: first.state.parameters, metadata: [:]).write(to: folder.path("state"))
        try Safetensors(tensors: first.state.optimizer.state, metadata: [:]).write(to: folder.path("optimizer"))
        let second = try Self.trainer(Self.qat(), microBatches: 2)
        try second.restore(
            step: 3, state: Safetensors(path: folder.path("state")).tensors,
            optimizer: Safetensors(path: folder.path("optimizer")).tensors)
        try Self.steps(3..<8, second)
        #expect(second.state.parameters == whole.state.parameters)
        #expect(second.state.optimizer.state == whole.state.optimizer.state)
        // A checkpoint of another model is refused by name, and nothing changes.
        let before = second.state.parameters
        let error = #expect(throws: TrainingJobError.self) {
            try second.restore(
                step: 0, state: MicroBatchComputer.parameters(of: TinyNet.network().graph), optimizer: [:])
        }
        #expect("\(try #require(error))".contains("observer"))
        #expect(second.state.parameters == before)
    }

    @Test func whatWasComputedForTheFloatModelIsRefusedAfterConversion() throws {
        let float = TinyNet.network()
        let computer = try MicroBatchComputer(float.graph, loss: .crossEntropy())
        let batch = Self.samples.batch(0..<12)
        let result = try computer.compute(
            parameters: MicroBatchComputer.parameters(of: float.graph), inputs: batch.inputs, targets: batch.targets)
        let schedule = LearningRateSchedule(base: 0.1)
        let same = try TrainingState(float.graph, optimizer: Optimizer(.sgd()), schedule: schedule)
        try same.check(result, sampleCount: 12)
        let converted = try TrainingState(Self.qat().graph, optimizer: Optimizer(.sgd()), schedule: schedule)
        #expect(throws: MicroBatchError.self) { try converted.check(result, sampleCount: 12) }
    }

    @Test func whatDoesNotFitTheStateIsTheWorkersFault() throws {
        let net = try Self.qat()
        let batch = Self.samples.batch(0..<12)
        let result = try MicroBatchComputer(net.graph, loss: .crossEntropy()).compute(
            parameters: MicroBatchComputer.parameters(of: net.graph), inputs: batch.inputs, targets: batch.targets)
        let state = try TrainingState(
            net.graph, optimizer: Optimizer(.sgd()), schedule: LearningRateSchedule(base: 0.1))
        try state.check(result, sampleCount: 12)
        for count in [.max, 11, 13] {
            var other = result
            other.sampleCount = count
            #expect(throws: MicroBatchError.otherSampleCount(count, expected: 12)) {
                try state.check(other, sampleCount: 12)
            }
        }
        let observations = try net.graph.expandingModules(isTraining: true).observations
        #expect(observations.count > 2)
        for observation in observations {
            let isNormalization = if case .normalization = observation { true } else { false }
            for name in observation.values {
                let seen = try #require(result.observed.values[name])
                let count = seen.elementCount
                let wrong: [Tensor?] = [
                    nil, Tensor(shape: [count], elements: [Int32](repeating: 1, count: count)),
                    Tensor(shape: [count + 1], elements: [Float](repeating: 1, count: count + 1)),
                ]
                // Infinite extremes: where the other one is finite, the observer would refuse them.
                let infinite: Float = name == observation.values[0] ? -.infinity : .infinity
                for tensor in wrong + (isNormalization ? [] : [Tensor(shape: seen.shape, elements: [infinite])]) {
                    var other = result
                    other.observed.values[name] = tensor
                    #expect(throws: MicroBatchError.self, "\(name): \(String(describing: tensor?.shape))") {
                        try state.check(other, sampleCount: 12)
                    }
                }
            }
            for count in isNormalization ? [nil, 0, -1, .min] as [Int?] : [] {
                var other = result
                other.observed.channelElementCounts[observation.source] = count
                #expect(throws: MicroBatchError.otherModel(observation.source)) {
                    try state.check(other, sampleCount: 12)
                }
            }
        }
        var more = result
        more.observed.values["another"] = Tensor(scalar: Float(0))
        #expect(throws: MicroBatchError.otherModel("another")) { try state.check(more, sampleCount: 12) }
    }

    @Test func histogramsAndDivergenceAreRefusedByName() throws {
        var net = TinyNet.network()
        try net.quantizeQAT(.calibration)
        #expect(throws: TrainingJobError.histogramObserver(path: "quant.act_observer")) { try Self.trainer(net) }

        var large = try Self.qat()
        large.graph.initializers["fc.weight"] = Tensor(
            shape: [3, 6], elements: [Float](repeating: .greatestFiniteMagnitude, count: 18))
        let trainer = try Self.trainer(large)
        let before = trainer.state.parameters
        let batch = Self.samples.batch(0..<12)
        let error = #expect(throws: TrainingJobError.self) { try trainer.step(batch.inputs, targets: batch.targets) }
        guard case .notFinite(_, 0) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(trainer.state.parameters == before && trainer.state.step == 0)
    }

    @Test func everyStepBeginsWithoutGradientsOfTheLast() throws {
        // With a rate of 0 nothing moves, however many steps were made.
        let net = TinyNet.network()
        let trainer = try Trainer(
            net.graph, optimizer: Optimizer(.sgd()), schedule: LearningRateSchedule(base: 0))
        let batch = Self.samples.batch(0..<12)
        let losses = try (0..<3).map { _ in try trainer.step(batch.inputs, targets: batch.targets).loss }
        #expect(losses == [losses[0], losses[0], losses[0]])
        let moving = try Trainer(
            net.graph, optimizer: Optimizer(.sgd()), schedule: LearningRateSchedule(base: 0.01))
        try moving.step(batch.inputs, targets: batch.targets)
        let once = try #require(moving.state.graph.initializers["fc.weight"]).elements(as: Float.self)
        let start = try #require(net.graph.initializers["fc.weight"]).elements(as: Float.self)
        let computer = try MicroBatchComputer(net.graph, loss: .crossEntropy())
        let gradient = try #require(
            computer.compute(
                parameters: MicroBatchComputer.parameters(of: net.graph), inputs: batch.inputs, targets: batch.targets
            ).gradients["fc.weight"]
        ).elements(as: Float.self)
        for index in once.indices { #expect(abs(once[index] - (start[index] - 0.01 * gradient[index])) <= 1e-7) }
    }
}
