import Calibration
import Conversion
import Foundation
import Modules
import Quantization
import Tensors
import TestSupport
import Testing
import Training
import TrainingJobs

/// Statistics and scales that stay from a step on, and a teacher.
@Suite struct PhaseTests {
    private static let samples = Stripes(48, seed: 20)

    private static func qat(seed: UInt64 = 1) throws -> Network {
        var net = TinyNet.network(seed: seed)
        try net.quantizeQAT(.emaFakequant)
        return net
    }

    private static func trainer(
        _ net: Network, phases: TrainingPhases, loss: Loss = .crossEntropy(), teacher: Network? = nil
    ) throws -> Trainer {
        try Trainer(
            net.graph, loss: loss, optimizer: Optimizer(.sgd(momentum: 0.9)),
            schedule: LearningRateSchedule(base: 0.02), microBatches: 3, phases: phases, teacher: teacher?.graph)
    }

    private static func steps(_ range: Range<Int>, _ trainer: Trainer) throws {
        for step in range {
            let start = step % 4 * 12
            let batch = samples.batch(start..<start + 12)
            try trainer.step(batch.inputs, targets: batch.targets)
        }
    }

    /// The parameters whose names have one of these ends.
    private static func state(_ trainer: Trainer, _ ends: [String]) -> [String: Tensor] {
        trainer.state.parameters.filter { entry in ends.contains { entry.key.hasSuffix($0) } }
    }

    private static let statistics = ["running_mean", "running_var"]
    private static let scales = ["min_val", "max_val"]

    @Test func whatIsFixedStaysAndTheRestIsTrained() throws {
        let trainer = try Self.trainer(Self.qat(), phases: TrainingPhases(fixedStatistics: 2, fixedScales: 4))
        var seen: [(statistics: [String: Tensor], scales: [String: Tensor], weights: [String: Tensor])] = []
        for step in 0..<7 {
            try Self.steps(step..<step + 1, trainer)
            seen.append(
                (
                    Self.state(trainer, Self.statistics), Self.state(trainer, Self.scales),
                    Self.state(trainer, ["conv.weight", "bn.weight", "bn.bias"])
                ))
        }
        #expect(seen[0].statistics.count == 4 && seen[0].scales.count >= 8)
        for step in 1..<7 {
            #expect((seen[step].statistics == seen[step - 1].statistics) == (step >= 2), "step \(step)")
            #expect((seen[step].scales == seen[step - 1].scales) == (step >= 4), "step \(step)")
            for (name, tensor) in seen[step].weights { #expect(tensor != seen[step - 1].weights[name], "\(name)") }
        }
    }

    /// With fixed statistics a training step computes what inference computes.
    @Test func fixedStatisticsAreThoseOfInference() throws {
        let first = try Self.trainer(Self.qat(), phases: TrainingPhases())
        try Self.steps(0..<6, first)
        var net = try Self.qat()
        net.graph = first.state.graph
        net.eval()
        let batch = Self.samples.batch(0..<12)
        let scores = try #require(net.run(batch.inputs)["output"])
        let computer = try MicroBatchComputer(
            first.state.graph, loss: .distillation(), phases: TrainingPhases(fixedStatistics: 0, fixedScales: 0),
            teacher: net.graph)
        let result = try computer.compute(
            parameters: first.state.parameters, inputs: batch.inputs, targets: nil)
        // The student is its own teacher.
        #expect(abs(result.loss) < 1e-9 && result.correct == 12 && result.sampleCount == 12)
        #expect(result.observed.values.isEmpty)
        let labelled = try MicroBatchComputer(
            first.state.graph, loss: .crossEntropy(), phases: TrainingPhases(fixedStatistics: 0, fixedScales: 0)
        ).compute(parameters: first.state.parameters, inputs: batch.inputs, targets: batch.targets)
        let rows = scores.elements(as: Float.self).map { Double($0) }
        let expected = batch.targets.elements(as: Int64.self).enumerated().reduce(0.0) { sum, entry in
            let row = rows[entry.offset * 3..<entry.offset * 3 + 3]
            return sum + log(row.reduce(0) { $0 + exp($1) }) - rows[entry.offset * 3 + Int(entry.element)]
        }
        #expect(abs(labelled.loss - expected / 12) < 1e-5)
    }

    /// Without rounding, gradients with fixed statistics are those of the float model with fixed statistics.
    @Test func gradientsGoThroughTheFoldedNormalization() throws {
        let float = TinyNet.network()
        let batch = Self.samples.batch(0..<12)
        func gradients(_ net: Network) throws -> [String: Tensor] {
            try MicroBatchComputer(net.graph, loss: .crossEntropy(), phases: TrainingPhases(fixedStatistics: 0))
                .compute(
                    parameters: MicroBatchComputer.parameters(of: net.graph), inputs: batch.inputs,
                    targets: batch.targets
                ).gradients
        }
        let plain = try gradients(float)
        var net = float
        try net.quantizeQAT(.emaFakequant)
        net.disableFakeQuant()
        let folded = try gradients(net)
        #expect(Set(folded.keys) == Set(plain.keys))
        for (name, tensor) in plain {
            let (a, b) = (tensor.elements(as: Float.self), try #require(folded[name]).elements(as: Float.self))
            #expect(zip(a, b).allSatisfy { abs($0 - $1) <= 1e-4 * max(abs($0), 1) }, "\(name)")
            #expect(a.contains { $0 != 0 }, "\(name)")
        }
    }

    @Test func aCheckpointGoesOnInItsPhase() throws {
        let phases = TrainingPhases(fixedStatistics: 3, fixedScales: 4)
        let whole = try Self.trainer(Self.qat(), phases: phases)
        try Self.steps(0..<8, whole)
        let first = try Self.trainer(Self.qat(), phases: phases)
        try Self.steps(0..<5, first)
        let second = try Self.trainer(Self.qat(), phases: phases)
        try second.restore(step: 5, state: first.state.parameters, optimizer: first.state.optimizer.state)
        try Self.steps(5..<8, second)
        #expect(second.state.parameters == whole.state.parameters)
    }

    @Test func aStudentFollowsItsTeacherWithoutLabels() throws {
        let teacher = TinyNet.network(seed: 3)
        let trainer = try Self.trainer(
            Self.qat(seed: 1), phases: TrainingPhases(), loss: .distillation(temperature: 2), teacher: teacher)
        var losses: [Double] = []
        for step in 0..<60 {
            let start = step % 4 * 12
            losses.append(try trainer.step(Self.samples.batch(start..<start + 12).inputs).loss)
        }
        let (early, late) = (losses.prefix(8).reduce(0.0, +), losses.suffix(8).reduce(0.0, +))
        #expect(late < 0.5 * early, "\(losses)")
        #expect(throws: TrainingJobError.teacher(isNeeded: true)) {
            try Self.trainer(Self.qat(), phases: TrainingPhases(), loss: .distillation())
        }
        #expect(throws: TrainingJobError.teacher(isNeeded: false)) {
            try Self.trainer(Self.qat(), phases: TrainingPhases(), teacher: teacher)
        }
    }
}
