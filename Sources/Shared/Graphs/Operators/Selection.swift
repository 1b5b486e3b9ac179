internal import Tensors

/// Picks elements by indices or conditions, and puts elements at indices.
public enum SelectionOperator: Hashable, Sendable {
    /// Inputs: data, indices of the same rank; each index counts along the axis, at its own place along the others.
    case gatherElements(axis: Int)
    /// Inputs: data, indices [..., k]; each row of indices names an element or block behind the batch axes.
    case gatherND(batchAxes: Int)
    /// Inputs: data, indices, updates; the counterpart of `gatherElements`.
    case scatterElements(axis: Int, Reduction)
    /// Inputs: data, indices [..., k], updates; the counterpart of `gatherND` without batch axes.
    case scatterND(Reduction)
    /// Inputs: data, condition [n]; entries along the axis where the condition is true; without an axis of all elements.
    case compress(axis: Int?)
    /// The indices of elements that are not 0: int64 [rank, count], in row-major order.
    case nonZero
    /// Outputs: distinct elements, or entries along an axis; index of the first of each; for each the position among the
    /// distinct ones; how many there are of each. Sorted, or in the order in which they come.
    case unique(axis: Int?, isSorted: Bool)

    /// What becomes of an element and of what is put there.
    public enum Reduction: String, Hashable, Sendable, CaseIterable {
        case replace = "none"
        case add
        case multiply = "mul"
        case minimum = "min"
        case maximum = "max"
    }
}

extension SelectionOperator {
    /// The name of the operator in ONNX.
    var name: String {
        switch self {
        case .gatherElements: "GatherElements"
        case .gatherND: "GatherND"
        case .scatterElements: "ScatterElements"
        case .scatterND: "ScatterND"
        case .compress: "Compress"
        case .nonZero: "NonZero"
        case .unique: "Unique"
        }
    }

    var signature: OperatorSignature {
        switch self {
        case .gatherElements, .gatherND, .compress: OperatorSignature(inputs: 2)
        case .scatterElements, .scatterND: OperatorSignature(inputs: 3)
        case .nonZero: OperatorSignature(inputs: 1)
        case .unique: OperatorSignature(inputs: 1, outputs: 4)
        }
    }
}

extension ShapeRule {
    func selection(_ op: SelectionOperator) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        switch op {
        case .gatherElements(let axis):
            let indices = try required(1)
            if let rank = data.type.dimensions?.count {
                _ = try self.axis(axis, rank: rank)
                if let other = indices.type.dimensions?.count, other != rank {
                    throw ShapeRuleError("the indices have rank \(other), the data rank \(rank)")
                }
            }
            return outputs(like: data, dimensions: indices.type.dimensions)
        case .gatherND(let batchAxes): return outputs(like: data, dimensions: try blocks(data, batchAxes))
        case .scatterElements, .scatterND: return try sameAsInput()
        case .compress(let axis):
            guard let axis else { return outputs(like: data, dimensions: [.unknown]) }
            guard var dimensions = data.type.dimensions else { return outputs(like: data, dimensions: nil) }
            dimensions[try self.axis(axis, rank: dimensions.count)] = .unknown
            return outputs(like: data, dimensions: dimensions)
        case .nonZero:
            let rank = data.type.dimensions.map { Dimension.fixed($0.count) } ?? .unknown
            return [InferredValue(TensorType(elementType: .int64, dimensions: [rank, .unknown]))]
        case .unique(let axis, _):
            let list = InferredValue(TensorType(elementType: .int64, dimensions: [.unknown]))
            guard let axis else { return outputs(like: data, dimensions: [.unknown]) + [list, list, list] }
            guard var dimensions = data.type.dimensions else {
                return outputs(like: data, dimensions: nil) + [list, list, list]
            }
            let place = try self.axis(axis, rank: dimensions.count)
            let all = InferredValue(TensorType(elementType: .int64, dimensions: [dimensions[place]]))
            dimensions[place] = .unknown
            return outputs(like: data, dimensions: dimensions) + [list, all, list]
        }
    }

    private func blocks(_ data: InferredValue, _ batchAxes: Int) throws(ShapeRuleError) -> [Dimension]? {
        guard let dimensions = data.type.dimensions, let indices = try required(1).type.dimensions,
            let depth = indices.last?.fixedValue
        else { return nil }
        guard batchAxes >= 0, batchAxes < indices.count, depth >= 0, batchAxes + depth <= dimensions.count else {
            throw ShapeRuleError("rows of \(depth) indices behind \(batchAxes) batch axes do not fit \(data.type)")
        }
        return indices.dropLast() + dimensions[(batchAxes + depth)...]
    }
}
