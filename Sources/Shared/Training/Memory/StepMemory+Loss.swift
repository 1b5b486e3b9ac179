import CKernels
import Tensors

extension StepMemory {
    /// Computes a loss and, with `gradient`, its gradient.
    ///
    /// - Throws: `TrainingError.mismatch` or `.label` when the targets do not fit.
    func loss(
        _ loss: Loss, of variable: Variable, name: String, targets: LossTargets, gradient: Int
    ) throws(TrainingError) -> (value: Double, correct: Int) {
        switch loss {
        case .crossEntropy(let smoothing):
            return try crossEntropy(variable, name, targets.values, smoothing: smoothing, gradient: gradient)
        case .distillation(let weight, let temperature, let smoothing):
            return try distillation(
                variable, name, targets, weight: weight, temperature: temperature, smoothing: smoothing,
                gradient: gradient)
        case .meanSquaredError:
            let targets = try fitting(targets.values, variable, name, what: "targets")
            let value = unsafe tare_training_squared_error(
                floats(variable.slot), Self.elements(targets), floats(gradient), variable.count)
            return (value, 0)
        case .innerProduct:
            store(try fitting(targets.values, variable, name, what: "targets"), in: gradient)
            return (unsafe tare_training_dot(floats(variable.slot), floats(gradient), variable.count), 0)
        }
    }

    /// A tensor of the output's own form.
    private func fitting(
        _ tensor: Tensor?, _ variable: Variable, _ name: String, what: String
    ) throws(TrainingError) -> Tensor {
        guard let tensor, tensor.elementType == .float32, tensor.shape == variable.shape else {
            throw .mismatch(
                name: what, expected: "float32\(variable.shape) as '\(name)' is", actual: Self.form(tensor))
        }
        return tensor
    }

    private static func form(_ tensor: Tensor?) -> String {
        tensor.map { "\($0.elementType)\($0.shape)" } ?? "missing"
    }

    private func distillation(
        _ variable: Variable, _ name: String, _ targets: LossTargets, weight: Double, temperature: Double,
        smoothing: Double, gradient: Int
    ) throws(TrainingError) -> (value: Double, correct: Int) {
        guard variable.shape.rank == 2, variable.shape[0] > 0 else {
            throw .mismatch(name: name, expected: "logits [N, K] for a distillation", actual: "\(variable.shape)")
        }
        let teacher = try fitting(targets.teacher, variable, name, what: "logits of the teacher")
        var (value, correct) = (0.0, 0)
        if weight < 1 || targets.values != nil {
            (value, correct) = try crossEntropy(
                variable, name, targets.values, smoothing: smoothing, gradient: gradient)
        } else {
            clear(gradient)
        }
        var agreeing: Int64 = 0
        unsafe tare_training_distillation(
            floats(variable.slot), Self.elements(teacher), temperature, weight, variable.shape[0], variable.shape[1],
            &value, &agreeing, floats(gradient))
        return (value, targets.values == nil ? Int(agreeing) : correct)
    }

    private func crossEntropy(
        _ variable: Variable, _ name: String, _ targets: Tensor?, smoothing: Double, gradient: Int
    ) throws(TrainingError) -> (value: Double, correct: Int) {
        guard variable.shape.rank == 2, variable.shape[0] > 0 else {
            throw .mismatch(name: name, expected: "logits [N, K] for a cross-entropy", actual: "\(variable.shape)")
        }
        let (rows, classes) = (variable.shape[0], variable.shape[1])
        guard let targets, targets.elementType == .int64, targets.shape.dimensions == [rows] else {
            throw .mismatch(name: "targets", expected: "int64[\(rows)]", actual: Self.form(targets))
        }
        var (value, correct) = (0.0, Int64(0))
        let labels = unsafe targets.storage.bytes.baseAddress?.assumingMemoryBound(to: Int64.self)
        let wrong = unsafe tare_training_cross_entropy(
            floats(variable.slot), labels, smoothing, rows, classes, &value, &correct, floats(gradient))
        guard wrong < 0 else {
            let row = Int(wrong)
            throw .label(row: row, value: targets.elements(as: Int64.self)[row], classes: classes)
        }
        return (value, Int(correct))
    }

    private static func elements(_ tensor: Tensor) -> UnsafePointer<Float>? {
        unsafe tensor.storage.bytes.baseAddress?.assumingMemoryBound(to: Float.self)
    }
}
