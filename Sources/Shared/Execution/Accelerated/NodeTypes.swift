import Graphs
import Kernels
import Tensors

extension GraphResolver {
    /// Types of a node's outputs; `nil` when they depend on elements that are not known.
    func outputTypes(
        of node: Node, types: [String: ResolvedType], constants: [String: Tensor]
    ) throws(ExecutionError) -> [ResolvedType]? {
        var operands: [Tensor?] = []
        for name in node.inputs {
            guard !name.isEmpty else {
                operands.append(nil)
                continue
            }
            guard let type = types[name] else { throw .unknownValue(name: name) }
            operands.append(constants[name] ?? Tensor(zeros: type.shape, elementType: type.elementType))
        }
        do throws(KernelError) {
            let results = try ReferenceKernels.evaluate(
                node.op, inputs: operands, outputCount: node.outputs.count)
            return results.map { ResolvedType(elementType: $0.elementType, shape: $0.shape) }
        } catch {
            throw .node(name: node.name, operatorName: node.op.name, reason: error)
        }
    }
}
