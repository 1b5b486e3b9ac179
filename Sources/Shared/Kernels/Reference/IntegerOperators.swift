import Graphs
import Tensors

extension ReferenceKernels {
    /// Operators on quantized integers.
    ///
    /// Sums are those of int32 and exact, whatever their order: products of integers of 8 bits are summed as `Double`.
    static func integer(_ op: IntegerOperator, _ inputs: KernelInputs) throws(KernelError) -> [Tensor] {
        switch op {
        case .convolution(let attributes):
            let data = try centered(inputs, 0, zeroPoint: 2, axis: nil)
            let weight = try centered(inputs, 1, zeroPoint: 3, axis: 0)
            return [try convolve(attributes, data, weight).converted(to: .int64).converted(to: .int32)]
        case .matMul:
            let left = try centered(inputs, 0, zeroPoint: 2, axis: -2)
            let right = try centered(inputs, 1, zeroPoint: 3, axis: -1)
            let sums = try matMul(KernelInputs(tensors: [left, right]))
            return [sums.converted(to: .int64).converted(to: .int32)]
        case .requantizedConvolution(let attributes): return [try requantizedConvolution(attributes, inputs)]
        case .requantizedMatMul: return [try requantizedMatMul(inputs)]
        case .quantizeByRange: return try quantizeByRange(inputs)
        }
    }

    /// The integers of an input without their zero points, as real numbers.
    ///
    /// There may be one zero point for all, one for each entry of `axis`, or a tensor of them that broadcasts.
    private static func centered(
        _ inputs: KernelInputs, _ index: Int, zeroPoint: Int, axis: Int?
    ) throws(KernelError) -> Tensor {
        let integers = try inputs.required(index)
        guard let zeroPoints = inputs.optional(zeroPoint) else {
            return integers.converted(to: .float64)
        }
        let offsets = try aligned(zeroPoints, axis: axis, rank: integers.shape.rank, index: zeroPoint)
        guard try Broadcasting.shape(of: [integers.shape, offsets.shape]) == integers.shape.dimensions else {
            throw .shapeMismatch("zero points \(zeroPoints.shape) do not fit integers \(integers.shape)")
        }
        return try combine(integers, offsets, Double.self, to: .float64) { $0 - $1 }
    }

    /// A scale or zero point in a shape that broadcasts: one number, one for each entry of `axis` of a tensor of rank `rank`,
    /// or all its axes.
    private static func aligned(
        _ parameter: Tensor, axis: Int?, rank: Int, index: Int
    ) throws(KernelError) -> Tensor {
        if parameter.elementCount == 1 { return parameter.reshaped(to: []) }
        if parameter.shape.rank == 1, let axis, rank + min(axis, 0) >= 0 {
            var dimensions = [Int](repeating: 1, count: rank)
            dimensions[axis < 0 ? rank + axis : axis] = parameter.elementCount
            return parameter.reshaped(to: Shape(dimensions))
        }
        guard parameter.shape.rank == rank, axis != nil else {
            throw .shapeMismatch("scales or zero points \(parameter.shape) at input \(index) do not fit rank \(rank)")
        }
        return parameter
    }

    private static func convolve(
        _ attributes: ConvolutionAttributes, _ data: Tensor, _ weight: Tensor
    ) throws(KernelError) -> Tensor {
        let operands = try ConvolutionOperands(data: data, weight: weight, groups: attributes.groups)
        let window = try windows(attributes, operands)
        return try convolve(
            operands, window.geometry, groups: attributes.groups, shape: window.shape, Double.self, to: .float64)
    }

    private static func requantizedConvolution(
        _ attributes: ConvolutionAttributes, _ inputs: KernelInputs
    ) throws(KernelError) -> Tensor {
        let data = try centered(inputs, 0, zeroPoint: 2, axis: nil)
        var sums = try convolve(attributes, data, try centered(inputs, 3, zeroPoint: 5, axis: 0))
        if let bias = inputs.optional(8) {
            guard bias.shape.dimensions == [sums.shape[1]] else {
                throw .shapeMismatch("bias \(bias.shape) does not have one element per channel of \(sums.shape)")
            }
            sums = addBias(sums, bias, Double.self)
        }
        let rank = sums.shape.rank
        return try requantized(
            sums, inputs, dataScale: aligned(scales(inputs, 1), axis: nil, rank: rank, index: 1),
            weightScale: aligned(scales(inputs, 4), axis: 1, rank: rank, index: 4), resultAxis: nil)
    }

    private static func requantizedMatMul(_ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let left = try centered(inputs, 0, zeroPoint: 2, axis: -2)
        let right = try centered(inputs, 3, zeroPoint: 5, axis: -1)
        let sums = try matMul(KernelInputs(tensors: [left, right]))
        let rank = sums.shape.rank
        return try requantized(
            sums, inputs, dataScale: aligned(scales(inputs, 1), axis: -2, rank: rank, index: 1),
            weightScale: aligned(scales(inputs, 4), axis: -1, rank: rank, index: 4), resultAxis: -2)
    }

    private static func scales(_ inputs: KernelInputs, _ index: Int) throws(KernelError) -> Tensor {
        try inputs.required(index).converted(to: .float32)
    }

    /// `saturate(roundHalfToEven(sum * (data scale * weight scale / result scale)) + zero point)`, each step in `Float`.
    private static func requantized(
        _ sums: Tensor, _ inputs: KernelInputs, dataScale: Tensor, weightScale: Tensor, resultAxis: Int?
    ) throws(KernelError) -> Tensor {
        let zeroPoint = try inputs.required(7)
        let rank = sums.shape.rank
        let resultScale = try aligned(scales(inputs, 6), axis: resultAxis, rank: rank, index: 6)
        let product = try combine(dataScale, weightScale, Float.self, to: .float32) { $0 * $1 }
        let factors = try combine(product, resultScale, Float.self, to: .float32) { $0 / $1 }
        let rounded = try combine(sums, factors, Float.self, to: .float32) { ($0 * $1).rounded(.toNearestOrEven) }
        guard rounded.shape == sums.shape else {
            throw .shapeMismatch("the scales \(factors.shape) do not broadcast to the result \(sums.shape)")
        }
        let offsets = try aligned(zeroPoint, axis: resultAxis, rank: rank, index: 7)
        let (minimum, maximum): (Float, Float) = zeroPoint.elementType == .int8 ? (-128, 127) : (0, 255)
        return try combine(rounded, offsets, Float.self, to: zeroPoint.elementType) { value, offset in
            max(minimum, min(maximum, value + offset))
        }
    }

    /// Data that are all 0 have the scale 1, as in ONNX Runtime; ONNX leaves it open.
    private static func quantizeByRange(_ inputs: KernelInputs) throws(KernelError) -> [Tensor] {
        let data = try inputs.required(0)
        let (smallest, largest) = data.withElements(as: Float.self) { elements in
            var (smallest, largest): (Float, Float) = (0, 0)
            for index in elements.indices {
                smallest = min(smallest, elements[index])
                largest = max(largest, elements[index])
            }
            return (smallest, largest)
        }
        let scale = largest == smallest ? 1 : (largest - smallest) / 255
        let zeroPoint = max(0, min(255, -smallest / scale)).rounded(.toNearestOrEven)
        let parameters = [Tensor(scalar: scale), Tensor(scalar: UInt8(zeroPoint))]
        let integers = try quantizeLinear(QuantizeLinearAttributes(), KernelInputs(tensors: [data] + parameters))
        return [integers] + parameters
    }
}
