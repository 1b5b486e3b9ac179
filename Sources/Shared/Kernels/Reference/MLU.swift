import Graphs
import Tensors

extension ReferenceKernels {
    /// A module of the simulated device: without a scale the float layer.
    static func mlu(_ op: MLUOperator, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        guard try inputs.optional(MLUInput.scale.rawValue, type: .float32) == nil else {
            throw .unsupported("integer arithmetic of the device")
        }
        let operands = KernelInputs(tensors: Array(inputs.tensors.prefix(3)))
        switch op {
        case .convolution(let attributes): return try convolution(attributes, operands)
        case .linear:
            let data = try operands.required(0)
            let rows = KernelShapes.count(data.shape.dimensions[..<(data.shape.rank - 1)])
            let flat = data.reshaped(to: [rows, data.shape[data.shape.rank - 1]])
            let product = try gemm(
                GemmAttributes(transposeB: true),
                KernelInputs(tensors: [flat] + inputs.tensors.dropFirst().prefix(2)))
            return product.reshaped(to: Shape(data.shape.dimensions.dropLast() + [product.shape[1]]))
        }
    }
}
