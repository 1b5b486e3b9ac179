internal import Tensors

/// Operators that run graphs of their own: once, or again and again.
///
/// A body names every value from outside that it reads among its inputs, after its formal ones; the node has those values
/// after its own inputs, in the same order. The names of all other values and nodes of a body are unique in the whole model.
public enum ControlOperator: Hashable, Sendable {
    /// Inputs: condition, then what the branches read; both branches take the same inputs and give as many outputs.
    case conditional(then: Graph, otherwise: Graph)
    /// Inputs: most iterations (optional), first condition (optional), first values of what is carried, then what the body
    /// reads. The body takes iteration, condition, carried values and what it reads, and gives the next condition, carried
    /// values and one part of each scan output. Outputs: carried values, scan outputs with a new outermost axis.
    case loop(body: Graph, carriedCount: Int)
    /// Inputs: first states, sequences, then what the body reads. The body takes states, one element of each sequence and
    /// what it reads, and gives states and one element of each scan output. Outputs: states, scan outputs.
    case scan(ScanAttributes)
}

/// Attributes of `Scan`.
public struct ScanAttributes: Hashable, Sendable {
    /// What runs for every element of the sequences.
    public var body: Graph
    /// Number of states.
    public var stateCount: Int
    /// For each sequence the axis along which it is taken apart; negative counts from the end.
    public var inputAxes: [Int]
    /// For each sequence whether it is taken from its end.
    public var reversesInputs: [Bool]
    /// For each scan output the axis along which its elements are put together.
    public var outputAxes: [Int]
    /// For each scan output whether later elements come first.
    public var reversesOutputs: [Bool]

    /// Makes attributes; the lists have one element for each sequence or scan output.
    public init(
        body: Graph, stateCount: Int, inputAxes: [Int], reversesInputs: [Bool], outputAxes: [Int],
        reversesOutputs: [Bool]
    ) {
        self.body = body
        self.stateCount = stateCount
        self.inputAxes = inputAxes
        self.reversesInputs = reversesInputs
        self.outputAxes = outputAxes
        self.reversesOutputs = reversesOutputs
    }
}

extension ControlOperator {
    /// The name of the operator in ONNX.
    var name: String {
        switch self {
        case .conditional: "If"
        case .loop: "Loop"
        case .scan: "Scan"
        }
    }

    /// The graphs, with the names that ONNX has for them.
    public var bodies: [(attribute: String, graph: Graph)] {
        switch self {
        case .conditional(let then, let otherwise): [("then_branch", then), ("else_branch", otherwise)]
        case .loop(let body, _): [("body", body)]
        case .scan(let attributes): [("body", attributes.body)]
        }
    }

    /// How many inputs of a body are not values from outside.
    public var formalCount: Int {
        switch self {
        case .conditional: 0
        case .loop(_, let carriedCount): 2 + carriedCount
        case .scan(let attributes): attributes.stateCount + attributes.inputAxes.count
        }
    }

    /// How many inputs the node has before those from outside.
    public var inputCount: Int {
        if case .conditional = self { 1 } else { formalCount }
    }

    /// How many outputs the node has.
    public var outputCount: Int {
        switch self {
        case .conditional(let then, _): then.outputs.count
        case .loop(let body, _): max(body.outputs.count - 1, 0)
        case .scan(let attributes): attributes.body.outputs.count
        }
    }

    /// What is wrong with the graphs, or with their fit to a node of so many inputs; `nil` when nothing.
    public func problem(inputCount count: Int) -> String? {
        for (attribute, graph) in bodies where graph.inputs.count - formalCount != count - inputCount {
            return "has \(count) inputs; its \(attribute) takes \(graph.inputs.count)"
        }
        switch self {
        case .conditional(let then, let otherwise):
            return then.outputs.count == otherwise.outputs.count ? nil : "has branches with unequal numbers of outputs"
        case .loop(let body, let carriedCount):
            return carriedCount >= 0 && body.outputs.count > carriedCount ? nil : "has a body with too few outputs"
        case .scan(let attributes):
            let results = attributes.body.outputs.count - attributes.stateCount
            let fits =
                attributes.stateCount >= 0 && attributes.outputAxes.count == results
                && attributes.reversesOutputs.count == results
                && attributes.inputAxes.count == attributes.reversesInputs.count
            return fits ? nil : "has lists that do not fit its sequences and scan outputs"
        }
    }

    var signature: OperatorSignature {
        let captured = max((bodies.first?.graph.inputs.count ?? 0) - formalCount, 0)
        let required =
            switch self {
            case .loop: 0
            case .conditional, .scan: inputCount + captured
            }
        return OperatorSignature(required, upTo: inputCount + captured, outputs: max(outputCount, 1))
    }
}

extension Node {
    /// The graphs inside the node.
    public var bodies: [Graph] {
        if case .control(let op) = op { op.bodies.map(\.graph) } else { [] }
    }
}
