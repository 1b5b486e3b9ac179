import Graphs
import Tensors

extension Graph {
    /// The inputs in the graph's order.
    ///
    /// - Parameter inputs: Tensors by name; those that the graph does not take are ignored.
    /// - Returns: One tensor for each graph input.
    /// - Throws: `ExecutionError.missingInput` or `ExecutionError.inputMismatch` for the first that is missing or of
    ///   another type or shape.
    func validated(_ inputs: [String: Tensor]) throws(ExecutionError) -> [Tensor] {
        var tensors: [Tensor] = []
        for input in self.inputs {
            guard let tensor = inputs[input.name] else {
                throw .missingInput(name: input.name, available: inputs.keys.sorted())
            }
            guard input.type.accepts(tensor) else {
                throw .inputMismatch(
                    name: input.name, expected: input.type.description, actual: TensorType(tensor).description)
            }
            tensors.append(tensor)
        }
        return tensors
    }
}

extension TensorType {
    /// Whether a tensor has the type, the rank and the known extents.
    func accepts(_ tensor: Tensor) -> Bool {
        guard tensor.elementType == elementType else { return false }
        guard let dimensions else { return true }
        return dimensions.count == tensor.shape.rank
            && zip(dimensions, tensor.shape.dimensions).allSatisfy { $0.fixedValue == nil || $0.fixedValue == $1 }
    }
}
