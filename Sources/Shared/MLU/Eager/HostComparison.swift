import Graphs
import Kernels
import Tensors

/// What the host computes to compare with the device: the same operator in floating point, with the plain kernels.
struct HostComparison {
    /// The node.
    let node: Node
    /// The values that it reads.
    let value: (String) -> Tensor?

    /// The node's outputs.
    ///
    /// A quantized module is compared with the float layer; firstconv subtracts and divides before.
    ///
    /// - Throws: `KernelError` when the host cannot compute the node.
    func compute(outputCount: Int) throws(KernelError) -> [Tensor] {
        var inputs = node.inputs.map { $0.isEmpty ? nil : value($0) }
        guard case .mlu = node.op else {
            return try ReferenceKernels.evaluate(node.op, inputs: inputs, outputCount: outputCount)
        }
        if let mean = input(.inputMean), let deviation = input(.inputStd) {
            let shifted = try ReferenceKernels.evaluate(
                .binary(.subtract), inputs: [inputs[0], mean], outputCount: 1)
            inputs[0] = try ReferenceKernels.evaluate(
                .binary(.divide), inputs: [shifted[0], deviation], outputCount: 1)[0]
        }
        return try ReferenceKernels.evaluate(
            node.op, inputs: Array(inputs.prefix(MLUInput.bias.rawValue + 1)), outputCount: outputCount)
    }

    private func input(_ input: MLUInput) -> Tensor? {
        node.input(input).flatMap(value)
    }
}
