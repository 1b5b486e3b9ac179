import Graphs
import Kernels
import Tensors

extension GraphResolver {
    /// Types of a node's outputs; `nil` when they depend on elements that are not known.
    func outputTypes(
        of node: Node, types: [String: ResolvedType], constants: [String: Tensor]
    ) throws(ExecutionError) -> [ResolvedType]? {
        var inputs: [InferredValue?] = []
        for name in node.inputs {
            if name.isEmpty {
                inputs.append(nil)
            } else if let constant = constants[name] {
                inputs.append(InferredValue(constant))
            } else if let type = types[name] {
                inputs.append(InferredValue(TensorType(elementType: type.elementType, shape: type.shape)))
            } else {
                throw .unknownValue(name: name)
            }
        }
        let outputs: [InferredValue]
        do throws(ShapeRuleError) {
            outputs = try node.op.inferOutputTypes(inputs: inputs, outputCount: node.outputs.count)
        } catch {
            throw .node(name: node.name, operatorName: node.op.name, reason: .shapeMismatch(error.reason))
        }
        var resolved: [ResolvedType] = []
        for (name, value) in zip(node.outputs, outputs) {
            if let shape = value.type.shape {
                resolved.append(ResolvedType(elementType: value.type.elementType, shape: shape))
            } else if name.isEmpty {
                resolved.append(ResolvedType(elementType: value.type.elementType, shape: []))
            } else {
                return nil
            }
        }
        return resolved
    }
}
