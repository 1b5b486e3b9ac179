internal import Graphs
internal import Tensors

/// `Attention` and `RotaryEmbedding` of ONNX, as the nodes that compute them: what is observed and quantized are the
/// products inside.
enum AttentionFamily {
    static let imports = [
        OperatorImport("Attention", since: 23, readsTypes: true, attention),
        OperatorImport("RotaryEmbedding", since: 23, readsTypes: true, RotaryEmbeddingParts.standard),
    ]

    /// Inputs: queries, keys, values (all [N, S, heads * size] or all [N, heads, S, size]), mask, past keys, past values,
    /// valid keys of each sample; outputs: result, keys and values with the past, scores.
    @Sendable private static func attention(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        let settings = try AttentionSettings(&node)
        var (query, key, value) = (node.inputs[0], node.inputs[1], node.inputs[2])
        if settings.splitsHeads {
            query = node.splitHeads(query, count: settings.queryHeads, part: "query")
            key = node.splitHeads(key, count: settings.keyHeads, part: "key")
            value = node.splitHeads(value, count: settings.keyHeads, part: "value")
        }
        key = node.appended(key, to: node.input(4), part: "keys", output: node.wantedOutput(1))
        value = node.appended(value, to: node.input(5), part: "values", output: node.wantedOutput(2))
        let mask = try AttentionMask(&node, settings, query: query, key: key)
        if settings.queryHeads != settings.keyHeads {
            // Each head of the keys serves several of the queries, one after the other.
            let share = settings.queryHeads / settings.keyHeads
            let heads = node.constant((0..<settings.queryHeads).map { $0 / share }, role: "shared_heads")
            key = node.add(.gather(axis: 1), [key, heads], part: "repeated_keys")
            value = node.add(.gather(axis: 1), [value, heads], part: "repeated_values")
        }
        let weights = weights(&node, settings, mask, query: query, key: key)
        if settings.splitsHeads {
            return node.finishJoiningHeads(node.add(.matMul, [weights, value], part: "context"))
        }
        return node.finish(.matMul, [weights, value])
    }

    /// The share of each key in the result of each query: [N, heads, S, T].
    ///
    /// The step that `qk_matmul_output_mode` names is output 3.
    private static func weights(
        _ node: inout NodeImport, _ settings: AttentionSettings, _ mask: AttentionMask, query: String, key: String
    ) -> String {
        let wanted = node.wantedOutput(3)
        func output(_ mode: Int) -> String? { settings.outputMode(mask) == mode ? wanted : nil }
        var scores = node.attentionScores(
            query: query, key: key, scale: settings.scale,
            isNarrow: settings.elementType.byteCount == 2 && settings.scale > 0, output: output(0))
        if settings.cap > 0 {
            let cap = node.scalar(settings.cap, role: "cap", like: query)
            let part = node.add(.binary(.divide), [scores, cap], part: "cap_share")
            let bounded = node.add(.unary(.tanh), [part], part: "bounded")
            scores = node.add(.binary(.multiply), [bounded, cap], part: "capped", output: output(1))
        }
        scores = mask.applied(to: scores, in: &node, output: output(2))
        if let type = settings.precision {
            scores = node.add(.cast(CastAttributes(to: type)), [scores], part: "wide_scores")
        }
        let isLast = settings.precision == nil && !mask.canExcludeAllKeys
        var weights = node.add(.softmax(axis: -1), [scores], part: "weights", output: isLast ? output(3) : nil)
        if settings.precision != nil {
            let cast = Operator.cast(CastAttributes(to: settings.elementType))
            weights = node.add(
                cast, [weights], part: "narrow_weights", output: mask.canExcludeAllKeys ? nil : output(3))
        }
        return mask.guarded(weights, in: &node, output: output(3))
    }
}

/// The attributes of an `Attention` node with what follows from the shapes of its inputs.
struct AttentionSettings {
    /// Whether the heads lie side by side in the last axis of the inputs.
    let splitsHeads: Bool
    /// Heads of the queries, a multiple of those of keys and values.
    let queryHeads: Int
    /// Heads of keys and values.
    let keyHeads: Int
    /// Factor of the scores.
    let scale: Float
    /// Bound of the scores' magnitude; 0 means none.
    let cap: Float
    /// Whether a query sees the keys up to its own position only.
    let isCausal: Bool
    /// How many keys before and after its position a query sees; -1 means all.
    let window: (before: Int, after: Int)
    /// Type of the queries.
    let elementType: ElementType
    /// Type in which the softmax is computed, where it is another.
    let precision: ElementType?
    private let mode: Int

