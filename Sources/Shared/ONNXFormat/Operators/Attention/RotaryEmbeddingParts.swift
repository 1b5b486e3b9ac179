internal import Graphs
internal import Tensors

/// Rotary position embedding as the nodes that compute it: pairs of features are turned by an angle that grows with the
/// position.
enum RotaryEmbeddingParts {
    /// Inputs: data [N, S, heads * size] or [N, heads, S, size], cosines, sines, positions [N, S] (optional).
    @Sendable static func standard(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        let rank = try node.dimensions(0).count
        let heads = try node.attributes.integer("num_heads") ?? 0
        guard let cosines = node.input(1), let sines = node.input(2) else { throw .input(2, "it is missing") }
        guard rank == 3 || rank == 4 else { throw .input(0, "its rank should be 3 or 4 but is \(rank)") }
        guard rank == 4 || heads >= 1 else { throw .attribute("num_heads", "it should be at least 1") }
        var tables = [cosines, sines]
        if let positions = node.input(3) {
            tables = picked(&node, tables, positions: positions)
        }
        return try turned(
            &node, tables: tables, size: try node.extent(0, axis: -1) / (rank == 3 ? heads : 1), heads: heads)
    }

    /// Inputs: data, positions [N, S] or the first position [1], cosines [positions, size / 2], sines.
    @Sendable static func microsoft(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        if try node.attributes.flag("is_packed_batching") == true {
            throw .attribute("is_packed_batching", "samples without padding are not handled")
        }
        // ONNX Runtime's kernels do not use it.
        _ = try node.attributes.number("scale")
        guard let data = node.input(0), let positions = node.input(1), let cosines = node.input(2),
            let sines = node.input(3)
        else { throw .input(3, "it is missing") }
        let rank = try node.dimensions(0).count
        guard rank == 3 || rank == 4 else { throw .input(0, "its rank should be 3 or 4 but is \(rank)") }
        var heads = try node.attributes.integer("num_heads") ?? 0
        let extent = try node.extent(0, axis: -1)
        // Without a number of heads the tables cover a whole head.
        if rank == 3, heads == 0 { heads = extent / max(2 * (try node.extent(2, axis: 1)), 1) }
        guard rank == 4 || heads >= 1 else { throw .attribute("num_heads", "it should be at least 1") }
        var places = positions
        if try node.dimensions(1).count == 1 {
            let length = node.length(of: data, axis: rank == 3 ? 1 : 2, part: "length")
            let steps = node.positions(below: length, part: "steps")
            let shifted = node.add(.binary(.add), [steps, positions], part: "shifted_steps")
            places = node.add(.unsqueeze, [shifted, node.constant([0], role: "sample_axis")], part: "positions")
        }
        let tables = picked(&node, [cosines, sines], positions: places)
        return try turned(&node, tables: tables, size: extent / (rank == 3 ? heads : 1), heads: heads)
    }

    private static func picked(_ node: inout NodeImport, _ tables: [String], positions: String) -> [String] {
        [
            node.add(.gather(axis: 0), [tables[0], positions], part: "cosines"),
            node.add(.gather(axis: 0), [tables[1], positions], part: "sines"),
        ]
    }

    /// Input 0 with its features turned.
    ///
    /// `tables` are cosines and sines [N, S, turned / 2], `size` is the number of features of a head, `heads` that of heads in
    /// the last axis of data of rank 3.
    private static func turned(
        _ node: inout NodeImport, tables: [String], size: Int, heads: Int
    ) throws(NodeRefusal) -> Operator {
        let declared = try node.attributes.integer("rotary_embedding_dim") ?? 0
        let isInterleaved = try node.attributes.flag("interleaved") ?? false
        let turned = declared == 0 ? size : declared
        guard turned >= 2, turned <= size, turned.isMultiple(of: 2) else {
            throw .attribute("rotary_embedding_dim", "\(turned) is no even number up to the \(size) features of a head")
        }
        let hasHeads = try node.dimensions(0).count == 4
        var data = node.inputs[0]
        if !hasHeads {
            let extents = node.constant([0, 0, heads, size], role: "head_extents")
            data = node.add(.reshape(allowZero: false), [data, extents], part: "heads")
        }
        let axis = node.constant([hasHeads ? 1 : 2], role: "head_axis")
        let angles = tables.enumerated().map { index, table in
            node.add(.unsqueeze, [table, axis], part: index == 0 ? "head_cosines" : "head_sines")
        }
        var rest: String?
        if turned < size {
            let sizes = node.constant([turned, size - turned], role: "sizes")
            let parts = node.add(
                .split(axis: -1, outputCount: nil), [data, sizes], part: "parts", parts: ["turned", "kept"])
            (data, rest) = (parts[0], parts[1])
        }
        let pair = isInterleaved ? interleavedPair(&node, data) : halves(&node, data, turned / 2)
        let result = rotated(&node, pair, cosines: angles[0], sines: angles[1])
        var joined: String
        if isInterleaved {
            let last = node.constant([-1], role: "pair_axis")
            let columns = ["real", "imaginary"].enumerated().map { index, name in
                node.add(.unsqueeze, [result[index], last], part: "\(name)_column")
            }
            let stacked = node.add(.concat(axis: -1), columns, part: "pairs")
            let extents = node.constant([0, 0, 0, turned], role: "turned_extents")
            joined = node.add(.reshape(allowZero: false), [stacked, extents], part: "interleaved")
        } else {
            joined = node.add(.concat(axis: -1), result, part: "joined")
        }
        if let rest { joined = node.add(.concat(axis: -1), [joined, rest], part: "whole") }
        if hasHeads { return node.finish(.identity, [joined]) }
        return node.finish(.reshape(allowZero: false), [joined, node.constant([0, 0, -1], role: "extents")])
    }

    /// The even and the odd features of the last axis.
    private static func interleavedPair(_ node: inout NodeImport, _ data: String) -> [String] {
        let end = node.constant([Int(Int32.max)], role: "end")
        let axis = node.constant([-1], role: "feature_axis")
        let step = node.constant([2], role: "step")
        return [0, 1].map { start in
            let first = node.constant([start], role: "start_\(start)")
            return node.add(.slice, [data, first, end, axis, step], part: start == 0 ? "even" : "odd")
        }
    }

    private static func halves(_ node: inout NodeImport, _ data: String, _ size: Int) -> [String] {
        let sizes = node.constant([size, size], role: "half_sizes")
        return node.add(
            .split(axis: -1, outputCount: nil), [data, sizes], part: "halves", parts: ["first_half", "second_half"])
    }

    /// The pair as a complex number times that of the angle.
    private static func rotated(
        _ node: inout NodeImport, _ pair: [String], cosines: String, sines: String
    ) -> [String] {
        func product(_ index: Int, _ factor: String, _ part: String) -> String {
            node.add(.binary(.multiply), [pair[index], factor], part: part)
        }
        let real = [product(0, cosines, "first_cosine"), product(1, sines, "second_sine")]
        let imaginary = [product(0, sines, "first_sine"), product(1, cosines, "second_cosine")]
        return [
            node.add(.binary(.subtract), real, part: "real"), node.add(.binary(.add), imaginary, part: "imaginary"),
        ]
    }
}
