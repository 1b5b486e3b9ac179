internal import Tensors

/// Where elements stand among those of their axis.
public enum RankingOperator: Hashable, Sendable {
    /// The int64 index of the largest or smallest element along an axis; of equals the first, or the last.
    case extremePosition(isMaximum: Bool, axis: Int, keepsAxis: Bool, selectsLast: Bool)
    /// Inputs: data, k; outputs: the k largest or smallest elements along an axis, largest (smallest) first, and their int64 indices. Of
    /// equal elements the first ones come first.
    case top(axis: Int, isLargest: Bool)
    /// Inputs: data, axis; sums or products of all elements up to each one, itself left out when exclusive.
    case cumulative(isProduct: Bool, isExclusive: Bool, isReverse: Bool)
}

extension RankingOperator {
    /// The name of the operator in ONNX.
    var name: String {
        switch self {
        case .extremePosition(let isMaximum, _, _, _): isMaximum ? "ArgMax" : "ArgMin"
        case .top: "TopK"
        case .cumulative(let isProduct, _, _): isProduct ? "CumProd" : "CumSum"
        }
    }

    var signature: OperatorSignature {
        switch self {
        case .extremePosition: OperatorSignature(inputs: 1)
        case .top: OperatorSignature(inputs: 2, outputs: 2)
        case .cumulative: OperatorSignature(inputs: 2)
        }
    }
}

extension ShapeRule {
    func ranking(_ op: RankingOperator) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        switch op {
        case .extremePosition(_, let axis, let keepsAxis, _):
            var dimensions = data.type.dimensions
            if let rank = dimensions?.count {
                let axis = try self.axis(axis, rank: rank)
                if keepsAxis { dimensions?[axis] = 1 } else { dimensions?.remove(at: axis) }
            }
            return [InferredValue(TensorType(elementType: .int64, dimensions: dimensions))]
        case .top(let axis, _):
            var dimensions = data.type.dimensions
            if let rank = dimensions?.count {
                dimensions?[try self.axis(axis, rank: rank)] = extents(1)?.first ?? .unknown
            }
            return [
                InferredValue(TensorType(elementType: data.type.elementType, dimensions: dimensions)),
                InferredValue(TensorType(elementType: .int64, dimensions: dimensions)),
            ]
        case .cumulative: return try sameAsInput()
        }
    }
}
