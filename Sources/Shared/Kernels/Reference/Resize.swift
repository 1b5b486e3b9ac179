import Graphs
import Tensors

extension ReferenceKernels {
    static func resize(_ attributes: ResizeAttributes, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        throw .unsupported("no reference kernel yet")
    }
}
