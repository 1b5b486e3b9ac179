internal import Graphs
internal import Tensors

/// Attention of `com.microsoft`, as the nodes that compute it.
enum MicrosoftAttention {
    static let imports = [
        OperatorImport("Attention", readsTypes: true, attention),
        OperatorImport("MultiHeadAttention", readsTypes: true, multiHeadAttention),
        OperatorImport("RotaryEmbedding", readsTypes: true, RotaryEmbeddingParts.microsoft),
    ]

    /// Attributes that both forms have.
    private struct Settings {
        let heads: Int
        /// 0 means one over the root of the size of a head.
        let scale: Float
        /// What is added to the scores of keys that a mask excludes.
        let filter: Float
        let isCausal: Bool

        init(_ node: inout NodeImport) throws(NodeRefusal) {
            heads = try node.attributes.integer("num_heads") ?? 0
            guard heads >= 1, heads <= 1 << 16 else {
                throw .attribute("num_heads", "it should be at least 1 but is \(heads)")
            }
            scale = try node.attributes.number("scale") ?? 0
            filter = try node.attributes.number("mask_filter_value") ?? -10000
            isCausal = try node.attributes.flag("unidirectional") ?? false
        }

        func scale(headSize: Int) -> Float { scale == 0 ? 1 / Float(headSize).squareRoot() : scale }
    }

    /// Inputs: data [N, S, features], weights [features, 3 * hidden], bias (optional), mask (optional), past (refused),
    /// addend of the scores (optional).
    @Sendable private static func attention(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        let settings = try Settings(&node)
        if try node.attributes.flag("do_rotary") == true {
            throw .attribute("do_rotary", "rotary embedding inside of attention is not handled; export it as a node")
        }
        _ = try node.attributes.integer("rotary_embedding_dim")
        _ = try node.attributes.flag("past_present_share_buffer")
        for index in [4, 6] where node.hasInput(index) {
            throw .input(index, "keys and values of the past are not handled; export the model without a cache")
        }
        if node.wantedOutput(1) != nil {
            throw .output(1, "keys and values for later are not handled; export the model without a cache")
        }
        guard let data = node.input(0), let parameters = node.input(1) else { throw .input(1, "it is missing") }
        let columns = try node.extent(1, axis: 1)
        let sizes =
            try node.attributes.integers("qkv_hidden_sizes").flatMap { $0.isEmpty ? nil : $0 }
            ?? [columns / 3, columns / 3, columns / 3]
        guard sizes.count == 3, sizes.allSatisfy({ $0 >= 1 && $0.isMultiple(of: settings.heads) }),
            sizes[0] == sizes[1], sizes.reduce(0, { $0.addingReportingOverflow($1).partialValue }) == columns
        else { throw .attribute("qkv_hidden_sizes", "\(sizes) do not fit \(columns) columns of the weights") }
        var projected = node.add(.matMul, [data, parameters], part: "product")
        if let bias = node.input(2) { projected = node.add(.binary(.add), [projected, bias], part: "projected") }
        let parts = node.add(
            .split(axis: 2, outputCount: nil), [projected, node.constant(sizes, role: "sizes")], part: "parts",
            parts: ["queries", "keys", "values"])
        let heads = zip(parts, ["query", "key", "value"]).map { value, part in
            node.splitHeads(value, count: settings.heads, part: part)
        }
        return try attend(
            &node, settings, query: heads[0], key: heads[1], value: heads[2], headSize: sizes[0] / settings.heads,
            mask: 3, addend: 5)
    }

    /// Inputs: queries [N, S, hidden], keys, values (both [N, T, hidden] or [N, heads, T, size]), bias (optional), mask
    /// (optional), addend of the scores (optional), past keys and values [N, heads, P, size] (optional).
    @Sendable private static func multiHeadAttention(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        let settings = try Settings(&node)
        for index in 0..<3 where !node.hasInput(index) {
            throw .input(index, "queries, keys and values in one tensor are not handled; export them apart")
        }
        for index in [8, 9] where node.hasInput(index) {
            throw .input(index, "a cache with room for later keys is not handled; export the model without a cache")
        }
        if node.wantedOutput(3) != nil { throw .output(3, "the scores as an output are not handled") }
        let rank = try node.dimensions(1).count
        guard try node.dimensions(0).count == 3, rank == 3 || rank == 4, try node.dimensions(2).count == rank else {
            throw .input(1, "queries should have rank 3, keys and values 3 or 4")
        }
        let hidden = try node.extent(0, axis: 2)
        guard hidden.isMultiple(of: settings.heads) else {
            throw .attribute("num_heads", "\(hidden) features are no multiple of \(settings.heads) heads")
        }
        var operands = Array(node.inputs.prefix(3))
        if let bias = node.input(3) {
            guard rank == 3 else { throw .input(3, "a bias of keys that are split into heads is not handled") }
            let sizes = node.constant([hidden, hidden, try node.extent(2, axis: 2)], role: "bias_sizes")
            let parts = node.add(
                .split(axis: 0, outputCount: nil), [bias, sizes], part: "bias",
                parts: ["query_bias", "key_bias", "value_bias"])
            operands = zip(zip(operands, parts), ["biased_query", "biased_key", "biased_value"]).map { pair, part in
                node.add(.binary(.add), [pair.0, pair.1], part: part)
            }
        }
        let query = node.splitHeads(operands[0], count: settings.heads, part: "query")
        var (key, value) = (operands[1], operands[2])
        if rank == 3 {
            key = node.splitHeads(key, count: settings.heads, part: "key")
            value = node.splitHeads(value, count: settings.heads, part: "value")
        }
        key = node.appended(key, to: node.input(6), part: "keys", output: node.wantedOutput(1))
        value = node.appended(value, to: node.input(7), part: "values", output: node.wantedOutput(2))
        return try attend(
            &node, settings, query: query, key: key, value: value, headSize: hidden / settings.heads, mask: 4, addend: 5
        )
    }

