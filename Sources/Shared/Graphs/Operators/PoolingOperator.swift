internal import Tensors

/// Pooling that has no kernel but the plain one, and its inverse.
public enum PoolingOperator: Hashable, Sendable {
    /// The norm of the elements of each window; what lies in the padding is 0.
    case norm(PoolingAttributes, order: Int)
    /// The norm of all elements of each channel.
    case globalNorm(order: Int)
    /// Inputs: X [N, C, spatial...], positions in the result, extents of the result (optional); puts the elements that a
    /// maximum pooling chose where they were, and zeros elsewhere.
    case inverseOfMaximum(kernelShape: [Int], strides: [Int], before: [Int], after: [Int])
}

extension PoolingOperator {
    /// The name of the operator in ONNX.
    var name: String {
        switch self {
        case .norm: "LpPool"
        case .globalNorm: "GlobalLpPool"
        case .inverseOfMaximum: "MaxUnpool"
        }
    }

    var signature: OperatorSignature {
        switch self {
        case .norm, .globalNorm: OperatorSignature(inputs: 1)
        case .inverseOfMaximum: OperatorSignature(2, upTo: 3)
        }
    }
}

extension ShapeRule {
    func pooling(_ op: PoolingOperator) throws(ShapeRuleError) -> [InferredValue] {
        switch op {
        case .norm(let attributes, _): return try pool(attributes)
        case .globalNorm: return try globalPool()
        case .inverseOfMaximum(let kernelShape, let strides, let before, let after):
            let data = try required(0)
            let rank = kernelShape.count + 2
            let dimensions = data.type.dimensions ?? [Dimension](repeating: .unknown, count: rank)
            guard dimensions.count == rank else {
                throw ShapeRuleError("kernel_shape \(kernelShape) does not fit data of rank \(dimensions.count)")
            }
            if optional(2) != nil {
                let given = extents(2) ?? [Dimension](repeating: .unknown, count: rank)
                guard given.count == rank else {
                    throw ShapeRuleError("\(given.count) extents of the result are given for rank \(rank)")
                }
                return outputs(like: data, dimensions: given)
            }
            var result = Array(dimensions[..<2])
            for (axis, kernel) in kernelShape.enumerated() {
                let stride = try spatialEntry(strides, axis, missing: 1, "strides")
                let first = try Dimension.fixed(spatialEntry(before, axis, missing: 0, "pads"))
                let last = try Dimension.fixed(spatialEntry(after, axis, missing: 0, "pads"))
                let extent = (dimensions[axis + 2] - 1) * .fixed(stride) + .fixed(kernel) - first - last
                if let value = extent.fixedValue, value < 0 {
                    throw ShapeRuleError("the output extent of spatial axis \(axis) would be \(value)")
                }
                result.append(extent)
            }
            return outputs(like: data, dimensions: result)
        }
    }
}
