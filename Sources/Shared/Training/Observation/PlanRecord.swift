import Graphs

/// What an observer of a plan is shown: which slots are read before which step, and what they belong to.
///
/// A plan with a record shares no memory between slots, so that every value can be read when its operation is over. Gradients
/// are written over all the same, so each is read at the step where it is what it is said to be.
struct PlanRecord {
    /// A variable to be read.
    struct Read {
        let name: String
        let variable: Variable
        /// Where its elements lie; for a gradient not the variable's own slot.
        let slot: Int
        /// The step before which it is read.
        let step: Int
    }

    /// An operation to be shown.
    struct Operation {
        let kind: TrainingOperation.Kind
        var gradients: [Read] = []
        var inputs: [Read] = []
        var results: [Read] = []

        var reads: [Read] { gradients + inputs + results }
    }

    /// Operations in the order in which they began.
    private(set) var operations: [Operation] = []
    /// The operation that steps are added for; `nil` between two of them.
    private var current: Int?

    mutating func begin(_ operation: Operation) {
        current = operations.count
        operations.append(operation)
    }

    /// Goes on with the backward steps of a node when they have begun; says whether they have.
    mutating func resume(_ node: Node) -> Bool {
        current = operations.lastIndex { operation in
            guard case .backward(let other) = operation.kind else { return false }
            return other.outputs == node.outputs
        }
        return current != nil
    }

    mutating func end(results: [Read] = []) {
        if let current { operations[current].results += results }
        current = nil
    }

    /// Adds a result to the operation that has begun, and does nothing between two of them.
    mutating func add(result: Read) {
        guard let current else { return }
        operations[current].results.append(result)
    }

    /// Adds an operation in the course of another one.
    mutating func add(_ operation: Operation) {
        operations.append(operation)
    }
}
