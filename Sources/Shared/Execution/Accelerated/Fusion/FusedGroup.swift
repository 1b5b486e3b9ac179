/// Nodes that become one step.
struct FusedGroup {
    /// What happens to the anchor's result, in order.
    enum Operation {
        /// A function of one element.
        case eltwise(EltwiseFunction)
        /// A combination with a constant, which broadcasts to the result.
        case constant(BinaryAlgorithm, String)
        /// A combination with a value of the result's shape.
        case value(BinaryAlgorithm, String)
    }

    /// Positions of the nodes, ascending; the step comes where the last one is.
    var nodes: [Int]
    /// The node whose kernel computes; the others ride on it.
    var anchor: Int
    /// The batch normalization that goes into the anchor's weights.
    var batchNormalization: Int?
    /// What happens to the anchor's result.
    var operations: [Operation] = []
    /// Name of the only value that leaves the group; empty when the anchor is alone.
    var output = ""
    /// When the nodes together are one function of this value: the function is the only operation.
    var patternInput: String?

    /// A node alone.
    init(node: Int) {
        nodes = [node]
        anchor = node
    }
}
