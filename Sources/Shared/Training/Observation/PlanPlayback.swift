import Kernels
import Tensors

/// Reads what the record of a plan names while the plan runs, and shows each operation when it is complete.
final class PlanPlayback {
    private let operations: [PlanRecord.Operation]
    private let observer: any TrainingObserver
    private let memory: StepMemory
    /// Reads by step, each as (operation, position among its reads).
    private var due: [Int: [(operation: Int, read: Int)]] = [:]
    private var tensors: [[Tensor?]]
    /// Operations that were shown.
    private var shown = 0

    init(_ record: PlanRecord, _ observer: any TrainingObserver, _ memory: StepMemory) {
        operations = record.operations
        self.observer = observer
        self.memory = memory
        tensors = operations.map { [Tensor?](repeating: nil, count: $0.reads.count) }
        for (index, operation) in operations.enumerated() {
            for (position, read) in operation.reads.enumerated() {
                due[read.step, default: []].append((index, position))
            }
        }
    }

    /// Must be called before each step, and after the last one with the number of steps.
    func arrive(at step: Int) {
        for (operation, position) in due.removeValue(forKey: step) ?? [] {
            tensors[operation][position] = read(operations[operation].reads[position])
        }
        while shown < operations.count, tensors[shown].allSatisfy({ $0 != nil }) {
            show(operations[shown], tensors[shown].compactMap { $0 })
            tensors[shown] = [nil]
            shown += 1
        }
    }

    /// Shows the loss and its gradient.
    func show(_ loss: Loss, of name: String, _ variable: Variable, targets: LossTargets, value: Double, gradient: Int) {
        func row(_ slot: Int) -> TrainingOperation.Value {
            .init(name: name, tensor: read(.init(name: name, variable: variable, slot: slot, step: 0)))
        }
        let compared = [("targets", targets.values), ("teacher", targets.teacher)]
        let inputs =
            [row(variable.slot)]
            + compared.compactMap { name, tensor in tensor.map { TrainingOperation.Value(name: name, tensor: $0) } }
        let result = TrainingOperation.Value(name: "loss", tensor: Tensor(shape: [], elements: [Float(value)]))
        observer.record(.init(kind: .loss(loss), gradients: [], inputs: inputs, results: [result]))
        observer.record(.init(kind: .lossGradient(loss), gradients: [], inputs: inputs, results: [row(gradient)]))
    }

    private func show(_ operation: PlanRecord.Operation, _ tensors: [Tensor]) {
        let values = zip(operation.reads, tensors).map { TrainingOperation.Value(name: $0.name, tensor: $1) }
        let inputs = operation.gradients.count..<(operation.gradients.count + operation.inputs.count)
        observer.record(
            .init(
                kind: operation.kind, gradients: Array(values[..<inputs.lowerBound]), inputs: Array(values[inputs]),
                results: Array(values[inputs.upperBound...])))
    }

    private func read(_ read: PlanRecord.Read) -> Tensor {
        memory.allowed = [read.slot]
        let shape = read.variable.shape
        let tensor = memory.tensor(read.slot, shape: shape, elementType: read.variable.elementType)
        guard read.variable.layout != .rowMajor, !TensorLayout.coincide(for: shape) else { return tensor }
        return ElementMoves.gather(
            tensor, shape: shape, strides: read.variable.layout.strides(of: shape), offset: 0)
    }
}
