import Graphs
import Quantization
import Tensors

extension ReferenceKernels {
    /// A module of the quantized family, or an `Elemwise` of the float family whose function is no operator of its own.
    ///
    /// Sums are exact (Int64). A result is `clip(round(sum * s_x * s_w / s_y) + z_y)`: the product of the scales is rounded to float32,
    /// the rest computed in `Double`, and halves are rounded away from zero. The bias is first rounded to an integer of scale
    /// s_x * s_w and saturates at 32 bits. Rectifiers act before the last rounding.
    static func module(_ op: ModuleOperator, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        switch op.family {
        case .float:
            guard case .elemwise(let mode) = op.kind else { throw .unsupported("\(op.name) is run in expanded form") }
            var operands: [Tensor] = []
            for index in 0..<mode.operandCount { operands.append(try inputs.required(index, types: [.float32])) }
            return try elemwise(mode, operands)
        case .qat: throw .unsupported("\(op.name) is run in expanded form")
        case .quantized(let settings):
            return try QuantizedModuleKernel(op, settings, inputs).run()
        }
    }

    /// An `Elemwise` function of float32 tensors, with NumPy broadcasting; each result is computed in `Double` and rounded once.
    static func elemwise(_ mode: ElemwiseMode, _ operands: [Tensor]) throws(KernelError) -> Tensor {
        let dimensions = try Broadcasting.shape(of: operands.map(\.shape))
        let shape = try KernelShapes.output(dimensions, .float32)
        let aligned = operands.map { tensor in
            ElementMoves.gather(
                tensor, shape: shape, strides: Broadcasting.strides(of: tensor.shape, in: dimensions), offset: 0
            ).elements(as: Float.self)
        }
        let zero: Float = 0
        let results = (0..<shape.elementCount).map { index in
            let (x, y, z) = (
                aligned[0][index], aligned.count > 1 ? aligned[1][index] : zero,
                aligned.count > 2 ? aligned[2][index] : zero
            )
            return Float(ElemwiseFunctions.value(of: mode, Double(x), Double(y), Double(z)))
        }
        return Tensor(shape: shape, elements: results)
    }
}
