public import Tensors

/// Repeats, moves and makes elements by their position alone.
public enum ArrangementOperator: Hashable, Sendable {
    /// Inputs: data, repeats [rank]; the data so often along each axis.
    case tile
    /// [N, C * b * b, H, W] to [N, C, H * b, W * b]; channels count the blocks first, or last (CRD).
    case depthToSpace(blockSize: Int, blocksFirst: Bool)
    /// [N, C, H * b, W * b] to [N, b * b * C, H, W].
    case spaceToDepth(blockSize: Int)
    /// Inputs: data [..., N, M], diagonal k (optional, 0); what lies below (above) the diagonal becomes 0.
    case triangle(isUpper: Bool)
    /// Inputs: data, lengths [batch]; the first elements of each sequence in reverse order.
    case reverseSequence(timeAxis: Int, batchAxis: Int)
    /// Inputs: data, extents of the axes (all when there are none); the middle of what is too large, zeros around what is too small.
    case centerCropOrPad(axes: [Int]?)
    /// A matrix of the data's extents with ones on diagonal `offset`; without a type that of the data.
    case identityMatrix(offset: Int, elementType: ElementType?)
    /// Inputs: start, limit, step; scalars of one type.
    case range
    /// Inputs: indices, depth, values [off, on]; a new axis whose element at each index is on.
    case oneHot(axis: Int)
    /// The number of elements as an int64 scalar.
    case size
    /// Inputs: data, another tensor; the data in the element type of the other.
    case castLike
}

extension ArrangementOperator {
    /// The name of the operator in ONNX.
    var name: String {
        switch self {
        case .tile: "Tile"
        case .depthToSpace: "DepthToSpace"
        case .spaceToDepth: "SpaceToDepth"
        case .triangle: "Trilu"
        case .reverseSequence: "ReverseSequence"
        case .centerCropOrPad: "CenterCropPad"
        case .identityMatrix: "EyeLike"
        case .range: "Range"
        case .oneHot: "OneHot"
        case .size: "Size"
        case .castLike: "CastLike"
        }
    }

    /// How many integers a range has that are before its limit; `nil` when it makes no steps.
    ///
    /// Bounds of 64 bits do not overflow.
    package static func rangeCount(from first: Int128, to limit: Int128, by step: Int128) -> Int128? {
        guard step != 0 else { return nil }
        let distance = step > 0 ? limit - first : first - limit
        let length = step.magnitude
        return distance > 0 ? (distance - 1) / Int128(length) + 1 : 0
    }

    var signature: OperatorSignature {
        switch self {
        case .depthToSpace, .spaceToDepth, .identityMatrix, .size: OperatorSignature(inputs: 1)
        case .triangle: OperatorSignature(1, upTo: 2)
        case .tile, .reverseSequence, .centerCropOrPad, .castLike: OperatorSignature(inputs: 2)
        case .range, .oneHot: OperatorSignature(inputs: 3)
        }
    }
}

