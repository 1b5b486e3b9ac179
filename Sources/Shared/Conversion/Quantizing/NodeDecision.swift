public import Tensors

/// What the plan does with one node, and why.
public struct NodeDecision: Sendable, Hashable {
    /// Why a node computes in floating point.
    public enum FloatReason: Sendable, Hashable {
        /// The quantizer has no rule for the operator.
        case operatorIsNotQuantizable
        /// The options do not list the operator.
        case operatorIsNotSelected
        /// The options skip the operator.
        case operatorIsSkipped
        /// The options skip the node by this pattern.
        case nodeIsSkipped(pattern: String)
        /// The operator only passes integers on, and its input (or one of them) is not quantized.
        case inputIsNotQuantized
        /// Only `float32` values are quantized; the node's first input has another type.
        case elementType(ElementType?)
    }

    /// What happens to a node.
    public enum Outcome: Sendable, Hashable {
        /// It reads and writes quantized values.
        case quantized
        /// It disappears: the quantized range of its output, which `producer` now writes, saturates where it clips.
        case absorbed(producer: String)
        /// It stays as it is; what it reads may come from quantized values.
        case float(FloatReason)
    }

    /// Name of the node.
    public var node: String
    /// ONNX name of its operator.
    public var operatorName: String
    /// What happens to it.
    public var outcome: Outcome

    /// Makes a decision.
    public init(node: String, operatorName: String, outcome: Outcome) {
        self.node = node
        self.operatorName = operatorName
        self.outcome = outcome
    }
}

extension NodeDecision: CustomStringConvertible {
    /// One line, for example `/fc/Gemm (Gemm): quantized`.
    public var description: String { "\(node) (\(operatorName)): \(outcome)" }
}

extension NodeDecision.Outcome: CustomStringConvertible {
    /// The outcome in words.
    public var description: String {
        switch self {
        case .quantized: "quantized"
        case .absorbed(let producer): "absorbed by the quantized output of '\(producer)'"
        case .float(let reason): "float: \(reason)"
        }
    }
}

extension NodeDecision.FloatReason: CustomStringConvertible {
    /// The reason in words.
    public var description: String {
        switch self {
        case .operatorIsNotQuantizable: "no quantized form of the operator"
        case .operatorIsNotSelected: "the operator is not among those to quantize"
        case .operatorIsSkipped: "skipped by operator"
        case .nodeIsSkipped(let pattern): "skipped by the pattern '\(pattern)'"
        case .inputIsNotQuantized: "its input is not quantized"
        case .elementType(let type?): "its input has type \(type)"
        case .elementType(nil): "the type of its input is unknown"
        }
    }
}
