import Graphs
import Tensors

extension ReferenceKernels {
    /// Resamples along each axis in turn; coordinates are computed in `Float` as ONNX Runtime does, values in `Double`.
    ///
    /// Integers are truncated and saturated after linear and cubic interpolation.
    static func resize(_ attributes: ResizeAttributes, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let axes = try ResizeAxis.axes(attributes, inputs, shape: data.shape)
        let shape = try KernelShapes.output(axes.map(\.output), data.elementType)
        guard shape.elementCount > 0 else { return Tensor(zeros: shape, elementType: data.elementType) }
        guard data.elementCount > 0 else {
            throw .shapeMismatch("an empty tensor \(data.shape) cannot be resized to \(shape)")
        }
        if attributes.mode == .nearest {
            let fill = Tensor(scalar: attributes.extrapolationValue).converted(to: data.elementType)
            return ElementMoves.remap(
                data, shape: shape, indices: axes.map { $0.nearestIndices(attributes) }, fill: fill)
        }
        return interpolate(data, axes, attributes, shape: shape)
    }

    private static func interpolate(
        _ data: Tensor, _ axes: [ResizeAxis], _ attributes: ResizeAttributes, shape: Shape
    ) -> Tensor {
        var values = data.converted(to: .float64).elements(as: Double.self)
        var dimensions = data.shape.dimensions
        var outside = [[Bool]]()
        for (index, axis) in axes.enumerated() {
            let taps = (0..<axis.output).map { axis.taps(at: $0, attributes) }
            outside.append(taps.map { $0 == nil })
            if axis.isIdentity(attributes) { continue }
            let inner = KernelShapes.count(dimensions[(index + 1)...])
            let outer = KernelShapes.count(dimensions[..<index])
            var next: [Double] = []
            next.reserveCapacity(outer * axis.output * inner)
            for lead in 0..<outer {
                for tap in taps {
                    for position in 0..<inner {
                        var sum = 0.0
                        for (source, weight) in tap ?? [] {
                            sum += weight * values[(lead * axis.input + source) * inner + position]
                        }
                        next.append(sum)
                    }
                }
            }
            values = next
            dimensions[index] = axis.output
        }
        extrapolate(&values, outside, value: Double(attributes.extrapolationValue), shape: shape)
        return saturated(Tensor(shape: shape, elements: values), to: data.elementType)
    }

    /// Writes the extrapolation value to every position that lies outside along any axis.
    private static func extrapolate(_ values: inout [Double], _ outside: [[Bool]], value: Double, shape: Shape) {
        guard outside.contains(where: { $0.contains(true) }) else { return }
        let strides = shape.rowMajorStrides
        for index in values.indices {
            let isOutside = outside.indices.contains { outside[$0][index / strides[$0] % shape[$0]] }
            if isOutside { values[index] = value }
        }
    }

    private static func saturated(_ tensor: Tensor, to type: ElementType) -> Tensor {
        if type.isFloatingPoint { return tensor.converted(to: type) }
        let bits = 8 * type.byteCount
        let isSigned = type.lane == .signed
        let highest = Double(sign: .plus, exponent: isSigned ? bits - 1 : bits, significand: 1)
        let lowest = isSigned ? -highest : 0
        let largest = (highest - 1).nextDown > highest - 2 ? highest.nextDown : highest - 1
        return tensor.map(Double.self) { min(max($0, lowest), largest) }.converted(to: type)
    }
}

/// How one axis is resampled.
struct ResizeAxis {
    /// Extent of the input.
    let input: Int
    /// Extent of the output.
    let output: Int
    /// Output extent over input extent, as given or computed.
    let scale: Float
    /// Region of interest in units of the extent; the whole axis unless the mapping crops.
    let region: (start: Float, end: Float)

    /// The axes of a `Resize`: inputs X, region of interest, scales, sizes.
    static func axes(
        _ attributes: ResizeAttributes, _ inputs: KernelInputs, shape: Shape
    ) throws(KernelError) -> [ResizeAxis] {
        let rank = shape.rank
        let selected = try KernelShapes.axes(attributes.axes ?? Array(0..<rank), rank: rank)
        let (scales, outputs) = try extents(attributes, inputs, shape: shape, axes: selected)
        var regions = [(start: Float, end: Float)](repeating: (0, 1), count: rank)
        if attributes.coordinates == .cropAndResizeRegion {
            let region = try inputs.required(1)
            guard region.elementCount == 2 * selected.count else {
                throw .shapeMismatch("the region of interest \(region.shape) must hold two numbers per resized axis")
            }
            let bounds = region.converted(to: .float32).elements(as: Float.self)
            guard bounds.allSatisfy(\.isFinite) else {
                throw .invalidArgument("the region of interest \(bounds) is not finite")
            }
            for (index, axis) in selected.enumerated() {
                regions[axis] = (bounds[index], bounds[selected.count + index])
            }
        }
        var axes = (0..<rank).map {
            ResizeAxis(input: shape[$0], output: shape[$0], scale: 1, region: regions[$0])
        }
        for (index, axis) in selected.enumerated() {
            axes[axis] = ResizeAxis(
                input: shape[axis], output: outputs[index], scale: scales[index], region: regions[axis])
        }
        return axes
    }