    /// The product of the weights and the values.
    ///
    /// Input `mask` says which keys count, input `addend` is added to the scores.
    private static func attend(
        _ node: inout NodeImport, _ settings: Settings, query: String, key: String, value: String, headSize: Int,
        mask: Int, addend: Int
    ) throws(NodeRefusal) -> Operator {
        var scores = node.attentionScores(query: query, key: key, scale: settings.scale(headSize: headSize))
        if let addend = node.input(addend) {
            scores = node.add(.binary(.add), [scores, addend], part: "biased_scores")
        }
        if node.hasInput(mask) {
            let bias = try maskBias(&node, settings, input: mask, query: query, key: key)
            scores = node.add(.binary(.add), [scores, bias], part: "masked_scores")
        }
        if settings.isCausal {
            let queryLength = node.length(of: query, axis: 2, part: "query_length")
            let keyLength = node.length(of: key, axis: 2, part: "key_length")
            let columns = node.positions(below: keyLength, part: "key_numbers")
            // The queries are the last of the keys' positions.
            let offset = node.add(.binary(.subtract), [keyLength, queryLength], part: "first_position")
            let distances = node.distances(queryLength: queryLength, columns: columns, offset: offset)
            let present = node.constant(Tensor(scalar: Int64(0)), role: "present")
            let isPast = node.add(.logic(.compare(.greaterOrEqual)), [distances, present], part: "causal")
            let excluded = node.scalar(-.infinity, role: "excluded", like: query)
            scores = node.add(.logic(.select), [isPast, scores, excluded], part: "causal_scores")
        }
        let weights = node.add(.softmax(axis: -1), [scores], part: "weights")
        return node.finishJoiningHeads(node.add(.matMul, [weights, value], part: "context"))
    }

    /// 0 for keys that count and the filter value for others, in a shape that broadcasts to [N, heads, S, T].
    private static func maskBias(
        _ node: inout NodeImport, _ settings: Settings, input: Int, query: String, key: String
    ) throws(NodeRefusal) -> String {
        let mask = node.inputs[input]
        let dimensions = try node.dimensions(input)
        let counts: String
        switch dimensions.count {
        case 1:
            // Other forms of a list also give the first key of each sample, or where sequences begin in a batch without padding.
            if let given = dimensions[0].fixedValue, let batch = try node.dimensions(0)[0].fixedValue, given != batch {
                throw .input(
                    input, "a list of \(given) for \(batch) samples is not handled; give one length per sample")
            }
            let keyLength = node.length(of: key, axis: 2, part: "mask_keys")
            let columns = node.positions(below: keyLength, part: "mask_positions")
            let lengths = node.add(.cast(CastAttributes(to: .int64)), [mask], part: "mask_lengths")
            let extents = node.constant([-1, 1, 1, 1], role: "mask_extents")
            let reshaped = node.add(.reshape(allowZero: false), [lengths, extents], part: "mask_ends")
            counts = node.add(.logic(.compare(.less)), [columns, reshaped], part: "mask_counts")
        case 2, 3:
            let axes = node.constant(dimensions.count == 2 ? [1, 2] : [1], role: "mask_axes")
            let shaped = node.add(.unsqueeze, [mask, axes], part: "mask_rows")
            counts = node.add(.cast(CastAttributes(to: .bool)), [shaped], part: "mask_counts")
        default:
            throw .input(input, "a mask of rank \(dimensions.count) is not handled, only of rank 1 to 3")
        }
        let zero = node.scalar(0, role: "mask_zero", like: query)
        let filter = node.scalar(settings.filter, role: "mask_filter", like: query)
        return node.add(.logic(.select), [counts, zero, filter], part: "mask_bias")
    }
}
