public import Kernels

/// Why a graph could not be prepared or quantized.
public enum ConversionError: Error, Sendable, Hashable {
    /// A node with constant inputs cannot be computed.
    case constantFolding(node: String, operatorName: String, reason: KernelError)
    /// A graph's values have no consistent types.
    case invalidGraph(reason: String)
    /// An operator to skip does not occur in the prepared model; `present` are those that do.
    case unmatchedOperator(name: String, present: [String])
    /// A pattern of nodes to skip matches no node of the prepared model; `removedNode` is one that it matched before.
    case unmatchedNodePattern(pattern: String, removedNode: String?)
    /// A recipe for some nodes matches no node of the prepared model; `removedNode` is one that it matched before.
    case unmatchedRecipe(pattern: String, removedNode: String?)
    /// An option has a value that this quantizer cannot use.
    case invalidOption(option: String, reason: String)
    /// A tensor that is to be quantized has no parameters.
    case missingParameters(tensor: String, node: String)
    /// Parameters do not fit the tensor or the options of the plan.
    case unsuitableParameters(tensor: String, reason: String)
    /// A constant cannot be quantized.
    case invalidWeight(name: String, node: String, reason: String)
}

extension ConversionError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .constantFolding(let node, let operatorName, let reason):
            "Node '\(node)' (\(operatorName)) has constant inputs but cannot be computed: \(reason); repair the model"
        case .invalidGraph(let reason):
            "The model is not consistent: \(reason)"
        case .unmatchedOperator(let name, let present):
            "Operator to skip '\(name)': the prepared model has none; it has \(present.joined(separator: ", "))"
        case .unmatchedNodePattern(let pattern, let removedNode?):
            "Node to skip '\(pattern)': it matches only nodes that folding removes, such as '\(removedNode)'; "
                + "name the node that they are folded into"
        case .unmatchedNodePattern(let pattern, nil):
            "Node to skip '\(pattern)': no node of the model has such a name; 'tare inspect MODEL' lists the names"
        case .unmatchedRecipe(let pattern, let removedNode?):
            "Recipe for '\(pattern)': it matches only nodes that folding removes, such as '\(removedNode)'; "
                + "name the node that they are folded into"
        case .unmatchedRecipe(let pattern, nil):
            "Recipe for '\(pattern)': the model has no node of such a name, no such operator and no such input; "
                + "'tare inspect MODEL' lists them"
        case .invalidOption(let option, let reason):
            "\(option): \(reason)"
        case .missingParameters(let tensor, let node):
            "Tensor '\(tensor)', which node '\(node)' uses, is to be quantized but was never observed; "
                + "calibrate with this model and these options, or skip the node"
        case .unsuitableParameters(let tensor, let reason):
            "The quantization parameters of tensor '\(tensor)' cannot be used: \(reason)"
        case .invalidWeight(let name, let node, let reason):
            "The constant '\(name)' of node '\(node)' cannot be quantized: \(reason); repair the model or skip the node"
        }
    }
}
