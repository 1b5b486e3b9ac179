internal import Graphs
internal import Tensors

extension Graph {
    /// The graph with outputs of float16 and bfloat16 as they are before they are rounded, under their names.
    ///
    /// Models of such numbers compute in float32 when they are calibrated, and that is where they are compared.
    var withWideOutputs: Graph {
        var result = self
        for index in nodes.indices {
            guard case .cast(let attributes) = nodes[index].op,
                attributes.elementType == .float16 || attributes.elementType == .bfloat16,
                let output = outputs.firstIndex(where: { $0.name == nodes[index].outputs[0] })
            else { continue }
            result.nodes[index].op = .cast(CastAttributes(to: .float32))
            result.outputs[output].type.elementType = .float32
        }
        return result
    }
}
