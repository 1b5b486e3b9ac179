import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    /// A fake quantizer with one constant scale, over the memory as it lies.
    func emitFakeQuantize(_ node: Node, _ attributes: FakeQuantizeAttributes) throws(ExecutionError) -> Bool {
        guard let shape = floatShape(node.input(0)), let parameter = single(node.input(1), rank: shape.rank) else {
            return false
        }
        var zeroPoint: Tensor?
        if node.input(2) != nil {
            guard let point = single(node.input(2), rank: shape.rank) else { return false }
            zeroPoint = point
        }
        guard
            let kernel = try? FakeQuantizeKernel(
                attributes.specification, shape: [shape.elementCount], parameter: parameter, zeroPoint: zeroPoint)
        else { return false }
        let source = try denseForm(of: node.inputs[0])
        let target = newForm(source.layout)
        append(
            .fakeQuantize(
                FakeQuantizeStep(
                    source: source.position, count: shape.elementCount, kernel: kernel, result: target.position)))
        try define(node.outputs[0], [target])
        return true
    }

    /// A constant of one element that broadcasts to a rank, as a scalar.
    private func single(_ name: String?, rank: Int) -> Tensor? {
        guard let tensor = constant(name), tensor.shape.rank <= rank, let value = tensor.singleFloat else { return nil }
        return Tensor(scalar: value)
    }

    /// An observer: extremes and counts do not depend on the order of the elements, so they are seen as they lie.
    func emitObserve(_ node: Node) throws(ExecutionError) -> Bool {
        guard let shape = floatShape(node.input(0)), constant(node.input(0)) == nil else { return false }
        let source = try denseForm(of: node.inputs[0])
        let flat = Shape([shape.elementCount])
        try emitReference(
            node,
            first: .buffer(source.position, TensorType(elementType: .float32, shape: flat), flat))
        return true
    }
}
