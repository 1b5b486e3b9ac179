public import Quantization
public import Tensors

extension Tensor {
    /// The tensor rounded to the grid of the parameters: MegEngine's `fake_quant_tensor`.
    ///
    /// - Throws: Unless the elements are `float32` and the scale is positive and finite.
    public func fakeQuantized(_ parameters: QParams) throws(KernelError) -> Tensor {
        guard elementType == .float32 else {
            throw .unsupportedElementType(input: 0, type: elementType.rawValue)
        }
        return try FakeQuantizeKernel(
            FakeQuantSpecification(.fakeQuantize, dtype: parameters.dtype), shape: shape,
            parameter: Tensor(scalar: parameters.scale),
            zeroPoint: parameters.zeroPoint.map { Tensor(scalar: Float($0)) }
        ).rounded(self)
    }

    /// A bias rounded to the products of its layer's input and weight: MegEngine's `fake_quant_bias`.
    ///
    /// - Returns: The bias itself unless the parameters of both are known, symmetric, and stored in 8 bits.
    public func fakeQuantizedBias(input: QParams?, weight: QParams?) throws(KernelError) -> Tensor {
        guard let input, let weight, let parameters = QParams.bias(input: input, weight: weight) else { return self }
        return try fakeQuantized(parameters)
    }
}
