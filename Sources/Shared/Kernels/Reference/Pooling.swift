import Graphs
import Tensors

extension ReferenceKernels {
    /// Average over windows; sums run over the window in row-major order.
    ///
    /// Averages of 8-bit integers, of one scale, are rounded half away from zero.
    static func averagePool(_ attributes: PoolingAttributes, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        if let integers = integerOperand(inputs) {
            return try rounded(averagePool(attributes, integers.widened), as: integers.type)
        }
        let data = try inputs.required(0)
        let geometry = try poolingGeometry(attributes, data)
        return data.elementType == .float64
            ? try averagePool(attributes, data, geometry, Double.self)
            : try averagePool(attributes, data, geometry, Float.self)
    }

    static func poolingGeometry(
        _ attributes: PoolingAttributes, _ data: Tensor
    ) throws(KernelError) -> WindowGeometry {
        guard data.shape.rank >= 3 else {
            throw .shapeMismatch("pooling takes data [N, C, spatial...], not \(data.shape)")
        }
        return try WindowGeometry(
            input: Array(data.shape.dimensions.dropFirst(2)), kernel: attributes.kernelShape,
            strides: attributes.strides, dilations: attributes.dilations, padding: attributes.padding,
            ceilMode: attributes.ceilMode)
    }

    private static func averagePool<T: Lane & BinaryFloatingPoint>(
        _ attributes: PoolingAttributes, _ data: Tensor, _ geometry: WindowGeometry, _ lane: T.Type
    ) throws(KernelError) -> Tensor {
        let table = try WindowTable(geometry)
        let positions = geometry.output.reduce(1, &*)
        let divisors = averageDivisors(geometry, table, countsPadding: attributes.countIncludesPadding).map { T($0) }
        let result = try pool(data, geometry, lane) { plane, output in
            for position in 0..<positions {
                var sum: T = 0
                for indices in table.indices where indices[position] >= 0 { sum += plane[Int(indices[position])] }
                output.append(sum / divisors[position])
            }
        }
        return result.narrowed(to: data.elementType)
    }

    /// How many elements each window counts.
    ///
    /// Padded elements may count; what lies beyond the padding (in a last, partial window) never does.
    private static func averageDivisors(_ geometry: WindowGeometry, _ table: WindowTable, countsPadding: Bool) -> [Int]
    {
        guard countsPadding else {
            return (0..<geometry.output.reduce(1, &*)).map { position in
                table.indices.reduce(0) { $0 + ($1[position] >= 0 ? 1 : 0) }
            }
        }
        var divisors = [1]
        for axis in geometry.axes {
            let counts = (0..<axis.output).map { output in
                (0..<axis.kernel).count { kernel in
                    output * axis.stride - axis.before + kernel * axis.dilation < axis.input + axis.after
                }
            }
            divisors = divisors.flatMap { divisor in counts.map { divisor * $0 } }
        }
        return divisors
    }

    /// Maximum over windows; output 1 numbers the maxima within the whole tensor.
    static func maxPool(
        _ attributes: PoolingAttributes, _ inputs: KernelInputs, outputCount: Int
    ) throws(KernelError) -> [Tensor] {
        let data = try inputs.required(0)
        let geometry = try poolingGeometry(attributes, data)
        return switch data.elementType.lane {
        case .float: try maxPool(attributes, data, geometry, outputCount, Float.self)
        case .double: try maxPool(attributes, data, geometry, outputCount, Double.self)
        case .signed: try maxPool(attributes, data, geometry, outputCount, Int64.self)
        case .unsigned: try maxPool(attributes, data, geometry, outputCount, UInt64.self)
        case nil: throw .unsupportedElementType(input: 0, type: data.elementType.rawValue)
        }
    }

    private static func maxPool<T: Lane>(
        _ attributes: PoolingAttributes, _ data: Tensor, _ geometry: WindowGeometry, _ outputCount: Int, _ lane: T.Type
    ) throws(KernelError) -> [Tensor] {
        let table = try WindowTable(geometry)
        let positions = geometry.output.reduce(1, &*)
        let channelSize = geometry.input.reduce(1, &*)
        var numbers: [Int64] = []
        let result = try pool(data, geometry, lane) { plane, output in
            let offset = numbers.count / max(positions, 1) * channelSize
            for position in 0..<positions {
                var best: Int32 = -1
                for indices in table.indices {
                    let candidate = indices[position]
                    // The first maximum wins; NaN is passed over unless nothing else is there.
                    guard candidate >= 0 else { continue }
                    if best < 0 || plane[Int(candidate)] > plane[Int(best)] || plane[Int(best)].isNotANumber {
                        best = candidate
                    }
                }
                output.append(best < 0 ? T.lowest : plane[Int(best)])
                numbers.append(Int64(offset + Int(best)))
            }
        }
        let pooled = result.narrowed(to: data.elementType)
        guard outputCount > 1 else { return [pooled] }
        if attributes.columnMajorIndices {
            numbers = numbers.map { columnMajor($0, extents: geometry.input, channelSize: channelSize) }
        }
        return [pooled, Tensor(shape: pooled.shape, elements: numbers)]
    }

