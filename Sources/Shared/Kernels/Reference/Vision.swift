import Graphs
import Tensors

extension ReferenceKernels {
    /// Samples, pools and selects regions of images; computed in `Double` and rounded once.
    static func vision(_ op: VisionOperator, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        switch op {
        case .gridSample(let attributes): try GridSample(attributes, inputs).result()
        case .affineGrid(let alignsCorners): try affineGrid(inputs, alignsCorners: alignsCorners)
        case .regionAlign(let attributes): try regionAlign(attributes, inputs)
        case .maximumRegionPool(let height, let width, let scale):
            try maximumRegionPool(inputs, height: height, width: width, scale: scale)
        case .columnsToImage(let window): try columnsToImage(window, inputs)
        case .deformableConvolution(let window, let offsetGroups):
            try DeformableConvolution(window, offsetGroups: offsetGroups, inputs).result()
        case .nonMaximumSuppression(let boxesAreCenters):
            try nonMaximumSuppression(inputs, boxesAreCenters: boxesAreCenters)
        }
    }

    /// A floating-point input's elements in `Double`.
    static func doubles(_ inputs: KernelInputs, _ index: Int, rank: Int? = nil) throws(KernelError) -> [Double] {
        let tensor = try inputs.required(index)
        if let rank, tensor.shape.rank != rank {
            throw .shapeMismatch("input \(index) has shape \(tensor.shape), not rank \(rank)")
        }
        return tensor.converted(to: .float64).elements(as: Double.self)
    }

    private static func affineGrid(_ inputs: KernelInputs, alignsCorners: Bool) throws(KernelError) -> Tensor {
        let theta = try doubles(inputs, 0, rank: 3)
        let shape = try inputs.required(0).shape
        let size = try inputs.integers(1)
        let axes = size.count - 2
        guard axes == 2 || axes == 3, shape.dimensions == [size[0], axes, axes + 1], size.allSatisfy({ $0 >= 0 }) else {
            throw .shapeMismatch("theta \(shape) does not fit a grid of size \(size)")
        }
        let type = try inputs.required(0).elementType
        let result = try KernelShapes.output([size[0]] + size.dropFirst(2) + [axes], type)
        // Without elements the extents have no bound.
        guard result.elementCount > 0 else { return Tensor(zeros: result, elementType: type) }
        // x runs along the last spatial axis.
        let positions = size.dropFirst(2).map { extent in
            (0..<extent).map { index in
                if alignsCorners { return extent == 1 ? 0 : -1 + 2 * Double(index) / Double(extent - 1) }
                return -1 + (2 * Double(index) + 1) / Double(extent)
            }
        }
        var elements: [Double] = []
        elements.reserveCapacity(result.elementCount)
        var place = [Int](repeating: 0, count: axes)
        for image in 0..<size[0] {
            for _ in 0..<KernelShapes.count(size.dropFirst(2)) {
                for row in 0..<axes {
                    let first = (image * axes + row) * (axes + 1)
                    var sum = 0.0
                    for axis in 0..<axes {
                        sum += theta[first + axis] * positions[axes - 1 - axis][place[axes - 1 - axis]]
                    }
                    elements.append(sum + theta[first + axes])
                }
                place.advance(within: Array(size.dropFirst(2)))
            }
        }
        return Tensor(shape: result, elements: elements).converted(to: type)
    }

    private static func columnsToImage(
        _ window: ConvolutionAttributes, _ inputs: KernelInputs
    ) throws(KernelError) -> Tensor {
        let columns = try doubles(inputs, 0, rank: 3)
        let tensor = try inputs.required(0)
        let (image, block) = (try inputs.integers(1), try inputs.integers(2))
        let count = block.reduce(1, &*)
        let geometry = try WindowGeometry(
            input: image, kernel: block, strides: window.strides, dilations: window.dilations, padding: window.padding)
        let places = geometry.output.reduce(1, &*)
        guard count > 0, tensor.shape[1] % count == 0, tensor.shape[2] == places else {
            throw .shapeMismatch(
                "columns \(tensor.shape) do not fit blocks \(block) at \(places) places of an image \(image)")
        }
        let planes = tensor.shape[0] * (tensor.shape[1] / count)
        let shape = try KernelShapes.output([tensor.shape[0], tensor.shape[1] / count] + image, tensor.elementType)
        let (table, size) = (try WindowTable(geometry), image.reduce(1, &*))
        var sums = [Double](repeating: 0, count: shape.elementCount)
        for plane in 0..<planes {
            for (element, targets) in table.indices.enumerated() {
                for place in 0..<places where targets[place] >= 0 {
                    sums[plane * size + Int(targets[place])] += columns[(plane * count + element) * places + place]
                }
            }
        }
        return Tensor(shape: shape, elements: sums).converted(to: tensor.elementType)
    }
}

extension [Int] {
    /// Moves a row-major index by one; after the last one comes the first.
    mutating func advance(within extents: [Int]) {
        for axis in indices.reversed() {
            self[axis] += 1
            if self[axis] < extents[axis] { return }
            self[axis] = 0
        }
    }
}
