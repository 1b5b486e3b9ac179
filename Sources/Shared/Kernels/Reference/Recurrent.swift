import Graphs
import Tensors

extension ReferenceKernels {
    static func lstm(_ attributes: RecurrentAttributes, _ inputs: KernelInputs) throws(KernelError) -> [Tensor] {
        throw .unsupported("no reference kernel yet")
    }
    static func gru(_ attributes: RecurrentAttributes, _ inputs: KernelInputs) throws(KernelError) -> [Tensor] {
        throw .unsupported("no reference kernel yet")
    }
}
