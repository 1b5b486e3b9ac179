internal import Tensors

/// Samples, pools and selects regions of images.
public enum VisionOperator: Hashable, Sendable {
    /// Inputs: data [N, C, spatial...], grid [N, extents..., axes], whose last axis holds (x, y, ...) from -1 to 1.
    case gridSample(GridSampleAttributes)
    /// Inputs: theta [N, 2, 3] or [N, 3, 4], size [N, C, spatial...]; the grid of an affine map for `gridSample`.
    case affineGrid(alignsCorners: Bool)
    /// Inputs: data [N, C, H, W], regions [R, 4], image of each region [R]; [R, C, height, width].
    case regionAlign(RegionAlignAttributes)
    /// Inputs: data [N, C, H, W], regions [R, 5] of image, x1, y1, x2, y2; [R, C, height, width].
    case maximumRegionPool(height: Int, width: Int, scale: Float)
    /// Inputs: columns [N, C * block, L], extents of the image, extents of the block; sums of what overlaps: [N, C, image...].
    case columnsToImage(ConvolutionAttributes)
    /// Inputs: data [N, C, H, W], weights [M, C/groups, kH, kW], offsets [N, offset groups * kH * kW * 2, oH, oW], bias [M] (optional),
    /// mask [N, offset groups * kH * kW, oH, oW] (optional).
    case deformableConvolution(ConvolutionAttributes, offsetGroups: Int)
    /// Inputs: boxes [B, N, 4], scores [B, C, N], boxes per class (optional, 0), overlap threshold (optional, 0), score threshold (optional);
    /// int64 [count, 3] of batch, class and box. Boxes are two corners (y, x), or center and size (x, y, width, height).
    case nonMaximumSuppression(boxesAreCenters: Bool)
}

/// Attributes of `GridSample`.
public struct GridSampleAttributes: Hashable, Sendable {
    /// How elements between pixels are made.
    public enum Mode: Hashable, Sendable { case nearest, linear, cubic }
    /// What lies outside of the image: zeros, the nearest pixel, or the image mirrored.
    public enum Padding: Hashable, Sendable { case zeros, border, reflection }

    /// How elements between pixels are made.
    public var mode: Mode
    /// What lies outside of the image.
    public var padding: Padding
    /// Whether -1 and 1 are the centers of the outermost pixels, and not their edges.
    public var alignsCorners: Bool

    /// Makes attributes; the defaults are those of ONNX.
    public init(mode: Mode = .linear, padding: Padding = .zeros, alignsCorners: Bool = false) {
        self.mode = mode
        self.padding = padding
        self.alignsCorners = alignsCorners
    }
}

/// Attributes of `RoiAlign`.
public struct RegionAlignAttributes: Hashable, Sendable {
    /// Extents of a pooled region.
    public var height: Int
    /// Extents of a pooled region.
    public var width: Int
    /// Whether samples are averaged; otherwise the largest weighted pixel counts.
    public var averages: Bool
    /// Samples of a cell along each axis; 0 takes as many as a cell has pixels.
    public var samplingRatio: Int
    /// From coordinates of regions to pixels.
    public var scale: Float
    /// Whether pixels have their centers at halves.
    public var pixelsHaveHalfCenters: Bool

    /// Makes attributes; the defaults are those of ONNX.
    public init(
        height: Int = 1, width: Int = 1, averages: Bool = true, samplingRatio: Int = 0, scale: Float = 1,
        pixelsHaveHalfCenters: Bool = true
    ) {
        self.height = height
        self.width = width
        self.averages = averages
        self.samplingRatio = samplingRatio
        self.scale = scale
        self.pixelsHaveHalfCenters = pixelsHaveHalfCenters
    }
}

extension VisionOperator {
    /// The name of the operator in ONNX.
    var name: String {
        switch self {
        case .gridSample: "GridSample"
        case .affineGrid: "AffineGrid"
        case .regionAlign: "RoiAlign"
        case .maximumRegionPool: "MaxRoiPool"
        case .columnsToImage: "Col2Im"
        case .deformableConvolution: "DeformConv"
        case .nonMaximumSuppression: "NonMaxSuppression"
        }
    }

    var signature: OperatorSignature {
        switch self {
        case .gridSample, .affineGrid, .maximumRegionPool: OperatorSignature(inputs: 2)
        case .regionAlign, .columnsToImage: OperatorSignature(inputs: 3)
        case .deformableConvolution: OperatorSignature(3, upTo: 5)
        case .nonMaximumSuppression: OperatorSignature(2, upTo: 5)
        }
    }
}

extension ShapeRule {
    func vision(_ op: VisionOperator) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        switch op {
        case .gridSample:
            guard let own = data.type.dimensions, let grid = try required(1).type.dimensions else {
                return outputs(like: data, dimensions: nil)
            }
            guard own.count >= 3, grid.count == own.count else {
                throw ShapeRuleError("a grid of rank \(grid.count) does not sample data of rank \(own.count)")
            }
            return outputs(like: data, dimensions: [own[0], own[1]] + grid.dropFirst().dropLast())
        case .affineGrid:
            guard let size = extents(1) else { return outputs(like: data, dimensions: nil) }
            guard size.count == 4 || size.count == 5 else {
                throw ShapeRuleError("a grid is for 2 or 3 spatial axes, not for \(size.count - 2)")
            }
            return outputs(like: data, dimensions: [size[0]] + size.dropFirst(2) + [.fixed(size.count - 2)])
        case .regionAlign(let attributes):
            return try regions(data, height: attributes.height, width: attributes.width)
        case .maximumRegionPool(let height, let width, _): return try regions(data, height: height, width: width)
        case .columnsToImage:
            guard let columns = data.type.dimensions, let image = extents(1), let block = extents(2) else {
                return outputs(like: data, dimensions: nil)
            }
            guard columns.count == 3 else { throw ShapeRuleError("the columns are \(data.type), not of rank 3") }
            return outputs(
                like: data, dimensions: [columns[0], columns[1].dividedExactly(by: product(block))] + image)
        case .deformableConvolution:
            guard let own = data.type.dimensions, let weights = try required(1).type.dimensions,
                let offsets = try required(2).type.dimensions
            else { return outputs(like: data, dimensions: nil) }
            guard own.count == 4, weights.count == 4, offsets.count == 4 else {
                throw ShapeRuleError("only images of two axes are deformed; the data are \(data.type)")
            }
            return outputs(like: data, dimensions: [own[0], weights[0], offsets[2], offsets[3]])
        case .nonMaximumSuppression:
            return [InferredValue(TensorType(elementType: .int64, dimensions: [.unknown, 3]))]
        }
    }

    private func regions(
        _ data: InferredValue, height: Int, width: Int
    ) throws(ShapeRuleError) -> [InferredValue] {
        let count = try required(1).type.dimensions?.first ?? .unknown
        guard let own = data.type.dimensions else { return outputs(like: data, dimensions: nil) }
        guard own.count == 4 else { throw ShapeRuleError("the data are \(data.type), not of rank 4") }
        return outputs(like: data, dimensions: [count, own[1], .fixed(height), .fixed(width)])
    }
}
