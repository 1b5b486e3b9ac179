internal import Tensors

/// Attributes of `AveragePool` and `MaxPool`: input [N, C, spatial...].
public struct PoolingAttributes: Hashable, Sendable {
    /// Extents of the window, one per spatial axis.
    public var kernelShape: [Int]
    /// One per spatial axis; empty means all 1.
    public var strides: [Int]
    /// One per spatial axis; empty means all 1.
    public var dilations: [Int]
    /// Padding of the spatial axes.
    public var padding: WindowPadding
    /// Whether a last, partial window counts.
    public var ceilMode: Bool
    /// Average only: whether padded elements count in the divisor.
    public var countIncludesPadding: Bool
    /// Max only: whether output 1 numbers elements in column-major order.
    public var columnMajorIndices: Bool

    /// Makes attributes; the defaults are those of ONNX.
    public init(
        kernelShape: [Int], strides: [Int] = [], dilations: [Int] = [],
        padding: WindowPadding = .explicit(before: [], after: []), ceilMode: Bool = false,
        countIncludesPadding: Bool = false, columnMajorIndices: Bool = false
    ) {
        self.kernelShape = kernelShape
        self.strides = strides
        self.dilations = dilations
        self.padding = padding
        self.ceilMode = ceilMode
        self.countIncludesPadding = countIncludesPadding
        self.columnMajorIndices = columnMajorIndices
    }
}

extension ShapeRule {
    func pool(_ attributes: PoolingAttributes) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        let rank = attributes.kernelShape.count + 2
        let dimensions = data.type.dimensions ?? [Dimension](repeating: .unknown, count: rank)
        guard dimensions.count == rank else {
            throw ShapeRuleError("kernel_shape \(attributes.kernelShape) does not fit data of rank \(dimensions.count)")
        }
        var windows: [Window?] = []
        for (axis, kernel) in attributes.kernelShape.enumerated() {
            let stride = try spatialEntry(attributes.strides, axis, missing: 1, "strides")
            let dilation = try spatialEntry(attributes.dilations, axis, missing: 1, "dilations")
            windows.append(Window(kernel: kernel, stride: stride, dilation: dilation))
        }
        let extents = try windowOutputs(
            Array(dimensions[2...]), windows: windows, padding: attributes.padding, ceilMode: attributes.ceilMode)
        return outputs(like: data, dimensions: dimensions[..<2] + extents)
    }

    func maxPool(_ attributes: PoolingAttributes) throws(ShapeRuleError) -> [InferredValue] {
        let values = try pool(attributes)
        return values
            + values.map {
                InferredValue(TensorType(elementType: .int64, dimensions: $0.type.dimensions))
            }
    }

    func globalPool() throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        guard let dimensions = data.type.dimensions else { return outputs(like: data, dimensions: nil) }
        guard dimensions.count >= 2 else {
            throw ShapeRuleError("global pooling needs batch and channels but the data has rank \(dimensions.count)")
        }
        return outputs(like: data, dimensions: dimensions[..<2] + dimensions[2...].map { _ in 1 })
    }
}
