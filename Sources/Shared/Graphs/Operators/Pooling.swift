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