    /// Scale and output extent of each selected axis, from the scales or the sizes.
    private static func extents(
        _ attributes: ResizeAttributes, _ inputs: KernelInputs, shape: Shape, axes: [Int]
    ) throws(KernelError) -> (scales: [Float], outputs: [Int]) {
        // Empty tensors are how older files leave an input out.
        let scaleInput = inputs.optional(2).flatMap { $0.elementCount == 0 ? nil : $0 }
        let sizes = try inputs.optionalIntegers(3).flatMap { $0.isEmpty ? nil : $0 }
        if let sizes {
            guard sizes.count == axes.count else {
                throw .shapeMismatch("\(sizes.count) sizes for \(axes.count) resized axes")
            }
            guard sizes.allSatisfy({ $0 >= 0 }) else {
                throw .invalidArgument("the sizes \(sizes) are not all positive")
            }
            let ratios = zip(sizes, axes).map { Float($0) / Float(max(shape[$1], 1)) }
            let common: Float?
            switch attributes.aspectRatio {
            case .stretch: common = nil
            case .notLarger: common = ratios.min()
            case .notSmaller: common = ratios.max()
            }
            guard let common else { return (ratios, sizes) }
            var outputs: [Int] = []
            for axis in axes {
                outputs.append(try whole((common * Float(shape[axis])).rounded(.toNearestOrAwayFromZero)))
            }
            return (ratios.map { _ in common }, outputs)
        }
        guard let scales = scaleInput?.elements(as: Float.self) else { throw .missingInput(index: 2) }
        guard scales.count == axes.count else {
            throw .shapeMismatch("\(scales.count) scales for \(axes.count) resized axes")
        }
        guard scales.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw .invalidArgument("the scales \(scales) are not all positive")
        }
        var outputs: [Int] = []
        for (scale, axis) in zip(scales, axes) { outputs.append(try whole(scale * Float(shape[axis]))) }
        return (scales, outputs)
    }

    private static func whole(_ extent: Float) throws(KernelError) -> Int {
        guard extent >= 0, extent < 0x1p40 else { throw .shapeMismatch("an output extent of \(extent) is impossible") }
        return Int(extent)
    }

    /// Whether every output element is the input element at its position.
    func isIdentity(_ attributes: ResizeAttributes) -> Bool {
        input == output && scale == 1
            && (attributes.coordinates != .cropAndResizeRegion || (region.start == 0 && region.end == 1))
    }

    /// The input coordinate of an output position.
    func coordinate(of position: Int, _ transformation: ResizeAttributes.CoordinateTransformation) -> Float {
        let x = Float(position)
        switch transformation {
        case .halfPixel: return (x + 0.5) / scale - 0.5
        case .halfPixelSymmetric:
            let adjustment = Float(output) / (scale * Float(input))
            return Float(input) / 2 * (1 - adjustment) + (x + 0.5) / scale - 0.5
        case .pytorchHalfPixel: return output > 1 ? (x + 0.5) / scale - 0.5 : 0
        case .alignCorners: return output == 1 ? 0 : x * Float(input - 1) / Float(output - 1)
        case .asymmetric: return x / scale
        case .cropAndResizeRegion:
            let last = Float(input - 1)
            return output > 1
                ? region.start * last + x * (region.end - region.start) * last / Float(output - 1)
                : 0.5 * (region.start + region.end) * last
        }
    }

    /// Whether a coordinate takes the extrapolation value.
    private func isOutside(_ coordinate: Float, _ attributes: ResizeAttributes) -> Bool {
        // NaN, from a region beyond all numbers, lies outside too.
        attributes.coordinates == .cropAndResizeRegion && !(coordinate >= 0 && coordinate <= Float(input - 1))
    }

    /// The input position of each output position; `nil` where the extrapolation value stands.
    func nearestIndices(_ attributes: ResizeAttributes) -> [Int?] {
        (0..<output).map { position in
            if isIdentity(attributes) { return position }
            let x = coordinate(of: position, attributes.coordinates)
            if isOutside(x, attributes) { return nil }
            let rounded: Float =
                switch attributes.nearestRounding {
                case .roundPreferFloor where x - x.rounded(.down) == 0.5: x.rounded(.down)
                case .roundPreferFloor, .roundPreferCeil: x.rounded(.toNearestOrAwayFromZero)
                case .floor: x.rounded(.down)
                case .ceil: x.rounded(.up)
                }
            return limited(Double(rounded))
        }
    }

    /// The input positions and weights that make up an output position; `nil` where the extrapolation value stands.
    ///
    /// Weights of positions outside go to the nearest one inside, or are dropped and the rest renormalised.
    func taps(at position: Int, _ attributes: ResizeAttributes) -> [(index: Int, weight: Double)]? {
        if isIdentity(attributes) { return [(position, 1)] }
        let x = coordinate(of: position, attributes.coordinates)
        if isOutside(x, attributes) { return nil }
        // Shrinking with antialiasing widens the kernel.
        let shrink = attributes.antialias ? Double(min(scale, 1)) : 1
        let reach = (attributes.mode == .cubic ? 2 : 1) / shrink
        let center = Double(x)
        let first = (center - reach).rounded(.up)
        let last = (center + reach).rounded(.down)
        var weights: [(index: Int, weight: Double)] = []
        var total = 0.0
        var source = first
        while source <= last {
            let weight = kernel((source - center) * shrink, attributes)
            let isInside = source >= 0 && source <= Double(input - 1)
            if weight != 0 && (isInside || !attributes.excludesOutside) {
                total += weight
                weights.append((limited(source), weight))
            }
            source += 1
        }
        return weights.map { (index: $0.index, weight: $0.weight / total) }
    }

    private func limited(_ coordinate: Double) -> Int {
        Int(max(0, min(coordinate, Double(input - 1))))
    }

    /// The interpolation kernel at a distance: a triangle, or Keys' cubic.
    private func kernel(_ distance: Double, _ attributes: ResizeAttributes) -> Double {
        let x = distance.magnitude
        guard attributes.mode == .cubic else { return max(0, 1 - x) }
        let a = Double(attributes.cubicCoefficient)
        if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        if x < 2 { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
        return 0
    }
}
