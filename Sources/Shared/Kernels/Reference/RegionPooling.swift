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
            let cells = RegionCells(attributes, Array(regions[region * 4..<region * 4 + 4]), shape)
            for channel in 0..<shape[1] {
                let base = (image * shape[1] + channel) * plane
                for cell in cells.cells { elements.append(cells.pool(data, base, cell)) }
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
        let result = try KernelShapes.output([count, shape[1], height, width], tensor.elementType)
        var elements: [Double] = []
        elements.reserveCapacity(result.elementCount)
        for region in 0..<count {
            let row = Array(regions[region * 5..<region * 5 + 5])
            guard let image = Int(exactly: row[0]), (0..<shape[0]).contains(image),
                row.allSatisfy({ $0.magnitude < 1e9 && ($0 * Double(scale)).magnitude < 1e15 })
            else { throw .invalidArgument("region \(region) is \(row) and the data are \(shape), by scale \(scale)") }
            let corners = row.dropFirst().map { Int(($0 * Double(scale)).rounded()) }
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
    /// Four pixels around a sample and their weights; none outside of the image.
    typealias Sample = [(offset: Int, weight: Double)]

    /// The samples of each cell, row by row.
    let cells: [[Sample]]
    private let averages: Bool

    init(_ attributes: RegionAlignAttributes, _ region: [Double], _ shape: Shape) {
        averages = attributes.averages
        let offset = attributes.pixelsHaveHalfCenters ? 0.5 : 0
        let corners = region.map { $0 * Double(attributes.scale) - offset }
        let rows = Self.places(
            from: corners[1], to: corners[3], count: attributes.height, extent: shape[2], attributes)
        let columns = Self.places(
            from: corners[0], to: corners[2], count: attributes.width, extent: shape[3], attributes)
        let width = shape[3]
        cells = rows.flatMap { ys in
            columns.map { xs in
                ys.flatMap { y in
                    xs.map { x -> Sample in
                        y.flatMap { row in
                            x.map { (row.index * width + $0.index, row.weight * $0.weight) }
                        }
                    }
                }
            }
        }
    }

    /// For each cell along an axis and each sample in it: the pixels around it and their weights.
    private static func places(
        from start: Double, to end: Double, count: Int, extent: Int, _ attributes: RegionAlignAttributes
    ) -> [[[(index: Int, weight: Double)]]] {
        let length = attributes.pixelsHaveHalfCenters ? end - start : max(end - start, 1)
        let size = length / Double(count)
        // Neither a broken region nor a broken attribute makes more samples than an image has pixels.
        let wanted = attributes.samplingRatio > 0 ? Double(attributes.samplingRatio) : size.rounded(.up)
        let samples = Int(min(max(wanted.isFinite ? wanted : 0, 0), Double(4 * max(extent, 1) + 64)))
        return (0..<count).map { cell in
            (0..<samples).map { sample in
                let place = start + (Double(cell) + (Double(sample) + 0.5) / Double(samples)) * size
                guard place >= -1, place <= Double(extent), extent > 0 else { return [] }
                let inside = max(place, 0)
                let lower = Int(inside)
                guard lower < extent - 1 else { return [(extent - 1, 1), (extent - 1, 0)] }
                let fraction = inside - Double(lower)
                return [(lower, 1 - fraction), (lower + 1, fraction)]
            }
        }
    }

    /// The mean of a cell's samples, or the largest weighted pixel as ONNX Runtime takes it.
    func pool(_ data: [Double], _ base: Int, _ cell: [Sample]) -> Double {
        guard averages else {
            var largest: Double?
            for sample in cell {
                var value = sample.isEmpty ? 0 : -Double.infinity
                for pixel in sample { value = max(value, data[base + pixel.offset] * pixel.weight) }
                largest = max(largest ?? value, value)
            }
            return largest ?? 0
        }
        var sum = 0.0
        for sample in cell {
            for pixel in sample { sum += data[base + pixel.offset] * pixel.weight }
        }
        return sum / Double(max(cell.count, 1))
    }
}
