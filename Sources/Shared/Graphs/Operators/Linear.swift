/// Attributes of `Gemm`: `alpha * A' * B' + beta * C`.
public struct GemmAttributes: Hashable, Sendable {
    /// Factor of the product.
    public var alpha: Float
    /// Factor of the third input.
    public var beta: Float
    /// Whether input A is [K, M] instead of [M, K].
    public var transposeA: Bool
    /// Whether input B is [N, K] instead of [K, N].
    public var transposeB: Bool

    /// Makes attributes; the defaults are those of ONNX.
    public init(alpha: Float = 1, beta: Float = 1, transposeA: Bool = false, transposeB: Bool = false) {
        self.alpha = alpha
        self.beta = beta
        self.transposeA = transposeA
        self.transposeB = transposeB
    }
}

extension ShapeRule {
    /// NumPy's rule: the last two axes are matrices, the axes before are broadcast, a vector gets an axis that is removed
    /// from the result.
    func matMul() throws(ShapeRuleError) -> [InferredValue] {
        let left = try required(0)
        guard var first = left.type.dimensions, var second = try required(1).type.dimensions else {
            return outputs(like: left, dimensions: nil)
        }
        guard !first.isEmpty, !second.isEmpty else { throw ShapeRuleError("a scalar has no matrix product") }
        let leftIsVector = first.count == 1
        let rightIsVector = second.count == 1
        if leftIsVector { first.insert(1, at: 0) }
        if rightIsVector { second.append(1) }
        _ = try unified(first[first.count - 1], second[second.count - 2], "inner extents of the product")
        var result = try broadcast(Array(first.dropLast(2)), Array(second.dropLast(2))) ?? []
        if !leftIsVector { result.append(first[first.count - 2]) }
        if !rightIsVector { result.append(second[second.count - 1]) }
        return outputs(like: left, dimensions: result)
    }

    func gemm(_ attributes: GemmAttributes) throws(ShapeRuleError) -> [InferredValue] {
        let left = try required(0)
        let first = left.type.dimensions ?? [.unknown, .unknown]
        let second = try required(1).type.dimensions ?? [.unknown, .unknown]
        guard first.count == 2, second.count == 2 else {
            throw ShapeRuleError("both factors must be matrices but have ranks \(first.count) and \(second.count)")
        }
        let rows = attributes.transposeA ? first[1] : first[0]
        let columns = attributes.transposeB ? second[0] : second[1]
        _ = try unified(
            attributes.transposeA ? first[0] : first[1], attributes.transposeB ? second[1] : second[0],
            "inner extents of the product")
        let result = [rows, columns]
        if let bias = optional(2)?.type.dimensions {
            guard bias.count <= 2 else { throw ShapeRuleError("input C has rank \(bias.count), which is above 2") }
            let sum = try broadcast(result, bias) ?? result
            for (extent, wanted) in zip(sum, result) where extent != wanted {
                // A known extent of C tells nothing wrong about an unknown one of the product, unless that is known.
                if extent.fixedValue != nil, wanted.fixedValue != nil {
                    throw ShapeRuleError("input C has extent \(extent) where the product has \(wanted)")
                }
            }
        }
        return outputs(like: left, dimensions: result)
    }
}
