/// Products and remainders that have no kernel but the plain one.
public enum AlgebraOperator: Hashable, Sendable {
    /// Inputs: one tensor per term of the equation; sums of products over the labels that the result lacks.
    case einsum(EinsumEquation)
    /// [..., M, M] to [...].
    case determinant
    /// Inputs: dividend, divisor; the remainder has the sign of the dividend, or of the divisor.
    case remainder(hasSignOfDividend: Bool)
}

extension AlgebraOperator {
    /// The name of the operator in ONNX.
    var name: String {
        switch self {
        case .einsum: "Einsum"
        case .determinant: "Det"
        case .remainder: "Mod"
        }
    }

    var signature: OperatorSignature {
        switch self {
        case .einsum(let equation): OperatorSignature(inputs: equation.terms.count)
        case .determinant: OperatorSignature(inputs: 1)
        case .remainder: OperatorSignature(inputs: 2)
        }
    }
}

extension ShapeRule {
    func algebra(_ op: AlgebraOperator) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        switch op {
        case .einsum(let equation): return outputs(like: data, dimensions: try einsum(equation))
        case .determinant:
            guard let dimensions = data.type.dimensions else { return outputs(like: data, dimensions: nil) }
            guard dimensions.count >= 2 else {
                throw ShapeRuleError("a determinant needs matrices but the data has rank \(dimensions.count)")
            }
            _ = try unified(dimensions[dimensions.count - 2], dimensions[dimensions.count - 1], "rows and columns")
            return outputs(like: data, dimensions: Array(dimensions.dropLast(2)))
        case .remainder:
            let divisor = try required(1)
            return outputs(like: data, dimensions: try broadcast(data.type.dimensions, divisor.type.dimensions))
        }
    }

    private func einsum(_ equation: EinsumEquation) throws(ShapeRuleError) -> [Dimension]? {
        var shapes: [[Dimension]] = []
        for index in equation.terms.indices {
            guard let dimensions = try required(index).type.dimensions else { return nil }
            shapes.append(dimensions)
        }
        guard let labels = equation.labels(ofRanks: shapes.map(\.count)) else {
            throw ShapeRuleError("the equation '\(equation.text)' does not fit inputs of ranks \(shapes.map(\.count))")
        }
        var extents: [EinsumEquation.Label: Dimension] = [:]
        for (shape, axes) in zip(shapes, labels.inputs) {
            for (extent, label) in zip(shape, axes) { extents[label] = try broadcast(extents[label] ?? 1, extent) }
        }
        return labels.output.map { extents[$0] ?? .unknown }
    }
}