extension ShapeRule {
    func arrangement(_ op: ArrangementOperator) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        switch op {
        case .tile: return try tile(data)
        case .depthToSpace(let size, _):
            return try blocks(data) { dimensions in
                let channels = dimensions[1].dividedExactly(by: .fixed(size) * .fixed(size))
                return [dimensions[0], channels, dimensions[2] * .fixed(size), dimensions[3] * .fixed(size)]
            }
        case .spaceToDepth(let size):
            return try blocks(data) { dimensions in
                [
                    dimensions[0], dimensions[1] * .fixed(size) * .fixed(size),
                    dimensions[2].dividedExactly(by: .fixed(size)), dimensions[3].dividedExactly(by: .fixed(size)),
                ]
            }
        case .triangle, .reverseSequence: return try sameAsInput()
        case .centerCropOrPad(let axes): return try centerCropOrPad(data, axes)
        case .identityMatrix(_, let type):
            return [
                InferredValue(
                    TensorType(elementType: type ?? data.type.elementType, dimensions: data.type.dimensions))
            ]
        case .range: return try range(data)
        case .oneHot(let axis): return try oneHot(data, axis)
        case .size:
            let count = data.type.dimensions.map { product($0) } ?? .unknown
            return [InferredValue(TensorType(elementType: .int64, dimensions: []), elements: [.integer(count)])]
        case .castLike: return try cast(CastAttributes(to: try required(1).type.elementType))
        }
    }

    private func tile(_ data: InferredValue) throws(ShapeRuleError) -> [InferredValue] {
        guard let dimensions = data.type.dimensions else { return outputs(like: data, dimensions: nil) }
        guard let repeats = extents(1) else {
            return outputs(like: data, dimensions: dimensions.map { _ in .unknown })
        }
        guard repeats.count == dimensions.count else {
            throw ShapeRuleError("\(repeats.count) repeats are given for rank \(dimensions.count)")
        }
        var elements: [InferredValue.Element]?
        if let known = data.elementsWithShape, let counts = integers(1), counts.allSatisfy({ $0 >= 0 }),
            let count = Shape(checking: counts + known.shape)?.elementCount,
            count <= InferredValue.maximumElementCount
        {
            // Where nothing is left, the other repeats have no bound.
            let indices = zip(counts, known.shape).map { repeats, extent in
                count == 0 ? [] : (0..<repeats).flatMap { _ in 0..<extent }
            }
            elements = ElementSelection.select(known.elements, of: known.shape, indices: indices)
        }
        let type = TensorType(elementType: data.type.elementType, dimensions: zip(dimensions, repeats).map { $0 * $1 })
        return [InferredValue(type, elements: elements)]
    }

    private func blocks(
        _ data: InferredValue, _ change: ([Dimension]) -> [Dimension]
    ) throws(ShapeRuleError) -> [InferredValue] {
        guard let dimensions = data.type.dimensions else { return outputs(like: data, dimensions: nil) }
        guard dimensions.count == 4 else { throw ShapeRuleError("the data are \(data.type), not of rank 4") }
        return outputs(like: data, dimensions: change(dimensions))
    }

    private func centerCropOrPad(_ data: InferredValue, _ axes: [Int]?) throws(ShapeRuleError) -> [InferredValue] {
        guard var dimensions = data.type.dimensions else { return outputs(like: data, dimensions: nil) }
        let places =
            try axes.map { (given) throws(ShapeRuleError) in try self.axes(given, rank: dimensions.count) }
            ?? Array(dimensions.indices)
        let wanted = extents(1) ?? [Dimension](repeating: .unknown, count: places.count)
        guard wanted.count == places.count else {
            throw ShapeRuleError("\(wanted.count) extents are given for \(places.count) axes")
        }
        for (axis, extent) in zip(places, wanted) { dimensions[axis] = extent }
        return outputs(like: data, dimensions: dimensions)
    }

    private func range(_ start: InferredValue) throws(ShapeRuleError) -> [InferredValue] {
        let (limit, step) = (try required(1), try required(2))
        let type = start.type.elementType
        guard let first = start.elements?.first, let last = limit.elements?.first, let by = step.elements?.first else {
            return [InferredValue(TensorType(elementType: type, dimensions: [.unknown]))]
        }
        if let a = first.fixedInteger, let b = last.fixedInteger, let c = by.fixedInteger,
            let count = ArrangementOperator.rangeCount(from: Int128(a), to: Int128(b), by: Int128(c)),
            count <= InferredValue.maximumElementCount
        {
            let elements = (0..<Int(count)).map { a &+ $0 &* c }
            return [
                InferredValue(
                    TensorType(elementType: type, dimensions: [.fixed(elements.count)]),
                    elements: elements.map { .integer(.fixed($0)) })
            ]
        }
        // What exporters write for the positions of a sequence.
        if first == .integer(.fixed(0)), by == .integer(.fixed(1)), case .integer(let extent) = last {
            return [InferredValue(TensorType(elementType: type, dimensions: [extent.atLeast(0)]))]
        }
        let count = Self.rangeLength(first, last, by)
        return [InferredValue(TensorType(elementType: type, dimensions: [count]))]
    }

    /// How many numbers there are from the first one to the last one, which does not count.
    private static func rangeLength(
        _ first: InferredValue.Element, _ last: InferredValue.Element, _ step: InferredValue.Element
    ) -> Dimension {
        if let start = first.fixedInteger, let end = last.fixedInteger, let by = step.fixedInteger {
            return ArrangementOperator.rangeCount(from: Int128(start), to: Int128(end), by: Int128(by))
                .flatMap { Int(exactly: $0) }.map(Dimension.fixed) ?? .unknown
        }
        guard case .real(let start) = first, case .real(let end) = last, case .real(let by) = step else {
            return .unknown
        }
        let count = ((end - start) / by).rounded(.up)
        return count.isFinite ? Int(exactly: max(count, 0)).map(Dimension.fixed) ?? .unknown : .unknown
    }

    private func oneHot(_ indices: InferredValue, _ axis: Int) throws(ShapeRuleError) -> [InferredValue] {
        let values = try required(2)
        guard var dimensions = indices.type.dimensions else { return outputs(like: values, dimensions: nil) }
        let depth: Dimension =
            switch optional(1)?.elements?.first {
            case .integer(let depth)?: depth
            case .real(let depth)?: Int(exactly: depth).map(Dimension.fixed) ?? .unknown
            case nil: .unknown
            }
        dimensions.insert(depth, at: try self.axis(axis, rank: dimensions.count + 1))
        return outputs(like: values, dimensions: dimensions)
    }
}