    init(_ node: inout NodeImport) throws(NodeRefusal) {
        for index in 0..<3 where !node.hasInput(index) { throw .input(index, "it is missing") }
        for (first, second) in [(4, 5), (5, 4)] where node.hasInput(first) && !node.hasInput(second) {
            throw .input(second, "past keys and past values come together")
        }
        guard !node.hasInput(4) || !node.hasInput(6) else {
            throw .input(6, "it cannot be combined with past keys")
        }
        guard let type = node.inputTypes[0]?.elementType else { throw .input(0, "its type must be known") }
        elementType = type
        let rank = try node.dimensions(0).count
        guard rank == 3 || rank == 4 else { throw .input(0, "its rank should be 3 or 4 but is \(rank)") }
        splitsHeads = rank == 3
        let declaredQueryHeads = try node.attributes.integer("q_num_heads")
        let declaredKeyHeads = try node.attributes.integer("kv_num_heads")
        queryHeads = try splitsHeads ? declaredQueryHeads ?? 0 : node.extent(0, axis: 1)
        keyHeads = try splitsHeads ? declaredKeyHeads ?? 0 : node.extent(1, axis: 1)
        guard queryHeads >= 1, queryHeads <= 1 << 16 else {
            throw .attribute("q_num_heads", "it should be at least 1 but is \(queryHeads)")
        }
        guard keyHeads >= 1, queryHeads.isMultiple(of: keyHeads) else {
            throw .attribute("kv_num_heads", "\(queryHeads) heads of queries are no multiple of \(keyHeads)")
        }
        if let given = try node.attributes.number("scale") {
            scale = given
        } else {
            let size = try node.extent(0, axis: -1) / (splitsHeads ? queryHeads : 1)
            scale = 1 / Float(size).squareRoot()
        }
        cap = try node.attributes.number("softcap") ?? 0
        isCausal = try node.attributes.flag("is_causal") ?? false
        window = (
            node.opset >= 25 ? try node.attributes.integer("left_window_size") ?? -1 : -1,
            node.opset >= 25 ? try node.attributes.integer("right_window_size") ?? -1 : -1
        )
        let code = try node.attributes.integer("softmax_precision") ?? 0
        if code == 0 {
            precision = nil
        } else {
            guard let type = ElementType(onnxCode: code), type.isFloatingPoint else {
                throw .attribute(
                    "softmax_precision", "Tare does not handle \(ElementType.description(ofONNXCode: code))")
            }
            precision = type == elementType ? nil : type
        }
        mode = try node.attributes.integer("qk_matmul_output_mode") ?? 0
        guard (0...3).contains(mode) else {
            throw .attribute("qk_matmul_output_mode", "it should be within 0...3 but is \(mode)")
        }
    }

    /// The step whose result is output 3: 0 product, 1 capped, 2 masked, 3 weights; a step that is not taken is the one
    /// before it.
    func outputMode(_ mask: AttentionMask) -> Int {
        var mode = mode
        if mode == 2, mask.isEmpty { mode = 1 }
        if mode == 1, cap <= 0 { mode = 0 }
        return mode
    }
}

/// Which keys each query of an `Attention` node sees, and what is added to their scores.
struct AttentionMask {
    private let allowed: String?
    private let addend: String?
    private let query: String
    /// Whether a query may see no key at all; its result is then 0.
    let canExcludeAllKeys: Bool

    /// Whether every query sees every key as it is.
    var isEmpty: Bool { allowed == nil && addend == nil }

    init(
        _ node: inout NodeImport, _ settings: AttentionSettings, query: String, key: String
    ) throws(NodeRefusal) {
        self.query = query
        var conditions: [String] = []
        var addend: String?
        let given = node.input(3)
        if given != nil {
            let padded = try Self.padded(&node, key: key)
            if node.inputTypes[3]?.elementType == .bool { conditions.append(padded) } else { addend = padded }
        }
        let valid = node.input(6)
        let limitsDistance = settings.isCausal || settings.window.before >= 0 || settings.window.after >= 0
        if valid != nil || limitsDistance {
            let keyLength = node.length(of: key, axis: 2, part: "key_length")
            let columns = node.positions(below: keyLength, part: "key_positions")
            var counts: String?
            if let valid {
                let extents = node.constant([-1, 1, 1, 1], role: "valid_extents")
                let reshaped = node.add(.reshape(allowZero: false), [valid, extents], part: "valid_counts")
                conditions.append(node.add(.logic(.compare(.less)), [columns, reshaped], part: "valid_keys"))
                counts = reshaped
            }
            if limitsDistance {
                conditions += Self.distanceConditions(
                    &node, settings, query: query, columns: columns, validCounts: counts)
            }
        }
        allowed = node.all(of: conditions, part: "allowed")
        self.addend = addend
        canExcludeAllKeys = given != nil || valid != nil || settings.window.before >= 0 || settings.window.after >= 0
    }

