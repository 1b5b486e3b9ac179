internal import Graphs
internal import Tensors

/// Normalizations of `com.microsoft`, which include the addition or the embedding in front of them.
enum MicrosoftNormalizations {
    static let imports = [
        OperatorImport("SkipLayerNormalization", skipLayerNormalization),
        OperatorImport("SkipSimplifiedLayerNormalization", readsTypes: true, skipRootMeanSquare),
        OperatorImport("EmbedLayerNormalization", embedding),
    ]

    /// ONNX Runtime's default.
    private static let epsilon: Float = 1e-12

    /// Inputs: input, skip, gamma, beta (optional), bias (optional).
    @Sendable private static func skipLayerNormalization(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        let attributes = LayerNormalizationAttributes(
            axis: -1, epsilon: try node.attributes.number("epsilon") ?? epsilon)
        let parameters = [node.input(2) ?? "", node.input(3)].compactMap { $0 }
        let sum = try sum(&node, bias: node.input(4))
        return node.finish(.layerNormalization(attributes), [sum] + parameters)
    }

    /// Inputs: input, skip, gamma, bias (optional).
    @Sendable private static func skipRootMeanSquare(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        guard let type = node.inputTypes.first??.elementType else {
            throw .input(0, "its type must be known; run the exporter's shape inference")
        }
        guard let scale = node.input(2) else { throw .input(2, "it is missing") }
        let sum = try sum(&node, bias: node.input(3))
        return RootMeanSquareNormalization.nodes(
            &node, data: sum, type: type, scale: scale, axes: [-1],
            epsilon: try node.attributes.number("epsilon") ?? epsilon)
    }

    /// What is normalized, which is also output 3.
    private static func sum(_ node: inout NodeImport, bias: String?) throws(NodeRefusal) -> String {
        for index in [1, 2] where node.wantedOutput(index) != nil {
            throw .output(index, "the statistics are for training only")
        }
        guard let data = node.input(0), let skip = node.input(1) else {
            throw .input(1, "data and skip must be present")
        }
        let output = node.wantedOutput(3)
        guard let bias else { return node.add(.binary(.add), [data, skip], part: "sum", output: output) }
        let skipped = node.add(.binary(.add), [data, skip], part: "skipped")
        return node.add(.binary(.add), [skipped, bias], part: "sum", output: output)
    }

    /// The sum of up to three embeddings, normalized.
    ///
    /// Inputs: token ids [N, S], segment ids (optional), three tables (that of segments optional), gamma, beta, mask [N, S]
    /// (optional), position ids (optional). Outputs: result, number of tokens of each sample, sum of the embeddings.
    @Sendable private static func embedding(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        let attributes = LayerNormalizationAttributes(
            axis: -1, epsilon: try node.attributes.number("epsilon") ?? epsilon)
        // What the mask's index looks like follows from whether there is a mask.
        _ = try node.attributes.integer("mask_index_type")
        guard let ids = node.input(0), let words = node.input(2), let positions = node.input(3),
            let gamma = node.input(5), let beta = node.input(6)
        else { throw .input(6, "ids, tables, gamma and beta must be present") }
        let word = node.add(.gather(axis: 0), [words, ids], part: "word")
        let position: String
        if let given = node.input(8) {
            position = node.add(.gather(axis: 0), [positions, given], part: "position")
        } else {
            let length = node.add(.shape(start: 1, end: 2), [ids], part: "length")
            let (start, axis) = (node.constant([0], role: "start"), node.constant([0], role: "axis"))
            position = node.add(.slice, [positions, start, length, axis], part: "position")
        }
        let output = node.wantedOutput(2)
        var sum: String
        if let segments = node.input(1), let table = node.input(4) {
            sum = node.add(.binary(.add), [word, position], part: "placed")
            let segment = node.add(.gather(axis: 0), [table, segments], part: "segment")
            sum = node.add(.binary(.add), [sum, segment], part: "embedding", output: output)
        } else {
            sum = node.add(.binary(.add), [word, position], part: "embedding", output: output)
        }
        addLengths(&node, ids: ids)
        return node.finish(.layerNormalization(attributes), [sum, gamma, beta])
    }

    private static func addLengths(_ node: inout NodeImport, ids: String) {
        guard let output = node.wantedOutput(1) else { return }
        if let mask = node.input(7) {
            let sum = Operator.reduce(ReductionAttributes(function: .sum, keepsAxes: false))
            node.add(sum, [mask, node.constant([1], role: "mask_axes")], part: "lengths", output: output)
        } else {
            let batch = node.add(.shape(start: 0, end: 1), [ids], part: "batch")
            let zero = Operator.constantOfShape(value: Tensor(shape: [1], elements: [Int32(0)]))
            node.add(zero, [batch], part: "lengths", output: output)
        }
    }
}
