import Graphs
import Tensors
import TestSupport
import Testing
import Training

/// The loss that learns from a teacher.
@Suite struct DistillationTests {
    private static func logits(_ rows: Int, _ random: inout SeededGenerator, scale: Float = 1) -> Tensor {
        Tensor(shape: [rows, 5], elements: (0..<rows * 5).map { _ in random.normal() * scale })
    }

    private static func executor(_ logits: Tensor) throws -> TrainingExecutor {
        let node = OneNode(.identity, [logits])
        return try TrainingExecutor(node.graph, trained: node.trained, lossInput: "y")
    }

    @Test(arguments: [(1.0, 1.0), (1, 5), (0.3, 2), (0.9, 0.5)], [21, 22] as [UInt64])
    func gradientsEqualDifferences(_ settings: (Double, Double), seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let (student, teacher) = (Self.logits(4, &random), Self.logits(4, &random, scale: 4))
        let labels = Tensor(shape: [4], elements: [Int64(0), 4, 2, 2])
        let loss = Loss.distillation(weight: settings.0, temperature: settings.1, labelSmoothing: 0.05)
        let executor = try Self.executor(student)
        let gradient = try #require(
            executor.run(inputs: [:], loss: loss, targets: LossTargets(labels, teacher: teacher)).gradients["x0"]
        ).elements(as: Float.self)
        let start = student.elements(as: Float.self)
        for index in start.indices {
            // Both ends are float32, so the step between them is known exactly, and the loss is float64.
            let ends = try [start[index] + 0x1p-10, start[index] - 0x1p-10].map { value in
                var elements = start
                elements[index] = value
                let moved = Tensor(shape: [4, 5], elements: elements)
                let result = try executor.run(
                    parameters: ["x0": moved], inputs: [:], loss: loss, targets: LossTargets(labels, teacher: teacher))
                return (Double(value), result.loss)
            }
            let slope = (ends[0].1 - ends[1].1) / (ends[0].0 - ends[1].0)
            #expect(abs(slope - Double(gradient[index])) < 1e-5, "seed \(seed), \(index): \(slope) \(gradient[index])")
        }
    }

    @Test func theTeacherItselfHasNothingToLearn() throws {
        var random = SeededGenerator(seed: 5)
        let logits = Self.logits(3, &random, scale: 50)
        // Scores may be shifted by a constant in each row.
        let shifted = Tensor(shape: logits.shape, elements: logits.elements(as: Float.self).map { $0 + 16 })
        let result = try Self.executor(logits).run(
            inputs: [:], loss: .distillation(temperature: 2), targets: LossTargets(nil, teacher: shifted))
        #expect(abs(result.loss) < 1e-6 && result.correct == 3)
        #expect(try #require(result.gradients["x0"]).elements(as: Float.self).allSatisfy { abs($0) < 1e-6 })
    }

    @Test func missingOrMisshapenTargetsAreRefused() throws {
        var random = SeededGenerator(seed: 6)
        let executor = try Self.executor(Self.logits(3, &random))
        let labels = Tensor(shape: [3], elements: [Int64(0), 1, 2])
        func refusal(_ loss: Loss, _ targets: LossTargets) -> TrainingError? {
            #expect(throws: TrainingError.self) { try executor.run(inputs: [:], loss: loss, targets: targets) }
        }
        #expect(
            refusal(.distillation(), LossTargets(labels))
                == .mismatch(name: "logits of the teacher", expected: "float32[3, 5] as 'y' is", actual: "missing"))
        #expect(
            refusal(.distillation(), LossTargets(labels, teacher: Self.logits(4, &random)))
                == .mismatch(
                    name: "logits of the teacher", expected: "float32[3, 5] as 'y' is", actual: "float32[4, 5]"))
        #expect(
            refusal(.distillation(weight: 0.5), LossTargets(nil, teacher: Self.logits(3, &random)))
                == .mismatch(name: "targets", expected: "int64[3]", actual: "missing"))
        #expect(refusal(.crossEntropy(), LossTargets(nil)) != nil)
    }
}
