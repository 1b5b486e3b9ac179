import Graphs
import Tensors

extension ReferenceKernels {
    /// A module of the simulated device: without a scale the float layer, else integers.
    ///
    /// The sums are exact whatever their order: Int64 holds those of int16, and those of int8 fit Int32.
    static func mlu(
        _ op: MLUOperator, _ inputs: KernelInputs, _ arithmetic: MLUArithmetic
    ) throws(KernelError) -> Tensor {
        guard let parameters = try MLUParameters(op, inputs: inputs.tensors, arithmetic: arithmetic) else {
            return try floatModule(op, KernelInputs(tensors: Array(inputs.tensors.prefix(3))))
        }
        let data = try inputs.required(MLUInput.data.rawValue, types: [.float32])
        let weight = MLUQuantization.quantized(weight: parameters.weight, scales: parameters.scales)
        switch op {
        case .convolution(let attributes):
            let quantized = try quantizedData(data, parameters)
            let operands = try ConvolutionOperands(data: quantized, weight: weight, groups: attributes.groups)
            let window = try windows(attributes, operands)
            let sums = try convolve(
                operands, window.geometry, groups: attributes.groups, shape: window.shape, Int64.self, to: .int64)
            return MLUQuantization.dequantized(
                sums, scales: parameters.scales, bias: parameters.bias, channelAxis: 1)
        case .linear:
            return try linear(try quantizedData(data, parameters), weight, parameters)
        }
    }

    private static func quantizedData(_ data: Tensor, _ parameters: MLUParameters) throws(KernelError) -> Tensor {
        var values = data
        if let mean = parameters.mean, let std = parameters.std {
            guard data.shape.rank >= 2, data.shape[1] == mean.count else {
                throw .shapeMismatch("the data \(data.shape) does not have the \(mean.count) channels of input_mean")
            }
            values = MLUQuantization.normalized(data, mean: mean, std: std)
        }
        return MLUQuantization.quantized(
            values, scale: parameters.scales.input, elementType: parameters.scales.elementType)
    }

    /// data [..., K] with K the last axis, weight [N, K].
    private static func linear(
        _ data: Tensor, _ weight: Tensor, _ parameters: MLUParameters
    ) throws(KernelError) -> Tensor {
        guard data.shape.rank >= 2, weight.shape.rank == 2, data.shape[data.shape.rank - 1] == weight.shape[1] else {
            throw .shapeMismatch("the data \(data.shape) does not end in the inputs of the weight \(weight.shape)")
        }
        let rows = KernelShapes.count(data.shape.dimensions[..<(data.shape.rank - 1)])
        let transposed = ElementMoves.gather(
            weight.widened(to: Int64.self), shape: [weight.shape[1], weight.shape[0]], strides: [1, weight.shape[1]],
            offset: 0)
        let shape = try KernelShapes.output([rows, weight.shape[0]], .int64)
        let sums = multiply(
            data.reshaped(to: [rows, weight.shape[1]]).widened(to: Int64.self), transposed, shape: shape, Int64.self)
        let result = MLUQuantization.dequantized(
            sums, scales: parameters.scales, bias: parameters.bias, channelAxis: 1)
        return result.reshaped(to: Shape(data.shape.dimensions.dropLast() + [weight.shape[0]]))
    }

    /// What the module computes while it is calibrated.
    private static func floatModule(_ op: MLUOperator, _ operands: KernelInputs) throws(KernelError) -> Tensor {
        switch op {
        case .convolution(let attributes): return try convolution(attributes, operands)
        case .linear:
            let data = try operands.required(0)
            guard data.shape.rank >= 2 else {
                throw .shapeMismatch("the data \(data.shape) of a linear module has fewer than 2 axes")
            }
            let rows = KernelShapes.count(data.shape.dimensions[..<(data.shape.rank - 1)])
            let flat = data.reshaped(to: [rows, data.shape[data.shape.rank - 1]])
            let product = try gemm(
                GemmAttributes(transposeB: true),
                KernelInputs(tensors: [flat] + operands.tensors.dropFirst()))
            return product.reshaped(to: Shape(data.shape.dimensions.dropLast() + [product.shape[1]]))
        }
    }
}
