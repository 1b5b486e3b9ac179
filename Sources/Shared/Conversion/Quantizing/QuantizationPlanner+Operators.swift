import Graphs
import Quantization
import Tensors

extension QuantizationPlanner {
    /// Marks what one selected node reads and writes.
    mutating func plan(_ node: Node, at position: Int) -> NodeDecision.Outcome {
        switch node.op {
        case .convolution, .transposedConvolution, .gemm:
            return planLinear(node, at: position)
        case .matMul:
            return planMatMul(node, at: position)
        case .batchNormalization, .layerNormalization, .normalization(.instance):
            return planNormalization(node, at: position)
        case .clip, .unary(.relu):
            return planActivationFunction(node, at: position)
        case .reshape, .flatten, .transpose, .squeeze, .unsqueeze, .maxPool, .averagePool, .slice, .expand,
            .globalMaxPool, .arrangement, .ranking(.top), .reduce:
            return planPassThrough(node)
        case .resize(let attributes):
            return attributes.mode == .cubic ? planPointwise(node, at: position) : planPassThrough(node)
        case .gather, .selection(.gatherElements):
            return planGather(node, at: position)
        case .logic(.select):
            return planSelection(node)
        case .split:
            markInput(NodeInput(node: position, input: 0))
            for output in node.outputs { markOutput(output, sharing: node.inputs[0]) }
            return .quantized
        case .pad(let mode):
            return planPad(node, mode: mode, at: position)
        default:
            return planPointwise(node, at: position)
        }
    }

    /// Every floating-point input and output has a range of its own.
    private mutating func planPointwise(_ node: Node, at position: Int) -> NodeDecision.Outcome {
        for input in node.inputs.indices { markInput(NodeInput(node: position, input: input)) }
        for output in node.outputs { markOutput(output) }
        return .quantized
    }

    /// The integers of the output are integers of the input, so the parameters are too.
    private mutating func planPassThrough(_ node: Node) -> NodeDecision.Outcome {
        guard isMarked(node.inputs[0]) else { return .float(.inputIsNotQuantized) }
        markOutput(node.outputs[0], sharing: node.inputs[0])
        return .quantized
    }

    private mutating func planLinear(_ node: Node, at position: Int) -> NodeDecision.Outcome {
        markInput(NodeInput(node: position, input: 0))
        let weight = NodeInput(node: position, input: 1)
        let shape = graph.initializers[node.inputs[1]]?.shape
        let axis: Int
        var channels: Int?
        switch node.op {
        case .transposedConvolution(let attributes):
            axis = 1
            channels = shape.flatMap { $0.rank > 1 ? $0[1] * attributes.convolution.groups : nil }
        case .gemm(let attributes):
            axis = attributes.transposeB ? 0 : 1
            channels = shape.flatMap { $0.rank == 2 ? $0[axis] : nil }
        default:
            axis = 0
            channels = shape.flatMap { $0.rank > 0 ? $0[0] : nil }
        }
        markWeight(weight, axis: axis)
        markOutput(node.outputs[0])
        if hasUnitFactors(node.op) {
            markBias(NodeInput(node: position, input: 2), channels: channels)
        }
        return .quantized
    }

    /// Whether the bias is added to the plain product, which the int32 bias needs.
    private func hasUnitFactors(_ op: Operator) -> Bool {
        guard case .gemm(let attributes) = op else { return true }
        return attributes.alpha == 1 && attributes.beta == 1
    }

    private mutating func planMatMul(_ node: Node, at position: Int) -> NodeDecision.Outcome {
        // Integer products take one scale for the left operand, and one per column of the right one.
        markWeight(NodeInput(node: position, input: 0), axis: nil)
        let rank = graph.initializers[node.inputs[1]]?.shape.rank ?? 0
        markWeight(NodeInput(node: position, input: 1), axis: rank > 1 ? rank - 1 : nil)
        markOutput(node.outputs[0])
        return .quantized
    }

    private mutating func planNormalization(_ node: Node, at position: Int) -> NodeDecision.Outcome {
        markInput(NodeInput(node: position, input: 0))
        markWeight(NodeInput(node: position, input: 1), axis: nil)
        markBias(NodeInput(node: position, input: 2), channels: nil)
        for output in node.outputs { markOutput(output) }
        return .quantized
    }

    private mutating func planGather(_ node: Node, at position: Int) -> NodeDecision.Outcome {
        let data = NodeInput(node: position, input: 0)
        if graph.initializers[node.inputs[0]] != nil { markInput(data) }
        guard let provider = quantizedName(at: data) else { return .float(.inputIsNotQuantized) }
        markOutput(node.outputs[0], sharing: provider)
        return .quantized
    }

    /// Two values with ranges of their own meet, so the result has one too.
    private mutating func planSelection(_ node: Node) -> NodeDecision.Outcome {
        // A constant there is often an exclusion (-1e9), for which a quantized range would give up all else.
        guard isMarked(node.inputs[1]), isMarked(node.inputs[2]) else { return .float(.inputIsNotQuantized) }
        markOutput(node.outputs[0])
        return .quantized
    }

    private mutating func planPad(_ node: Node, mode: PaddingMode, at position: Int) -> NodeDecision.Outcome {
        markInput(NodeInput(node: position, input: 0))
        markInput(NodeInput(node: position, input: 2))
        if mode != .constant || paddingIsZero(node) {
            markOutput(node.outputs[0], sharing: node.inputs[0])
        } else {
            markOutput(node.outputs[0])
        }
        return .quantized
    }

    /// Whether the padded value is zero, which every quantized range contains.
    private func paddingIsZero(_ node: Node) -> Bool {
        guard let name = node.input(2) else { return true }
        return graph.floatConstant(name) == [0]
    }

    // MARK: Activation functions

    private mutating func planActivationFunction(_ node: Node, at position: Int) -> NodeDecision.Outcome {
        let input = node.inputs[0]
        guard isMarked(input) else { return .float(.inputIsNotQuantized) }
        if let bounds = absorbableBounds(node, at: position) { return absorb(node, bounds: bounds) }
        markOutput(node.outputs[0])
        return .quantized
    }

    /// The bounds of a `Relu` or `Clip` that a quantized range can respect; `nil` when the node has to stay.
    private func absorbableBounds(_ node: Node, at position: Int) -> ClosedRange<Float>? {
        let (input, output) = (node.inputs[0], node.outputs[0])
        guard !activationScheme(of: output).isSymmetric, !options.keepsActivationFunctions, quantizesOutput(output),
            index.soleReader(of: input) == NodeInput(node: position, input: 0), !index.isGraphInput(input)
        else { return nil }
        guard case .clip = node.op else { return 0...Float.infinity }
        guard let lower = bound(node.input(1), otherwise: -.infinity),
            let upper = bound(node.input(2), otherwise: .infinity)
        else { return nil }
        // A quantized range always contains zero, so it cannot cut off at a bound on the other side of zero.
        return lower <= 0 && upper >= 0 ? lower...upper : nil
    }

    private func bound(_ name: String?, otherwise absent: Float) -> Float? {
        guard let name else { return absent }
        guard let elements = graph.floatConstant(name), elements.count == 1, !elements[0].isNaN else { return nil }
        return elements[0]
    }
}
