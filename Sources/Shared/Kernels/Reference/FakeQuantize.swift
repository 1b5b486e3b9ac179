internal import Graphs
internal import Tensors

extension ReferenceKernels {
    static func fakeQuantize(_ attributes: FakeQuantizeAttributes, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        throw .unsupported("fake quantization")
    }

    static func observe(_ attributes: ObserveAttributes, _ inputs: KernelInputs) throws(KernelError) -> [Tensor] {
        throw .unsupported("observation")
    }
}
