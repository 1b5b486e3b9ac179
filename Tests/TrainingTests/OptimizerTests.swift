import Tensors
import TestSupport
import Testing

@testable import Training

@Suite struct OptimizerTests {
    private let goldens = TorchGoldenTests.goldens

    @Test(arguments: [
        ("sgd", OptimizerRule.sgd(), Float(0), 0.1), ("sgd_decay", .sgd(), 0.01, 0.1),
        ("sgd_momentum", .sgd(momentum: 0.9), 0.01, 0.1), ("adam", .adam(), 0, 0.01),
        ("adam_decay", .adam(beta1: 0.8, beta2: 0.95, epsilon: 1e-6), 0.1, 0.01),
    ])
    func stepsEqualTorch(_ name: String, _ rule: OptimizerRule, _ decay: Float, _ rate: Double) throws {
        var parameters = ["w": try #require(goldens["optimizer.start"])]
        let gradients = try #require(goldens["optimizer.gradients"])
        var optimizer = Optimizer(rule, weightDecay: decay)
        for step in 0..<gradients.shape[0] {
            let gradient = gradients.slice(outermost: step..<step + 1).reshaped(to: [4, 5])
            try optimizer.update(&parameters, gradients: ["w": gradient], learningRate: rate)
        }
        #expect(optimizer.step == 6)
        #expect(distance(parameters["w"], try #require(goldens["optimizer.\(name)"])) < 2e-6)
    }

    @Test func goesOnFromItsState() throws {
        var generator = SeededGenerator(seed: 3)
        func tensor() -> Tensor { Tensor(shape: [2, 3], elements: (0..<6).map { _ in generator.normal() }) }
        let gradients = (0..<4).map { _ in ["w": tensor()] }
        var whole = ["w": tensor()]
        var split = whole
        var optimizer = Optimizer(.adam(), weightDecay: 0.1)
        for gradient in gradients { try optimizer.update(&whole, gradients: gradient, learningRate: 0.1) }
        var first = Optimizer(.adam(), weightDecay: 0.1)
        for gradient in gradients[..<2] { try first.update(&split, gradients: gradient, learningRate: 0.1) }
        var second = Optimizer(.adam(), weightDecay: 0.1)
        try second.restore(step: first.step, state: first.state)
        for gradient in gradients[2...] { try second.update(&split, gradients: gradient, learningRate: 0.1) }
        #expect(whole == split)
        #expect(optimizer.state == second.state)
    }

    @Test func decaysMatricesOnlyWhenAsked() throws {
        let ones = [Float](repeating: 1, count: 4)
        var parameters = ["w": Tensor(shape: [2, 2], elements: ones), "b": Tensor(shape: [4], elements: ones)]
        let zero = parameters.mapValues { Tensor(zeros: $0.shape, elementType: .float32) }
        var optimizer = Optimizer(.sgd(), weightDecay: 0.5, decaysMatricesOnly: true)
        try optimizer.update(&parameters, gradients: zero, learningRate: 1)
        #expect(parameters["w"]?.elements(as: Float.self) == [0.5, 0.5, 0.5, 0.5])
        #expect(parameters["b"]?.elements(as: Float.self) == ones)
    }

    @Test func refusesWhatDoesNotFit() {
        var parameters = ["w": Tensor(zeros: [2], elementType: .float32)]
        var optimizer = Optimizer(.sgd(momentum: 0.9))
        #expect(throws: TrainingError.unknownValue(name: "v")) {
            try optimizer.update(
                &parameters, gradients: ["v": Tensor(zeros: [2], elementType: .float32)], learningRate: 1)
        }
        #expect(throws: TrainingError.mismatch(name: "gradient of w", expected: "float32[2]", actual: "float32[3]")) {
            try optimizer.update(
                &parameters, gradients: ["w": Tensor(zeros: [3], elementType: .float32)], learningRate: 1)
        }
        #expect(optimizer.step == 0)
    }

    @Test(arguments: [
        ("linear", LearningRateSchedule(base: 0.4, decay: .linear(total: 24))),
        ("cosine", LearningRateSchedule(base: 0.4, decay: .cosine(total: 24))),
        ("steps", LearningRateSchedule(base: 0.4, decay: .steps(milestones: [5, 12, 20], gamma: 0.3))),
    ])
    func schedulesEqualTorch(_ name: String, _ schedule: LearningRateSchedule) throws {
        let expected = try #require(goldens["schedule.\(name)"]).elements(as: Double.self)
        for (step, rate) in expected.enumerated() { #expect(abs(schedule.rate(step: step) - rate) < 1e-12, "\(step)") }
    }

    @Test func warmsUp() {
        let schedule = LearningRateSchedule(base: 1, warmUp: 4)
        #expect((0..<6).map { schedule.rate(step: $0) } == [0.25, 0.5, 0.75, 1, 1, 1])
    }
}
