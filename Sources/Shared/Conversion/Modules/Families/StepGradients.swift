public import Graphs
internal import Quantization
internal import Tensors

extension Graph {
    /// Sets the factors of LSQ's step gradients to `1 / sqrt(n * largest integer)`, as the method's authors do.
    ///
    /// `n` is the number of weights, or of a result's elements for one sample. MegEngine leaves the factors at 1, which makes steps follow
    /// their gradients far faster than weights do.
    ///
    /// - Throws: `ModuleError.invalidGraph` when the extents of a result do not follow from those of the inputs.
    public mutating func scaleStepGradients() throws(ModuleError) {
        var single = self
        for index in single.inputs.indices where single.inputs[index].type.dimensions?.first?.fixedValue == nil {
            single.inputs[index].type.dimensions?[0] = .fixed(1)
        }
        let types: [String: TensorType]
        do {
            types = try ShapeInference.infer(single)
        } catch {
            throw .invalidGraph(reason: error.description)
        }
        for node in nodes {
            guard case .module(let module) = node.op, case .qat(let settings) = module.family else { continue }
            for part in ModulePart.allCases {
                guard let fakeQuant = settings.qconfig[part].fakeQuant, fakeQuant.algorithm == .lsq,
                    let name = node.parameter("\(part.rawValue)_fake_quant.grad_scale")
                else { continue }
                let count =
                    part == .weight
                    ? node.parameter(module.kind.layerPrefix + "weight").flatMap { initializers[$0]?.elementCount }
                    : types[node.outputs[0]]?.dimensions.flatMap { dimensions in
                        dimensions.reduce(Optional(1)) { product, extent in
                            extent.fixedValue.flatMap { extent in product.map { $0 * extent } }
                        }
                    }
                guard let count, count > 0 else {
                    throw .invalidGraph(reason: "the extents of '\(node.outputs[0])' are not known")
                }
                let factor = 1 / (Double(count) * Double(fakeQuant.dtype.maximum)).squareRoot()
                initializers[name] = Tensor(shape: [1], elements: [Float(factor)])
            }
        }
    }
}
