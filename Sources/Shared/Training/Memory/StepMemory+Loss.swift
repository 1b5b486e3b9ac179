import CKernels
import Tensors

extension StepMemory {
    /// Computes a loss and, with `gradient`, its gradient.
    ///
    /// - Throws: `TrainingError.mismatch` or `.label` when the targets do not fit.
    func loss(
        _ loss: Loss, of variable: Variable, name: String, targets: Tensor, gradient: Int
    ) throws(TrainingError) -> (value: Double, correct: Int) {
        switch loss {
        case .crossEntropy(let smoothing):
            return try crossEntropy(variable, name, targets, smoothing: smoothing, gradient: gradient)
        case .meanSquaredError:
            try check(targets, variable, name)
            let value = unsafe tare_training_squared_error(
                floats(variable.slot), Self.elements(targets), floats(gradient), variable.count)
            return (value, 0)
        case .innerProduct:
            try check(targets, variable, name)
            store(targets, in: gradient)
            return (unsafe tare_training_dot(floats(variable.slot), floats(gradient), variable.count), 0)
        }
    }

    private func check(_ targets: Tensor, _ variable: Variable, _ name: String) throws(TrainingError) {
        guard targets.elementType == .float32, targets.shape == variable.shape else {
            throw .mismatch(
                name: "targets", expected: "float32\(variable.shape) as '\(name)' is",
                actual: "\(targets.elementType)\(targets.shape)")
        }
    }

    private func crossEntropy(
        _ variable: Variable, _ name: String, _ targets: Tensor, smoothing: Double, gradient: Int
    ) throws(TrainingError) -> (value: Double, correct: Int) {
        guard variable.shape.rank == 2, variable.shape[0] > 0 else {
            throw .mismatch(name: name, expected: "logits [N, K] for a cross-entropy", actual: "\(variable.shape)")
        }
        let (rows, classes) = (variable.shape[0], variable.shape[1])
        guard targets.elementType == .int64, targets.shape.dimensions == [rows] else {
            throw .mismatch(
                name: "targets", expected: "int64[\(rows)]", actual: "\(targets.elementType)\(targets.shape)")
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
