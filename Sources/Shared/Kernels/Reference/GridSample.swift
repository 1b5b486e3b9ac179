import Graphs
import Tensors

/// Samples images at the points of a grid: along each axis the pixels around a point, weighted.
///
/// Coordinates, borders and cubic weights (a = -0.75) are those of ONNX Runtime. The sum runs over the pixels in row-major order.
struct GridSample {
    private let attributes: GridSampleAttributes
    private let data: [Double]
    private let grid: [Double]
    private let shape: Shape
    private let extents: [Int]
    /// Points of the grid of one image.
    private let points: Int
    private let elementType: ElementType

    /// Some pixels along an axis; `nil` is a zero outside of the image.
    private typealias Taps = [(index: Int?, weight: Double)]

    init(_ attributes: GridSampleAttributes, _ inputs: KernelInputs) throws(KernelError) {
        self.attributes = attributes
        data = try ReferenceKernels.doubles(inputs, 0)
        grid = try ReferenceKernels.doubles(inputs, 1)
        let (own, other) = (try inputs.required(0).shape, try inputs.required(1).shape)
        let axes = own.rank - 2
        guard axes >= 1, other.rank == own.rank, other[0] == own[0], other[other.rank - 1] == axes else {
            throw .shapeMismatch("a grid \(other) does not sample data \(own)")
        }
        elementType = try inputs.required(0).elementType
        shape = try KernelShapes.output(
            [own[0], own[1]] + other.dimensions.dropFirst().dropLast(), elementType)
        extents = Array(own.dimensions.dropFirst(2))
        guard extents.allSatisfy({ $0 > 0 }) || other.elementCount == 0 else {
            throw .shapeMismatch("data \(own) have no pixels to sample")
        }
        points = KernelShapes.count(other.dimensions.dropFirst().dropLast())
    }

    /// The sampled elements.
    func result() -> Tensor {
        let (images, channels) = (shape[0], shape[1])
        let plane = extents.reduce(1, &*)
        let strides = Shape(extents).rowMajorStrides
        var elements = [Double](repeating: 0, count: shape.elementCount)
        for image in 0..<images {
            for point in 0..<points {
                let first = (image * points + point) * extents.count
                let pixels = pixels(at: Array(grid[first..<first + extents.count]), strides: strides)
                for channel in 0..<channels {
                    let base = (image * channels + channel) * plane
                    var sum = 0.0
                    for pixel in pixels { sum += data[base + pixel.offset] * pixel.weight }
                    elements[(image * channels + channel) * points + point] = sum
                }
            }
        }
        return Tensor(shape: shape, elements: elements).converted(to: elementType)
    }

    /// The pixels around a point and their weights.
    private func pixels(at coordinates: [Double], strides: [Int]) -> [(offset: Int, weight: Double)] {
        var pixels: [(offset: Int, weight: Double)] = [(0, 1)]
        for axis in extents.indices {
            // The last coordinate of the grid is that of the first spatial axis.
            let taps = taps(coordinates[extents.count - 1 - axis], extent: extents[axis])
            var next: [(offset: Int, weight: Double)] = []
            for pixel in pixels {
                for tap in taps {
                    guard let index = tap.index else { continue }
                    next.append((pixel.offset + index * strides[axis], pixel.weight * tap.weight))
                }
            }
            pixels = next
        }
        return pixels
    }

    private func taps(_ coordinate: Double, extent: Int) -> Taps {
        let size = Double(extent)
        let bounds = attributes.alignsCorners ? (0, size - 1) : (-0.5, size - 0.5)
        var place =
            attributes.alignsCorners
            ? (coordinate + 1) / 2 * (size - 1) : ((coordinate + 1) * size - 1) / 2
        // What is no number or too far out to be counted in pixels lies at the first bound, as in ONNX Runtime.
        if !(place.magnitude <= 0x1p62) { place = bounds.0 }
        if attributes.mode == .nearest { place.round(.toNearestOrEven) }
        if place < bounds.0 || place > bounds.1 {
            switch attributes.padding {
            case .zeros: break
            case .border: place = min(max(place, 0), size - 1)
            case .reflection: place = Self.reflected(place, bounds.0, bounds.1)
            }
        }
        // Farther out there are only zeros, and the index would not fit.
        guard place > -8, place < size + 8 else { return [] }
        let start = place.rounded(.down)
        let fraction = place - start
        let first = Int(start)
        let pixels: [(Int, Double)] =
            switch attributes.mode {
            case .nearest: [(Int(place.rounded(.toNearestOrEven)), 1)]
            case .linear: [(first, 1 - fraction), (first + 1, fraction)]
            case .cubic: Self.cubicWeights(fraction).enumerated().map { (first - 1 + $0.offset, $0.element) }
            }
        return pixels.map { (index(of: $0.0, extent: extent, bounds), $0.1) }
    }

    private func index(of pixel: Int, extent: Int, _ bounds: (Double, Double)) -> Int? {
        if (0..<extent).contains(pixel) { return pixel }
        switch attributes.padding {
        case .zeros: return nil
        case .border: return min(max(pixel, 0), extent - 1)
        case .reflection:
            return min(max(Int(Self.reflected(Double(pixel), bounds.0, bounds.1)), 0), extent - 1)
        }
    }

    /// A point mirrored at the bounds until it lies between them.
    private static func reflected(_ place: Double, _ lower: Double, _ upper: Double) -> Double {
        let range = upper - lower
        guard range > 0 else { return lower }
        if place < lower {
            let distance = lower - place
            let turns = (distance / range).rounded(.towardZero)
            let rest = distance - turns * range
            return turns.truncatingRemainder(dividingBy: 2) == 0 ? lower + rest : upper - rest
        }
        guard place > upper else { return place }
        let distance = place - upper
        let turns = (distance / range).rounded(.towardZero)
        let rest = distance - turns * range
        return turns.truncatingRemainder(dividingBy: 2) == 0 ? upper - rest : lower + rest
    }

    private static func cubicWeights(_ fraction: Double) -> [Double] {
        let a = -0.75
        func far(_ x: Double) -> Double { ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
        func near(_ x: Double) -> Double { ((a + 2) * x - (a + 3)) * x * x + 1 }
        return [far(fraction + 1), near(fraction), near(1 - fraction), far(2 - fraction)]
    }
}
