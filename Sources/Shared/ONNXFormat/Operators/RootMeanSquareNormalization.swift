internal import Graphs
internal import Tensors

/// Normalization by the root of the mean square in the forms of ONNX Runtime, as the nodes that compute it.
enum RootMeanSquareNormalization {
    static let imports = [
        // ONNX Runtime's name for it, which its optimizer writes into ONNX's own domain.
        OperatorImport("SimplifiedLayerNormalization", readsTypes: true, normalization)
    ]

    @Sendable private static func normalization(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        try node.checkStatisticsType()
        if node.wantedOutput(1) != nil { throw .output(1, "the inverse deviation is for training only") }
        guard let data = node.input(0), let scale = node.input(1) else {
            throw .input(1, "data and scale must be present")
        }
        var axis = try node.attributes.integer("axis") ?? -1
        if axis >= 0 { axis -= try node.dimensions(0).count }
        guard axis < 0 else { throw .attribute("axis", "it is outside the data") }
        guard let type = node.inputTypes.first??.elementType else {
            throw .input(0, "its type must be known; run the exporter's shape inference")
        }
        return nodes(
            &node, data: data, type: type, scale: scale, axes: Array(axis..<0),
            epsilon: try node.attributes.number("epsilon") ?? 1e-5)
    }

    /// `data / sqrt(mean(data * data) + epsilon) * scale` with the mean over `axes`, in float32 up to the scale.
    static func nodes(
        _ node: inout NodeImport, data: String, type: ElementType, scale: String, axes: [Int], epsilon: Float
    ) -> Operator {
        var data = data
        if type != .float32 {
            data = node.add(.cast(CastAttributes(to: .float32)), [data], part: "float32")
        }
        let squares = node.add(.binary(.multiply), [data, data], part: "squares")
        let mean = node.add(
            .reduce(ReductionAttributes(function: .mean)), [squares, node.constant(axes, role: "axes")], part: "mean")
        let offset = node.constant(Tensor(scalar: epsilon), role: "epsilon")
        let variance = node.add(.binary(.add), [mean, offset], part: "variance")
        let deviation = node.add(.unary(.sqrt), [variance], part: "deviation")
        var normalized = node.add(.binary(.divide), [data, deviation], part: "normalized")
        if type != .float32 {
            normalized = node.add(.cast(CastAttributes(to: type)), [normalized], part: "narrowed")
        }
        return node.finish(.binary(.multiply), [normalized, scale])
    }
}
