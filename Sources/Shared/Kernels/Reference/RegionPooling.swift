import Graphs
import Tensors

extension ReferenceKernels {
    /// Pools regions of images with samples between pixels.
    static func regionAlign(_ attributes: RegionAlignAttributes, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let data = try doubles(inputs, 0, rank: 4)
        let regions = try doubles(inputs, 1, rank: 2)
        let images = try inputs.integers(2)
        let tensor = try inputs.required(0)
        let (shape, count) = (tensor.shape, try inputs.required(1).shape[0])
        guard try inputs.required(1).shape[1] == 4, images.count == count,
            images.allSatisfy({ (0..<shape[0]).contains($0) })
        else { throw .shapeMismatch("\(count) regions with images \(images) do not fit data \(shape)") }
        let result = try KernelShapes.output(
            [count, shape[1], attributes.height, attributes.width], tensor.elementType)
        let plane = shape[2] * shape[3]
        var elements: [Double] = []
        elements.reserveCapacity(result.elementCount)
        for (region, image) in images.enumerated() {
            let cells = try RegionCells(attributes, Array(regions[region * 4..<region * 4 + 4]), shape)
            for channel in 0..<shape[1] {
                let base = (image * shape[1] + channel) * plane
                for row in cells.rows {
                    for column in cells.columns { elements.append(cells.pool(data, base, row, column)) }
                }
            }
        }
        return Tensor(shape: result, elements: elements).converted(to: tensor.elementType)
    }

    /// Largest pixel of each cell of regions whose corners are rounded to pixels.
    static func maximumRegionPool(
        _ inputs: KernelInputs, height: Int, width: Int, scale: Float
    ) throws(KernelError) -> Tensor {
        let data = try doubles(inputs, 0, rank: 4)
        let regions = try doubles(inputs, 1, rank: 2)
        let tensor = try inputs.required(0)
        let (shape, count) = (tensor.shape, try inputs.required(1).shape[0])
        guard try inputs.required(1).shape[1] == 5 else { throw .shapeMismatch("a region is five numbers") }
        guard scale.isFinite else { throw .invalidArgument("the spatial scale is \(scale)") }
        let result = try KernelShapes.output([count, shape[1], height, width], tensor.elementType)
        var elements: [Double] = []
        elements.reserveCapacity(result.elementCount)
        for region in 0..<count {
            let row = Array(regions[region * 5..<region * 5 + 5])
            guard let image = Int(exactly: row[0]), (0..<shape[0]).contains(image),
                row.allSatisfy({ $0.magnitude < 1e9 })
            else { throw .invalidArgument("region \(region) is \(row) and the data are \(shape)") }
            // A corner that far out is outside of every image.
            let corners = row.dropFirst().map { Int(min(max($0 * Double(scale), -0x1p48), 0x1p48).rounded()) }
            let rows = cells(from: corners[1], to: corners[3], count: height, extent: shape[2])
            let columns = cells(from: corners[0], to: corners[2], count: width, extent: shape[3])
            for channel in 0..<shape[1] {
                let base = (image * shape[1] + channel) * shape[2] * shape[3]
                for ys in rows {
                    for xs in columns {
                        let pixels = ys.lazy.flatMap { y in xs.map { data[base + y * shape[3] + $0] } }
                        elements.append(pixels.max() ?? 0)
                    }
                }
            }
        }
        return Tensor(shape: result, elements: elements).converted(to: tensor.elementType)
    }

    /// The pixels of the cells of a region along one axis.
    private static func cells(from first: Int, to last: Int, count: Int, extent: Int) -> [Range<Int>] {
        let size = Double(max(last - first + 1, 1)) / Double(count)
        return (0..<count).map { cell in
            let start = min(max(Int((Double(cell) * size).rounded(.down)) + first, 0), extent)
            let end = min(max(Int((Double(cell + 1) * size).rounded(.up)) + first, 0), extent)
            return start..<max(start, end)
        }
    }
}

/// The cells of one region: where their samples lie.
private struct RegionCells {
    /// Two pixels around a sample along one axis and their weights; none outside of the image.
    typealias Sample = [(index: Int, weight: Double)]

    /// The samples of each row of cells along the vertical axis.
    let rows: [[Sample]]
    /// The samples of each column of cells along the horizontal axis.
    let columns: [[Sample]]
    private let width: Int
    private let averages: Bool

    /// More samples than this have only broken regions and attributes; no image has so many pixels.
    private static let maximumSampleCount = 1 << 24

    init(_ attributes: RegionAlignAttributes, _ region: [Double], _ shape: Shape) throws(KernelError) {
        averages = attributes.averages
        width = shape[3]
        let offset = attributes.pixelsHaveHalfCenters ? 0.5 : 0
        let corners = region.map { $0 * Double(attributes.scale) - offset }
        let vertical = AxisSamples(from: corners[1], to: corners[3], count: attributes.height, attributes)
        let horizontal = AxisSamples(from: corners[0], to: corners[2], count: attributes.width, attributes)
        guard max(vertical.total, 1) * max(horizontal.total, 1) <= Double(Self.maximumSampleCount) else {
            throw .invalidArgument(
                "the region \(region) needs \(vertical.total) x \(horizontal.total) samples, more than "
                    + "\(Self.maximumSampleCount) together")
        }
        rows = vertical.places(extent: shape[2])
        columns = horizontal.places(extent: shape[3])
    }

    /// The mean of a cell's samples, or the largest weighted pixel as ONNX Runtime takes it.
    func pool(_ data: [Double], _ base: Int, _ row: [Sample], _ column: [Sample]) -> Double {
        var (sum, largest): (Double, Double?) = (0, nil)
        for y in row {
            for x in column {
                var value = y.isEmpty || x.isEmpty ? 0 : -Double.infinity
                for vertical in y {
                    for horizontal in x {
                        let pixel =
                            data[base + vertical.index * width + horizontal.index]
                            * (vertical.weight * horizontal.weight)
                        sum += pixel
                        value = max(value, pixel)
                    }
                }
                largest = max(largest ?? value, value)
            }
        }
        return averages ? sum / Double(max(row.count * column.count, 1)) : largest ?? 0
    }
}

/// The samples of a region's cells along one axis.
private struct AxisSamples {
    private let start: Double
    private let cellSize: Double
    private let count: Int
    /// In one cell; a whole number.
    private let samples: Double

    /// In all cells.
    var total: Double { Double(count) * samples }

    init(from start: Double, to end: Double, count: Int, _ attributes: RegionAlignAttributes) {
        self.start = start
        self.count = count
        let length = attributes.pixelsHaveHalfCenters ? end - start : max(end - start, 1)
        cellSize = length / Double(count)
        let wanted = attributes.samplingRatio > 0 ? Double(attributes.samplingRatio) : cellSize.rounded(.up)
        // A region whose corners are no numbers has no samples.
        samples = wanted.isFinite ? max(wanted, 0) : 0
    }

    /// For each cell and each sample in it: the pixels around it and their weights.
    func places(extent: Int) -> [[RegionCells.Sample]] {
        (0..<count).map { cell in
            (0..<Int(samples)).map { sample in
                let place = start + (Double(cell) + (Double(sample) + 0.5) / samples) * cellSize
                guard place >= -1, place <= Double(extent), extent > 0 else { return [] }
                let inside = max(place, 0)
                let lower = Int(inside)
                guard lower < extent - 1 else { return [(extent - 1, 1), (extent - 1, 0)] }
                let fraction = inside - Double(lower)
                return [(lower, 1 - fraction), (lower + 1, fraction)]
            }
        }
    }
}
