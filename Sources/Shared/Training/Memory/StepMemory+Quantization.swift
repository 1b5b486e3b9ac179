import Graphs
import Kernels
import Tensors

extension StepMemory {
    /// A fake quantizer of data whose axes lie in memory in the order of `shape`.
    struct FakeQuantization {
        let attributes: FakeQuantizeAttributes
        let shape: Shape
        let x: Int
        let parameter: Variable
        /// The parameter's extents beside those of `shape`.
        let parameterShape: Shape
        let zero: Variable?
        let zeroShape: Shape?
        /// LSQ: the slot with the factor of the step's gradient; absent is 1.
        let gradientScale: Int?

        /// All slots that are read.
        var slots: [Int?] { [x, parameter.slot, zero?.slot, gradientScale] }
    }

    func fakeQuantize(_ quantization: FakeQuantization, to y: Int) throws(StepError) {
        let kernel = try kernel(quantization)
        let count = quantization.shape.elementCount
        var results = unsafe UnsafeMutableBufferPointer(start: floats(y), count: count).mutableSpan
        kernel.forward(unsafe UnsafeBufferPointer(start: floats(quantization.x), count: count).span, into: &results)
    }

    /// Writes the gradient of the data and, with `parameter`, that of the parameter.
    func fakeQuantizeBackward(
        _ quantization: FakeQuantization, _ dy: Int, to dx: Int, parameter: Int?
    ) throws(StepError) {
        let kernel = try kernel(quantization)
        let count = quantization.shape.elementCount
        var results = unsafe UnsafeMutableBufferPointer(start: floats(dx), count: count).mutableSpan
        let terms = kernel.backward(
            unsafe UnsafeBufferPointer(start: floats(quantization.x), count: count).span,
            upstream: unsafe UnsafeBufferPointer(start: floats(dy), count: count).span, into: &results)
        guard let parameter else { return }
        let factor = quantization.gradientScale.map { Double(scalar($0)) } ?? 1
        guard quantization.parameter.count > 1 else {
            setScalar(parameter, Float(factor * terms.reduce(0, +)))
            return
        }
        for (index, term) in terms.enumerated() { setScalar(parameter, Float(factor * term), at: index) }
    }

    private func kernel(_ quantization: FakeQuantization) throws(StepError) -> FakeQuantizeKernel {
        func operand(_ variable: Variable, _ shape: Shape) -> Tensor {
            view(variable.slot, shape: variable.shape, elementType: .float32).reshaped(to: shape)
        }
        var zero: Tensor?
        if let variable = quantization.zero, let shape = quantization.zeroShape { zero = operand(variable, shape) }
        do throws(KernelError) {
            return try FakeQuantizeKernel(
                quantization.attributes.specification, shape: quantization.shape,
                parameter: operand(quantization.parameter, quantization.parameterShape), zeroPoint: zero)
        } catch {
            throw .kernel(error)
        }
    }

    /// Smallest and largest finite element; the largest and smallest `Float` when there is none.
    func extremes(_ x: Int, count: Int) -> BatchExtremes {
        BatchExtremes(of: unsafe UnsafeBufferPointer(start: floats(x), count: count).span)
    }
}
