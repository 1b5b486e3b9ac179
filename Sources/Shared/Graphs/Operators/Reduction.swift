/// What a reduction computes from the elements along its axes.
public enum ReductionFunction: String, Hashable, Sendable, CaseIterable {
    case mean
    case sum
    case minimum
    case maximum
    case l2Norm
    case sumOfSquares
    case l1Norm
    case product
    case logarithmOfSum
    case logarithmOfSumOfExponentials
}

/// Attributes of the `Reduce...` operators: inputs data, axes (optional).
public struct ReductionAttributes: Hashable, Sendable {
    /// The function.
    public var function: ReductionFunction
    /// Whether reduced axes stay with extent 1.
    public var keepsAxes: Bool
    /// Whether no axes means no reduction (instead of all axes).
    public var emptyAxesMeansNone: Bool

    /// Makes attributes; the defaults are those of ONNX.
    public init(function: ReductionFunction, keepsAxes: Bool = true, emptyAxesMeansNone: Bool = false) {
        self.function = function
        self.keepsAxes = keepsAxes
        self.emptyAxesMeansNone = emptyAxesMeansNone
    }
}

extension ShapeRule {
    func reduce(_ attributes: ReductionAttributes) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        guard let dimensions = data.type.dimensions else { return outputs(like: data, dimensions: nil) }
        var reduced: [Int]
        if optional(1) == nil {
            reduced = []
        } else if let given = integers(1) {
            reduced = try axes(given, rank: dimensions.count)
        } else {
            // Which axes is decided at run time.
            let unknown = dimensions.map { _ in Dimension.unknown }
            return outputs(like: data, dimensions: attributes.keepsAxes ? unknown : nil)
        }
        if reduced.isEmpty {
            if attributes.emptyAxesMeansNone { return try sameAsInput() }
            reduced = Array(dimensions.indices)
        }
        let result = dimensions.indices.compactMap { axis -> Dimension? in
            guard reduced.contains(axis) else { return dimensions[axis] }
            return attributes.keepsAxes ? 1 : nil
        }
        return outputs(like: data, dimensions: result)
    }
}
