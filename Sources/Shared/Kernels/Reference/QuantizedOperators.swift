import Graphs
import Tensors

#if canImport(Glibc)
import Glibc
#endif

extension ReferenceKernels {
    /// Operators that ONNX Runtime adds for quantized integers, by its formulas.
    ///
    /// Where its result depends on the machine (by a fused multiplication and addition), this is the one of exact arithmetic.
    static func quantized(_ op: QuantizedOperator, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        if case .concat(let axis) = op { return try quantizedConcat(inputs, axis: axis) }
        let data = try ScaledIntegers(inputs, 0)
        if case .binary(let function) = op {
            let other = try ScaledIntegers(inputs, 3)
            let result = try IntegerScale(inputs, scale: 6, zeroPoint: 7, type: data.integers.elementType)
            return try quantizedBinary(function, data, other, result)
        }
        let result = try IntegerScale(inputs, scale: 3, zeroPoint: 4, type: data.integers.elementType)
        switch op {
        case .averagePool(let attributes):
            let pooled = try averagePool(attributes, KernelInputs(tensors: [data.real()]))
            let offset = Float(result.zeroPoint)
            let values = pooled.map(Float.self) { (value: Float) -> Int64 in
                let quotient: Float = value / result.scale
                return result.integer(Double(quotient + offset))
            }
            return values.narrowed(to: result.type)
        case .globalAveragePool: return try quantizedGlobalAverage(data, result)
        case .leakyRelu(let slope): return data.mapped(to: result) { $0 >= 0 ? $0 : slope * $0 }
        case .sigmoid: return data.mapped(to: result) { Float(1 / (1 + exp(-Double($0)))) }
        case .softmax(let axis, let overFollowingAxes):
            return try quantizedSoftmax(data, result, axis: axis, overFollowingAxes: overFollowingAxes)
        case .binary, .concat: throw .unsupported("\(op) is computed elsewhere")
        }
    }

    private static func quantizedBinary(
        _ function: QuantizedOperator.Function, _ left: ScaledIntegers, _ right: ScaledIntegers,
        _ result: IntegerScale
    ) throws(KernelError) -> Tensor {
        let (first, second) = (left.parameters, right.parameters)
        let (firstZero, secondZero) = (Int64(first.zeroPoint), Int64(second.zeroPoint))
        let integers: Tensor
        switch function {
        case .add:
            let (firstFactor, secondFactor) = (Double(first.scale), Double(second.scale))
            let (divisor, offset) = (Double(result.scale), Double(result.zeroPoint))
            integers = try combine(left.integers, right.integers, Int64.self) { (a: Int64, b: Int64) -> Int64 in
                let sum: Double = Double(a - firstZero) * firstFactor + Double(b - secondZero) * secondFactor
                return result.integer(sum / divisor + offset)
            }
        case .multiply:
            let factor: Float = first.scale * second.scale / result.scale
            let offset = Float(result.zeroPoint)
            integers = try combine(left.integers, right.integers, Int64.self) { (a: Int64, b: Int64) -> Int64 in
                let product = Float((a - firstZero) * (b - secondZero))
                return result.integer(Double(product * factor + offset))
            }
        }
        return integers.narrowed(to: result.type)
    }

    private static func quantizedGlobalAverage(
        _ data: ScaledIntegers, _ result: IntegerScale
    ) throws(KernelError) -> Tensor {
        let shape = data.integers.shape
        guard shape.rank >= 3 else {
            throw .shapeMismatch("pooling takes data [N, C, spatial...], not \(shape)")
        }
        let size = KernelShapes.count(shape.dimensions[2...])
        let factor = data.parameters.scale / (result.scale * Float(size))
        let values = data.integers.widened(to: Int64.self).withElements(as: Int64.self) { elements in
            (0..<shape[0] * shape[1]).map { channel -> Int64 in
                var sum: Int64 = 0
                for index in channel * size..<(channel + 1) * size { sum += elements[index] }
                let centered = Float(sum - Int64(size * data.parameters.zeroPoint))
                let rounded: Float = (centered * factor).rounded(.toNearestOrEven)
                return result.integer(Double(rounded) + Double(result.zeroPoint))
            }
        }
        let dimensions = shape.dimensions.prefix(2) + shape.dimensions.dropFirst(2).map { _ in 1 }
        return Tensor(shape: Shape(Array(dimensions)), elements: values).narrowed(to: result.type)
    }

