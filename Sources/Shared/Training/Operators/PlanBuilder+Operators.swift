import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    /// Adds the forward steps of one node; `relu` is a ReLU that is computed with it.
    func emit(_ node: Node, relu: Node?) throws(TrainingError) {
        guard try isFloat(node) else { return try emitReference(node) }
        switch node.op {
        case .convolution(let attributes): try convolution(node, attributes)
        case .transposedConvolution(let attributes): try transposedConvolution(node, attributes)
        case .gemm(let attributes): try gemm(node, attributes)
        case .matMul: try matMul(node)
        case .averagePool(let attributes): try pool(node, attributes, isMaximum: false)
        case .maxPool(let attributes): try pool(node, attributes, isMaximum: true)
        case .globalAveragePool: try globalPool(node, isMaximum: false)
        case .globalMaxPool: try globalPool(node, isMaximum: true)
        case .batchNormalization(let attributes): try batchNormalization(node, attributes, relu: relu)
        case .layerNormalization(let attributes): try layerNormalization(node, attributes)
        case .softmax(let axis): try softmax(node, axis: axis, logarithm: false)
        case .logSoftmax(let axis): try softmax(node, axis: axis, logarithm: true)
        case .unary(let function): try unary(node, function)
        case .binary(let function):
            try binary(node, ShimBinary(function), node.inputs[0], node.inputs[1], relu: relu)
        case .variadic(let function): try variadic(node, function, relu: relu)
        case .clip: try clip(node)
        case .cast, .identity, .dropout: try alias(node.outputs[0], existing(node.inputs[0]))
        case .reshape, .flatten, .squeeze, .unsqueeze: try alias(node.outputs[0], form(node.inputs[0], .rowMajor))
        case .transpose, .expand, .slice, .pad, .resize: try move(node)
        case .concat(let axis): try concat(node, axis: axis)
        case .split(let axis, _): try split(node, axis: axis)
        case .gather(let axis): try gather(node, axis: axis)
        case .reduce(let attributes): try reduce(node, attributes)
        case .fakeQuantize(let attributes): try fakeQuantize(node, attributes)
        case .observe(let attributes): try observe(node, attributes)
        case .lstm(let attributes): try lstm(node, attributes)
        case .localResponseNormalization, .gru, .rnn, .control, .quantizeLinear, .dequantizeLinear, .mlu, .module,
            .shape,
            .constantOfShape, .element, .logic, .arrangement, .selection, .ranking, .vision, .signal, .normalization,
            .algebra, .pooling, .loss, .integer, .quantized:
            try emitReference(node)
        }
    }

    /// Whether a node has kernels here: float32, with only the outputs that these compute.
    private func isFloat(_ node: Node) throws(TrainingError) -> Bool {
        guard let first = node.input(0), let output = node.outputs.first, !output.isEmpty else { return false }
        for name in [first, output] {
            guard try elementType(of: name) == .float32, try shape(of: name).elementCount > 0,
                try shape(of: name).elementCount <= IndexTable.maximumCount
            else { return false }
        }
        switch node.op {
        case .maxPool(let attributes):
            return (1...3).contains(attributes.kernelShape.count) && node.outputs.dropFirst().allSatisfy(\.isEmpty)
        case .layerNormalization, .dropout: return node.outputs.dropFirst().allSatisfy(\.isEmpty)
        case .resize(let attributes): return attributes.isNearest
        case .reduce(let attributes): return [.mean, .sum, .maximum, .minimum].contains(attributes.function)
        case .lstm(let attributes): return attributes.isPlain && node.input(4) == nil && node.input(7) == nil
        case .observe(let attributes): return !attributes.specification.isHistogram
        case .averagePool(let attributes): return (1...3).contains(attributes.kernelShape.count)
        default: return true
        }
    }

    /// One step of a reference kernel, for what needs no gradient.
    func emitReference(_ node: Node) throws(TrainingError) {
        if node.outputs.contains(where: flow.needed.contains) {
            throw .notDifferentiable(
                node: node.name, operatorName: node.op.name,
                reason: "it has a gradient for float32 and these outputs only")
        }
        var operands: [(slot: Int, type: TensorType, shape: Shape)?] = []
        for name in node.inputs {
            guard !name.isEmpty else {
                operands.append(nil)
                continue
            }
            let variable = variables[try form(name, .rowMajor)]
            let type = TensorType(elementType: variable.elementType, shape: variable.shape)
            operands.append((variable.slot, type, variable.shape))
        }
        var results: [(slot: Int, type: TensorType)?] = []
        for name in node.outputs {
            guard !name.isEmpty else {
                results.append(nil)
                continue
            }
            let variable = variables[try define(name, .rowMajor)]
            results.append((variable.slot, TensorType(elementType: variable.elementType, shape: variable.shape)))
        }
        let wanted = (results.lastIndex { $0 != nil } ?? -1) + 1
        step(operands.map { $0?.slot } + results.map { $0?.slot }) { (memory) throws(StepError) in
            let tensors = operands.map { operand in
                operand.map { memory.view($0.slot, shape: $0.shape, elementType: $0.type.elementType) }
            }
            let outputs: [Tensor]
            do throws(KernelError) {
                outputs = try ReferenceKernels.evaluate(node.op, inputs: tensors, outputCount: wanted)
            } catch {
                throw .kernel(error)
            }
            for case (let tensor, let result?) in zip(outputs, results) {
                guard TensorType(tensor) == result.type else {
                    throw .kernel(.shapeMismatch("it gives \(TensorType(tensor)) instead of \(result.type)"))
                }
                memory.store(tensor, in: result.slot)
            }
        }
    }
}