    /// The mask of input 3; what it lacks of the keys at the end is excluded.
    private static func padded(_ node: inout NodeImport, key: String) throws(NodeRefusal) -> String {
        let dimensions = try node.dimensions(3)
        guard let last = dimensions.last else { throw .input(3, "it should have at least one axis") }
        let keyExtent = node.hasInput(4) ? nil : try node.dimensions(1).dropLast().last
        if last == keyExtent { return node.inputs[3] }
        let isBoolean = node.inputTypes[3]?.elementType == .bool
        let end = node.length(of: key, axis: 2, part: "mask_end")
        let length = node.length(of: node.inputs[3], axis: dimensions.count - 1, part: "mask_length")
        let missing = node.add(.binary(.subtract), [end, length], part: "mask_lack")
        let pads = node.add(.concat(axis: 0), [node.constant([0], role: "mask_begin"), missing], part: "mask_pads")
        let fill =
            isBoolean
            ? node.constant(Tensor(scalar: false), role: "mask_fill")
            : node.scalar(-.infinity, role: "mask_fill", like: node.inputs[3])
        let axis = node.constant([dimensions.count - 1], role: "mask_axis")
        return node.add(.pad(.constant), [node.inputs[3], pads, fill, axis], part: "mask")
    }

    private static func distanceConditions(
        _ node: inout NodeImport, _ settings: AttentionSettings, query: String, columns: String,
        validCounts: String?
    ) -> [String] {
        let queryLength = node.length(of: query, axis: 2, part: "query_length")
        var offset: String?
        if let past = node.input(4) { offset = node.length(of: past, axis: 2, part: "past_length") }
        if let validCounts {
            // The queries are the last of the valid positions.
            offset = node.add(.binary(.subtract), [validCounts, queryLength], part: "first_position")
        }
        let distances = node.distances(queryLength: queryLength, columns: columns, offset: offset)
        func bound(_ value: Int, _ role: String) -> String {
            node.constant(Tensor(scalar: Int64(value)), role: role)
        }
        var conditions: [String] = []
        if settings.isCausal {
            conditions.append(
                node.add(
                    .logic(.compare(.greaterOrEqual)), [distances, bound(0, "present")], part: "causal"))
        }
        if settings.window.before >= 0 {
            conditions.append(
                node.add(
                    .logic(.compare(.lessOrEqual)), [distances, bound(settings.window.before, "before")],
                    part: "not_too_early"))
        }
        if settings.window.after >= 0 {
            conditions.append(
                node.add(
                    .logic(.compare(.greaterOrEqual)), [distances, bound(-settings.window.after, "after")],
                    part: "not_too_late"))
        }
        return conditions
    }

    /// The scores with the addend, and -infinity where a query does not see a key.
    func applied(to scores: String, in node: inout NodeImport, output: String?) -> String {
        var scores = scores
        if let addend {
            scores = node.add(
                .binary(.add), [scores, addend], part: "biased_scores", output: allowed == nil ? output : nil)
        }
        guard let allowed else { return scores }
        let excluded = node.scalar(-.infinity, role: "excluded", like: query)
        return node.add(.logic(.select), [allowed, scores, excluded], part: "masked_scores", output: output)
    }

    /// The weights with 0 for queries that see no key, where the softmax gave none.
    func guarded(_ weights: String, in node: inout NodeImport, output: String?) -> String {
        guard canExcludeAllKeys else { return weights }
        var conditions: [String] = []
        if let allowed { conditions.append(allowed) }
        if let addend {
            let lowest = node.scalar(-.infinity, role: "no_bias", like: addend)
            conditions.append(node.add(.logic(.compare(.greater)), [addend, lowest], part: "finite_bias"))
        }
        guard let isSeen = node.all(of: conditions, part: "seen") else { return weights }
        // Counted as numbers: kernels differ in what the maximum of nothing but -infinity is.
        let marks = node.add(.cast(CastAttributes(to: .float32)), [isSeen], part: "seen_marks")
        let any = node.add(
            .reduce(ReductionAttributes(function: .maximum)), [marks, node.constant([-1], role: "key_axis")],
            part: "any_seen")
        let sees = node.add(.cast(CastAttributes(to: .bool)), [any], part: "sees")
        let zero = node.scalar(0, role: "no_weight", like: query)
        return node.add(.logic(.select), [sees, weights, zero], part: "shown_weights", output: output)
    }
}
