/// Attributes of `Resize`: inputs X, region of interest, scales, sizes (the last three optional).
public struct ResizeAttributes: Hashable, Sendable {
    /// How elements between grid points are computed.
    public enum Mode: String, Hashable, Sendable, CaseIterable {
        case nearest
        case linear
        case cubic
    }

    /// How an output coordinate maps to an input coordinate.
    public enum CoordinateTransformation: String, Hashable, Sendable, CaseIterable {
        case halfPixel
        case halfPixelSymmetric
        case pytorchHalfPixel
        case alignCorners
        case asymmetric
        case cropAndResizeRegion
    }

    /// How `nearest` rounds a coordinate.
    public enum NearestRounding: String, Hashable, Sendable, CaseIterable {
        case roundPreferFloor
        case roundPreferCeil
        case floor
        case ceil
    }

    /// What the `sizes` input means for the aspect ratio.
    public enum AspectRatio: String, Hashable, Sendable, CaseIterable {
        case stretch
        case notLarger
        case notSmaller
    }

    /// Interpolation.
    public var mode: Mode
    /// Coordinate mapping.
    public var coordinates: CoordinateTransformation
    /// Rounding for `nearest`.
    public var nearestRounding: NearestRounding
    /// Coefficient of the cubic kernel.
    public var cubicCoefficient: Float
    /// Whether weights of elements outside the input are dropped and the rest renormalised.
    public var excludesOutside: Bool
    /// Value outside the region of interest for `cropAndResizeRegion`.
    public var extrapolationValue: Float
    /// Whether linear and cubic widen their kernel when they shrink the data.
    public var antialias: Bool
    /// Meaning of `sizes`.
    public var aspectRatio: AspectRatio
    /// Axes that scales and sizes refer to; `nil` means all.
    public var axes: [Int]?

    /// Makes attributes; the defaults are those of ONNX.
    public init(
        mode: Mode = .nearest, coordinates: CoordinateTransformation = .halfPixel,
        nearestRounding: NearestRounding = .roundPreferFloor, cubicCoefficient: Float = -0.75,
        excludesOutside: Bool = false, extrapolationValue: Float = 0, antialias: Bool = false,
        aspectRatio: AspectRatio = .stretch, axes: [Int]? = nil
    ) {
        self.mode = mode
        self.coordinates = coordinates
        self.nearestRounding = nearestRounding
        self.cubicCoefficient = cubicCoefficient
        self.excludesOutside = excludesOutside
        self.extrapolationValue = extrapolationValue
        self.antialias = antialias
        self.aspectRatio = aspectRatio
        self.axes = axes
    }
}
