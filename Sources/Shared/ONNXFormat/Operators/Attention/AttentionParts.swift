internal import Graphs
internal import Tensors

/// The parts of scaled dot-product attention that the forms of it share.
///
/// Heads are an axis of their own: queries are [N, heads, S, size], keys and values [N, heads, T, size].
extension NodeImport {
    /// [N, S, heads * size] to [N, heads, S, size].
    mutating func splitHeads(_ value: String, count: Int, part: String) -> String {
        let extents = constant([0, 0, count, -1], role: "\(part)_extents")
        let rows = add(.reshape(allowZero: false), [value, extents], part: "\(part)_rows")
        return add(.transpose(permutation: [0, 2, 1, 3]), [rows], part: "\(part)_heads")
    }

    /// [N, heads, S, size] to the node's own output [N, S, heads * size].
    mutating func finishJoiningHeads(_ value: String) -> Operator {
        let rows = add(.transpose(permutation: [0, 2, 1, 3]), [value], part: "context_rows")
        return finish(.reshape(allowZero: false), [rows, constant([0, 0, -1], role: "context_extents")])
    }

    /// `query * scale` times the transposed keys: [N, heads, S, T].
    ///
    /// With `isNarrow` the root of the scale goes to each of the two, as ONNX defines it, because a type of 16 bits has too
    /// little range for the unscaled.
    mutating func attentionScores(
        query: String, key: String, scale: Float, isNarrow: Bool = false, output: String? = nil
    ) -> String {
        let factor = scalar(isNarrow ? scale.squareRoot() : scale, role: "scale", like: query)
        let scaled = add(.binary(.multiply), [query, factor], part: "scaled_query")
        var turned = add(.transpose(permutation: [0, 1, 3, 2]), [key], part: "turned_key")
        if isNarrow { turned = add(.binary(.multiply), [turned, factor], part: "scaled_key") }
        return add(.matMul, [scaled, turned], part: "scores", output: output)
    }

    /// Values of the past before those of the present, on axis 2; both in the node's output `output` when it is wanted.
    mutating func appended(_ value: String, to past: String?, part: String, output: String?) -> String {
        if let past { return add(.concat(axis: 2), [past, value], part: part, output: output) }
        if let output { add(.identity, [value], part: part, output: output) }
        return value
    }

    /// An extent of a value, as a list of one.
    mutating func length(of value: String, axis: Int, part: String) -> String {
        add(.shape(start: axis, end: axis + 1), [value], part: part)
    }

    /// The numbers 0..<length as int64 [length].
    mutating func positions(below length: String, part: String) -> String {
        let end = add(.squeeze, [length, constant([0], role: "\(part)_axis")], part: "\(part)_end")
        let zero = constant(Tensor(scalar: Int64(0)), role: "\(part)_zero")
        let one = constant(Tensor(scalar: Int64(1)), role: "\(part)_one")
        return add(.arrangement(.range), [zero, end, one], part: part)
    }

    /// How far each query is behind each key: int64 [S, T], or what `offset` broadcasts that to.
    ///
    /// `columns` are the positions of the keys [T], `offset` is that of the first query, which broadcasts to [S, 1]; `nil`
    /// is 0.
    mutating func distances(queryLength: String, columns: String, offset: String?) -> String {
        let numbers = positions(below: queryLength, part: "query_positions")
        var rows = add(.unsqueeze, [numbers, constant([1], role: "row_axis")], part: "query_rows")
        if let offset { rows = add(.binary(.add), [rows, offset], part: "shifted_rows") }
        return add(.binary(.subtract), [rows, columns], part: "distances")
    }

    /// One condition that holds where all do; `nil` when there is none.
    mutating func all(of conditions: [String], part: String) -> String? {
        guard var result = conditions.first else { return nil }
        for (number, condition) in conditions.enumerated().dropFirst() {
            result = add(.logic(.connect(.and)), [result, condition], part: "\(part)_\(number)")
        }
        return result
    }
}
