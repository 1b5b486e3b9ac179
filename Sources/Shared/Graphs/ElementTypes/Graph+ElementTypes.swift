internal import Tensors

extension Graph {
    /// Checks that every operator takes the element types of what it reads, as far as they follow from inputs and initializers.
    ///
    /// Unlike type inference it goes on where shapes do not fit or are not known.
    ///
    /// - Throws: `ShapeInferenceError.node` for the first node with a wrong type; it names the node, its operator and the types of its inputs.
    public func validateElementTypes() throws(ShapeInferenceError) {
        var known = initializers.mapValues { InferredValue($0) }
        for input in inputs { known[input.name] = InferredValue(input.type) }
        for node in nodes {
            do {
                try node.op.elementTypes.check(node.inputs.map { known[$0]?.type.elementType })
            } catch {
                throw .node(
                    name: node.name, operatorName: node.op.name,
                    inputs: node.inputs.map { known[$0]?.type.description ?? "nothing" }, reason: error.description)
            }
            // A branch that is never taken need not fit.
            if case .control(.conditional) = node.op {
            } else {
                for body in node.bodies { try body.validateElementTypes() }
            }
            guard let outputs = try? ShapeInference.inferOutputs(of: node, values: known) else { continue }
            for (name, value) in zip(node.outputs, outputs) where !name.isEmpty { known[name] = value }
        }
    }
}
