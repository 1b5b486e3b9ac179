internal import Tensors

/// Normalizations that have no kernel but the plain one.
public enum NormalizationOperator: Hashable, Sendable {
    /// Inputs: X [N, C, ...], scale [C], bias [C]; each channel of each sample by its own mean and variance.
    case instance(epsilon: Float)
    /// Inputs: X [N, C, ...], scale, bias, each [C]; each group of channels of each sample by its own mean and variance.
    ///
    /// With `scalesGroups`, which only opset 18 knows, scale and bias have one element per group.
    case group(count: Int, epsilon: Float, scalesGroups: Bool)
    /// Inputs: X, scale; over the axes from `axis` on divided by the root of the mean square, in the scale's type.
    case rootMeanSquare(axis: Int, epsilon: Float)
    /// Each line along the axis divided by its norm of order 1 or 2; a line of zeros stays.
    case norm(axis: Int, order: Int)
    /// Over all of the axes together: mean 0 and variance 1.
    case meanVariance(axes: [Int])
    /// 1 for the first largest element along the axis, 0 for the others.
    case hardmax(axis: Int)
}

extension NormalizationOperator {
    /// The name of the operator in ONNX.
    var name: String {
        switch self {
        case .instance: "InstanceNormalization"
        case .group: "GroupNormalization"
        case .rootMeanSquare: "RMSNormalization"
        case .norm: "LpNormalization"
        case .meanVariance: "MeanVarianceNormalization"
        case .hardmax: "Hardmax"
        }
    }

    var signature: OperatorSignature {
        switch self {
        case .instance, .group: OperatorSignature(inputs: 3)
        case .rootMeanSquare: OperatorSignature(inputs: 2)
        case .norm, .meanVariance, .hardmax: OperatorSignature(inputs: 1)
        }
    }
}

extension ShapeRule {
    func normalization(_ op: NormalizationOperator) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        switch op {
        case .instance: try checkParameters(of: data, count: data.type.dimensions.flatMap { $0.dropFirst().first })
        case .group(let count, _, let scalesGroups):
            let channels = data.type.dimensions.flatMap { $0.dropFirst().first }
            if let channels = channels?.fixedValue, count < 1 || !channels.isMultiple(of: count) {
                throw ShapeRuleError("\(channels) channels do not divide into \(count) groups")
            }
            try checkParameters(of: data, count: scalesGroups ? .fixed(count) : channels)
        case .rootMeanSquare(let axis, _):
            let scale = try required(1)
            if let dimensions = data.type.dimensions {
                _ = try self.axis(axis, rank: dimensions.count)
                _ = try broadcast(dimensions, scale.type.dimensions)
            }
            return [InferredValue(TensorType(elementType: scale.type.elementType, dimensions: data.type.dimensions))]
        case .norm(let axis, _): if let rank = data.type.dimensions?.count { _ = try self.axis(axis, rank: rank) }
        case .hardmax(let axis): return try softmax(axis: axis)
        case .meanVariance(let axes): if let rank = data.type.dimensions?.count { _ = try self.axes(axes, rank: rank) }
        }
        return try sameAsInput()
    }

    /// Scale and bias are vectors of `count` elements; the data has channels.
    private func checkParameters(of data: InferredValue, count: Dimension?) throws(ShapeRuleError) {
        if let rank = data.type.dimensions?.count, rank < 2 {
            throw ShapeRuleError("the data has rank \(rank), but batch and channels are needed")
        }
        for index in 1...2 {
            guard let dimensions = try required(index).type.dimensions else { continue }
            guard dimensions.count == 1 else {
                throw ShapeRuleError("input \(index) has rank \(dimensions.count), not 1")
            }
            _ = try unified(count ?? .unknown, dimensions[0], "elements that are scaled and those of input \(index)")
        }
    }
}