    /// Renumbers an element so that within its channel the outermost spatial axis runs fastest.
    private static func columnMajor(_ number: Int64, extents: [Int], channelSize: Int) -> Int64 {
        guard channelSize > 0 else { return number }
        let channel = Int(number) / channelSize
        var rest = Int(number) % channelSize
        var coordinates: [Int] = []
        for extent in extents.reversed() {
            coordinates.insert(rest % extent, at: 0)
            rest /= extent
        }
        var stride = 1
        var result = channel * channelSize
        for (coordinate, extent) in zip(coordinates, extents) {
            result += coordinate * stride
            stride *= extent
        }
        return Int64(result)
    }

    /// Calls `body` for each channel of each sample with its elements; it appends the channel's outputs.
    static func pool<T: Lane>(
        _ data: Tensor, _ geometry: WindowGeometry, _ lane: T.Type, _ body: (Span<T>, inout [T]) -> Void
    ) throws(KernelError) -> Tensor {
        let shape = try KernelShapes.output(
            Array(data.shape.dimensions.prefix(2)) + geometry.output, T.elementType)
        let channelSize = geometry.input.reduce(1, &*)
        var values: [T] = []
        values.reserveCapacity(shape.elementCount)
        if shape.elementCount > 0 {
            data.widened(to: lane).withElements(as: lane) { elements in
                for channel in 0..<shape[0] * shape[1] {
                    body(elements.extracting(channel * channelSize..<(channel + 1) * channelSize), &values)
                }
            }
        }
        return Tensor(shape: shape, elements: values)
    }

    /// 8-bit integers as real numbers, and their type; `nil` for other data.
    private static func integerOperand(_ inputs: KernelInputs) -> (widened: KernelInputs, type: ElementType)? {
        guard let data = inputs.optional(0), [.int8, .uint8].contains(data.elementType) else { return nil }
        let numbers = data.widened(to: Int64.self).elements(as: Int64.self).map { Double($0) }
        return (KernelInputs(tensors: [Tensor(shape: data.shape, elements: numbers)]), data.elementType)
    }

    /// Real numbers as integers, halves away from zero.
    private static func rounded(_ tensor: Tensor, as type: ElementType) -> Tensor {
        let integers = tensor.elements(as: Double.self).map { value in
            // A window of nothing has the maximum -infinity.
            Int64(min(max(value.rounded(.toNearestOrAwayFromZero), -128), 255))
        }
        return Tensor(shape: tensor.shape, elements: integers).narrowed(to: type)
    }

    /// The mean or maximum over all spatial axes, which stay with extent 1; the mean is summed in `Double`.
    ///
    /// Averages of 8-bit integers, of one scale, are rounded half away from zero.
    static func globalPool(_ inputs: KernelInputs, maximum isMaximum: Bool) throws(KernelError) -> Tensor {
        if let integers = integerOperand(inputs) {
            return try rounded(globalPool(integers.widened, maximum: isMaximum), as: integers.type)
        }
        let data = try inputs.required(0)
        guard data.shape.rank >= 3 else {
            throw .shapeMismatch("pooling takes data [N, C, spatial...], not \(data.shape)")
        }
        return data.elementType == .float64
            ? try globalPool(data, isMaximum, Double.self) : try globalPool(data, isMaximum, Float.self)
    }

    private static func globalPool<T: Lane & BinaryFloatingPoint>(
        _ data: Tensor, _ isMaximum: Bool, _ lane: T.Type
    ) throws(KernelError) -> Tensor {
        let dimensions = data.shape.dimensions.prefix(2) + data.shape.dimensions.dropFirst(2).map { _ in 1 }
        let shape = try KernelShapes.output(Array(dimensions), T.elementType)
        let channels = shape.elementCount
        let size = KernelShapes.count(data.shape.dimensions[2...])
        let values = data.widened(to: lane).withElements(as: lane) { elements in
            (0..<channels).map { channel in
                var largest = T.lowest
                var sum = 0.0
                for index in channel * size..<(channel + 1) * size {
                    largest = Self.maximum(largest, elements[index])
                    sum += Double(elements[index])
                }
                return isMaximum ? largest : T(sum / Double(size))
            }
        }
        return Tensor(shape: shape, elements: values).narrowed(to: data.elementType)
    }
}
