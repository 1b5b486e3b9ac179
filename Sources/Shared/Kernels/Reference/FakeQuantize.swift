internal import Graphs
internal import Quantization
internal import Tensors

extension ReferenceKernels {
    /// Rounds x to the grid of its parameter, as `FakeQuantizer` does.
    static func fakeQuantize(_ attributes: FakeQuantizeAttributes, _ inputs: KernelInputs) throws(KernelError) -> Tensor
    {
        let data = try inputs.required(0, types: [.float32])
        let kernel = try FakeQuantizeKernel(
            attributes.specification, shape: data.shape, parameter: inputs.required(1, types: [.float32]),
            zeroPoint: inputs.optional(2, type: .float32))
        return kernel.rounded(data)
    }

    /// Scale, zero point (0 when symmetric), smallest and largest finite element of x.
    ///
    /// Without a finite element the extremes are those of an observer that saw nothing: the largest and the smallest `Float`.
    static func observe(_ attributes: ObserveAttributes, _ inputs: KernelInputs) throws(KernelError) -> [Tensor] {
        let data = try inputs.required(0, types: [.float32])
        let keys = attributes.specification.stateKeys
        var tensors: [Tensor] = []
        for index in keys.indices { tensors.append(try inputs.required(index + 1)) }
        return try data.withElements(as: Float.self) { (elements: Span<Float>) throws(KernelError) in
            let extremes = BatchExtremes(of: elements)
            let parameters = try invalidArgument { () throws(ObserverError) in
                var state = try ObserverState(attributes.specification, tensors: tensors)
                state.isEnabled = attributes.isEnabled
                if state.needsElements {
                    state.observe(elements)
                } else {
                    try state.observe(batchMinimum: extremes.minimum, maximum: extremes.maximum)
                }
                return try state.quantParameters()
            }
            return [
                parameters.scale, Float(parameters.zeroPoint ?? 0), extremes.minimum, extremes.maximum,
            ].map { Tensor(shape: [1], elements: [$0]) }
        }
    }
    private static func invalidArgument<Value>(
        _ body: () throws(ObserverError) -> Value
    ) throws(KernelError) -> Value {
        do {
            return try body()
        } catch {
            throw .invalidArgument(error.description)
        }
    }
}
