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

extension ShapeRule {
    func resize(_ attributes: ResizeAttributes) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        guard let dimensions = data.type.dimensions else { return outputs(like: data, dimensions: nil) }
        let resized = try axes(attributes.axes ?? Array(dimensions.indices), rank: dimensions.count)
        guard (optional(2) == nil) != (optional(3) == nil) else {
            throw ShapeRuleError("exactly one of scales and sizes must be given")
        }
        var result = dimensions
        if optional(3) != nil {
            let sizes = try resizeTargets(input: 3, count: resized.count, extents(3))
            for (position, axis) in resized.enumerated() {
                result[axis] = sizes?[position] ?? .unknown
                if let size = result[axis].fixedValue, size < 1 {
                    throw ShapeRuleError("axis \(axis) would get the extent \(size)")
                }
            }
            if attributes.aspectRatio != .stretch { try keepAspectRatio(&result, dimensions, resized, attributes) }
        } else {
            let scales = try resizeTargets(input: 2, count: resized.count, optional(2)?.elements)
            let regions = optional(1)?.elements
            for (position, axis) in resized.enumerated() {
                guard case .real(let scale) = scales?[position] else {
                    result[axis] = .unknown
                    continue
                }
                guard scale > 0 else { throw ShapeRuleError("the scale of axis \(axis) is \(scale)") }
                var factor = Float(scale)
                if attributes.coordinates == .cropAndResizeRegion {
                    guard let regions, regions.count == resized.count * 2,
                        case .real(let start) = regions[position],
                        case .real(let end) = regions[position + resized.count]
                    else {
                        result[axis] = .unknown
                        continue
                    }
                    factor *= Float(end) - Float(start)
                }
                result[axis] = try scaled(dimensions[axis], by: factor, axis: axis)
            }
        }
        return outputs(like: data, dimensions: result)
    }

    /// The entries of scales or sizes; checks how many there are.
    private func resizeTargets<Entry>(
        input: Int, count: Int, _ entries: [Entry]?
    ) throws(ShapeRuleError) -> [Entry]? {
        guard let entries else { return nil }
        guard entries.count == count else {
            throw ShapeRuleError("input \(input) has \(entries.count) elements for \(count) axes")
        }
        return entries
    }

    private func scaled(_ extent: Dimension, by factor: Float, axis: Int) throws(ShapeRuleError) -> Dimension {
        if let value = extent.fixedValue {
            guard let result = Int(exactly: (Float(value) * factor).rounded(.down)) else {
                throw ShapeRuleError("the scale \(factor) of axis \(axis) gives no valid extent")
            }
            return .fixed(result)
        }
        if let whole = Int(exactly: factor) { return extent * .fixed(whole) }
        if let divisor = Int(exactly: 1 / factor), 1 / Float(divisor) == factor {
            return extent.dividedRoundingDown(by: divisor)
        }
        return .unknown
    }

    /// Uses one scale for all axes: the smallest that the sizes ask for, or the largest.
    private func keepAspectRatio(
        _ result: inout [Dimension], _ dimensions: [Dimension], _ resized: [Int], _ attributes: ResizeAttributes
    ) throws(ShapeRuleError) {
        let scales = resized.compactMap { axis -> Double? in
            guard let size = result[axis].fixedValue, let extent = dimensions[axis].fixedValue, extent > 0 else {
                return nil
            }
            return Double(size) / Double(extent)
        }
        let chosen = attributes.aspectRatio == .notLarger ? scales.min() : scales.max()
        for axis in resized {
            guard scales.count == resized.count, let chosen, let extent = dimensions[axis].fixedValue else {
                result[axis] = .unknown
                continue
            }
            // Halves round up.
            guard let value = Int(exactly: (Double(extent) * chosen + 0.5).rounded(.down)) else {
                throw ShapeRuleError("the scale \(chosen) of axis \(axis) gives no valid extent")
            }
            result[axis] = .fixed(value)
        }
    }
}