    /// ONNX Runtime counts in whole steps of the result: its scale is replaced by 1 over a whole number.
    private static func quantizedSoftmax(
        _ data: ScaledIntegers, _ result: IntegerScale, axis: Int, overFollowingAxes: Bool
    ) throws(KernelError) -> Tensor {
        let shape = data.integers.shape
        let first = try KernelShapes.axis(axis, rank: shape.rank)
        let rows =
            overFollowingAxes
            ? Shape([KernelShapes.count(shape.dimensions[..<first]), KernelShapes.count(shape.dimensions[first...])])
            : shape
        let lines = try AxisLines(rows, axis: overFollowingAxes ? 1 : first)
        let steps = Double((1 / result.scale).rounded(.down))
        let scale = Double(data.parameters.scale)
        let integers = data.integers.widened(to: Int64.self).elements(as: Int64.self)
        var values = integers
        for start in lines.starts where lines.extent > 0 {
            let indices = stride(from: start, to: start + lines.extent * lines.stride, by: lines.stride)
            var largest = integers[start]
            for index in indices { largest = max(largest, integers[index]) }
            var sum = 0.0
            for index in indices { sum += exp(Double(integers[index] - largest) * scale) }
            for index in indices {
                let probability = exp(Double(integers[index] - largest) * scale) / sum
                values[index] = result.integer(
                    (probability * steps).rounded(.toNearestOrEven) + Double(result.zeroPoint))
            }
        }
        return Tensor(shape: shape, elements: values).narrowed(to: result.type)
    }

    private static func quantizedConcat(_ inputs: KernelInputs, axis: Int) throws(KernelError) -> Tensor {
        guard inputs.count >= 5, inputs.count % 3 == 2 else {
            throw .invalidArgument("\(inputs.count) inputs are not scale, zero point and groups of three")
        }
        let type = try inputs.required(2).elementType
        let result = try IntegerScale(inputs, scale: 0, zeroPoint: 1, type: type)
        var parts: [Tensor] = []
        for index in stride(from: 2, to: inputs.count, by: 3) {
            parts.append(try ScaledIntegers(inputs, index).mapped(to: result) { $0 })
        }
        return try concat(axis: axis, KernelInputs(tensors: parts))
    }
}

/// One scale and one zero point.
private struct IntegerScale {
    let scale: Float
    let zeroPoint: Int
    /// `int8` or `uint8`.
    let type: ElementType

    /// An absent zero point is 0.
    init(_ inputs: KernelInputs, scale: Int, zeroPoint: Int, type: ElementType) throws(KernelError) {
        let given = try inputs.required(scale)
        let offset = inputs.optional(zeroPoint)
        guard given.elementCount == 1, offset?.elementCount ?? 1 == 1 else {
            throw .shapeMismatch("scale and zero point at inputs \(scale) and \(zeroPoint) must be one number each")
        }
        self.scale = given.elements(as: Float.self)[0]
        self.zeroPoint = offset.map { Int($0.widened(to: Int64.self).elements(as: Int64.self)[0]) } ?? 0
        self.type = type
    }

    /// The nearest integer within the range, ties to even; NaN becomes the smallest.
    func integer(_ value: Double) -> Int64 {
        let (smallest, largest): (Double, Double) = type == .int8 ? (-128, 127) : (0, 255)
        let rounded = value.rounded(.toNearestOrEven)
        return Int64(rounded >= largest ? largest : rounded >= smallest ? rounded : smallest)
    }
}

/// Quantized integers with their scale and zero point.
private struct ScaledIntegers {
    let integers: Tensor
    let parameters: IntegerScale

    /// The three inputs from `index` on.
    init(_ inputs: KernelInputs, _ index: Int) throws(KernelError) {
        integers = try inputs.required(index)
        parameters = try IntegerScale(
            inputs, scale: index + 1, zeroPoint: index + 2, type: integers.elementType)
    }

    /// The real numbers that the integers stand for.
    func real() -> Tensor {
        let (scale, zeroPoint) = (parameters.scale, Int64(parameters.zeroPoint))
        return integers.widened(to: Int64.self).map(Int64.self) { Float($0 - zeroPoint) * scale }
    }

    /// A function of each real number, quantized again; there are only 256 of them.
    func mapped(to result: IntegerScale, _ function: (Float) -> Float) -> Tensor {
        let isSigned = parameters.type == .int8
        let table = (0..<256).map { bits -> Int64 in
            let integer = isSigned ? Int(Int8(truncatingIfNeeded: bits)) : bits
            let value = function(Float(integer - parameters.zeroPoint) * parameters.scale)
            let rounded = (value / result.scale).rounded(.toNearestOrEven)
            return result.integer(Double(rounded) + Double(result.zeroPoint))
        }
        return integers.widened(to: Int64.self).map(Int64.self) { table[Int($0 & 255)] }.narrowed(to: result.type)
    }
}
