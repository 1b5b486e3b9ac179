public import Graphs
import Quantization
import Tensors

extension Graph {
    /// The quantized network as an ONNX graph: integer weights and biases behind DequantizeLinear nodes, and a pair of QuantizeLinear and
    /// DequantizeLinear behind every quantized value.
    ///
    /// Another program computes what the modules compute, except where a number lies halfway between two integers: ONNX rounds
    /// these to the even one, the modules away from zero. Kinds of fewer than 8 bits are stored in 8 and clipped before.
    ///
    /// - Throws: `ModuleError.noQuantizedForm` for an Elemwise function that is no ONNX operator; `.missingParameter`.
    public func loweredFromQuantized() throws(ModuleError) -> Graph {
        var lowering = QuantizedLowering(self)
        let lowered = try lowering.run().expandingModules(isTraining: false).graph
        for node in lowered.nodes {
            guard case .module(let module) = node.op, case .elemwise(let mode) = module.kind else { continue }
            throw .noQuantizedForm(path: node.modulePath, mode: "\(mode.rawValue) (in ONNX)")
        }
        return lowered
    }
}

/// One lowering.
private struct QuantizedLowering {
    /// What integers stand for.
    private struct Step {
        let scale: Float
        let zeroPoint: Int32
        let dtype: QuantDtype
    }

    private let source: Graph
    private var graph: Graph
    private var names: NameSource
    private var nodes: [Node] = []
    /// The real value of each quantized value, and its step.
    private var reals: [String: (name: String, step: Step)] = [:]
    private var weights: [String: String] = [:]

    init(_ graph: Graph) {
        source = graph
        self.graph = graph
        names = NameSource(graph)
    }

    mutating func run() throws(ModuleError) -> Graph {
        for node in source.nodes {
            if case .module(let module) = node.op, case .quantized(let settings) = module.family {
                try lower(node, module, settings)
            } else {
                pass(node)
            }
        }
        for index in graph.outputs.indices {
            guard let real = reals[graph.outputs[index].name] else { continue }
            graph.outputs[index].type.elementType = .float32
            nodes.append(
                Node(
                    name: names.unused(real.name + "_Identity"), op: .identity, inputs: [real.name],
                    outputs: [graph.outputs[index].name]))
        }
        graph.nodes = nodes
        graph.removeUnreadInitializers()
        return graph
    }

    // MARK: Modules

    private mutating func lower(
        _ node: Node, _ module: ModuleOperator, _ settings: QuantizedSettings
    ) throws(ModuleError) {
        var data: [String] = []
        for value in node.inputs.prefix(module.kind.dataCount) { data.append(reals[value]?.name ?? value) }
        let output = node.outputs[0]
        guard let dtype = settings.output else {
            try appendFloat(node, module, data, as: output)
            return
        }
        let step = Step(
            scale: try number(node, "scale"),
            zeroPoint: dtype.isUnsigned ? try integer(node, "zero_point") : 0, dtype: dtype)
        let result = names.unused(output + "_real")
        try appendFloat(node, module, data, as: result)
        reals[output] = (pair(behind: result, of: output, step), step)
    }

    /// The module in floating point, with its integers behind DequantizeLinear nodes.
    private mutating func appendFloat(
        _ node: Node, _ module: ModuleOperator, _ data: [String], as output: String
    ) throws(ModuleError) {
        let path = node.modulePath
        let kind = module.kind.withoutNormalization
        var result = node
        result.op = .module(ModuleOperator(kind))
        result.outputs = [output]
        result.inputs = data
        if kind.hasWeight {
            let scale = try number(node, "weight_scale")
            guard case .quantized(let settings) = module.family, let dtype = settings.weight,
                let weight = node.parameter("weight")
            else { throw .missingParameter(path: path, key: "weight") }
            let zeroPoint = dtype.isUnsigned ? try integer(node, "weight_zero_point") : 0
            if weights[path] == nil {
                weights[path] = dequantize(
                    weight, Step(scale: scale, zeroPoint: zeroPoint, dtype: dtype), base: path + ".weight")
            }
            result.inputs.append(weights[path] ?? weight)
            result.inputs.append(try bias(node, weightScale: scale))
        }
        nodes.append(result)
    }

    /// The bias as the module has it: integers of the product of both scales.
    private mutating func bias(_ node: Node, weightScale: Float) throws(ModuleError) -> String {
        guard let name = node.parameter("bias"), let tensor = graph.initializers[name],
            let data = reals[node.inputs[0]]
        else { return "" }
        let step = Step(scale: data.step.scale * weightScale, zeroPoint: 0, dtype: .qint32)
        let integers = tensor.elements(as: Float.self).map { value -> Int32 in
            let quotient = (Double(value) / Double(step.scale)).rounded(.toNearestOrAwayFromZero)
            return quotient.isNaN ? .min : Int32(min(max(quotient, Double(Int32.min)), Double(Int32.max)))
        }
        let quantized = names.unused(name + "_quantized")
        graph.initializers[quantized] = Tensor(shape: tensor.shape, elements: integers)
        return dequantize(quantized, step, base: name)
    }

    private func number(_ node: Node, _ key: String) throws(ModuleError) -> Float {
        guard let tensor = node.parameter(key).flatMap({ source.initializers[$0] }), tensor.elementType == .float32,
            let number = tensor.elements(as: Float.self).first
        else { throw .missingParameter(path: node.modulePath, key: key) }
        return number
    }

    private func integer(_ node: Node, _ key: String) throws(ModuleError) -> Int32 {
        guard let tensor = node.parameter(key).flatMap({ source.initializers[$0] }), tensor.elementType == .int32,
            let number = tensor.elements(as: Int32.self).first
        else { throw .missingParameter(path: node.modulePath, key: key) }
        return number
    }

    // MARK: Other nodes

    /// A node that carries integers on: on real numbers, and rounded to the same step again.
    private mutating func pass(_ node: Node) {
        guard let step = node.inputs.compactMap({ reals[$0]?.step }).first else {
            nodes.append(node)
            return
        }
        var node = node
        node.inputs = node.inputs.map { reals[$0]?.name ?? $0 }
        let output = node.outputs[0]
        node.outputs[0] = names.unused(output + "_real")
        nodes.append(node)
        reals[output] = (pair(behind: node.outputs[0], of: output, step), step)
    }

    // MARK: Pairs

    private mutating func parameters(_ step: Step, base: String) -> [String] {
        let scale = names.unused(base + "_scale")
        let zeroPoint = names.unused(base + "_zero_point")
        graph.initializers[scale] = Tensor(scalar: step.scale)
        graph.initializers[zeroPoint] =
            switch step.dtype.elementType {
            case .uint8: Tensor(scalar: UInt8(truncatingIfNeeded: step.zeroPoint))
            case .int32: Tensor(scalar: step.zeroPoint)
            default: Tensor(scalar: Int8(truncatingIfNeeded: step.zeroPoint))
            }
        return [scale, zeroPoint]
    }

    private mutating func dequantize(_ integers: String, _ step: Step, base: String) -> String {
        let result = names.unused(base + "_DequantizeLinear_Output")
        nodes.append(
            Node(
                name: names.unused(base + "_DequantizeLinear"),
                op: .dequantizeLinear(DequantizeLinearAttributes(axis: 0)),
                inputs: [integers] + parameters(step, base: base), outputs: [result]))
        return result
    }

    /// QuantizeLinear and DequantizeLinear behind a real value; gives the name of the rounded one.
    private mutating func pair(behind value: String, of base: String, _ step: Step) -> String {
        var value = value
        if [.qint4, .quint4, .qint1].contains(step.dtype) {
            let bounds = [step.dtype.minimum, step.dtype.maximum].map { bound -> String in
                let name = names.unused(base + "_bound")
                graph.initializers[name] = Tensor(scalar: Float(bound - step.zeroPoint) * step.scale)
                return name
            }
            let clipped = names.unused(base + "_clipped")
            nodes.append(
                Node(name: names.unused(base + "_Clip"), op: .clip, inputs: [value] + bounds, outputs: [clipped]))
            value = clipped
        }
        let shared = parameters(step, base: base)
        let integers = names.unused(base + "_QuantizeLinear_Output")
        let result = names.unused(base + "_DequantizeLinear_Output")
        nodes.append(
            Node(
                name: names.unused(base + "_QuantizeLinear"), op: .quantizeLinear(QuantizeLinearAttributes(axis: 0)),
                inputs: [value] + shared, outputs: [integers]))
        nodes.append(
            Node(
                name: names.unused(base + "_DequantizeLinear"),
                op: .dequantizeLinear(DequantizeLinearAttributes(axis: 0)), inputs: [integers] + shared,
                outputs: [result]))
        return result
    }
}

extension ModuleKind {
    /// The same module after its normalization went into weight and bias.
    fileprivate var withoutNormalization: ModuleKind {
        func plain(_ fusion: ModuleFusion) -> ModuleFusion { ModuleFusion(activation: fusion.activation) }
        return switch self {
        case .convolution(let attributes, let padding, let fusion):
            .convolution(attributes, paddingMode: padding, plain(fusion))
        case .transposedConvolution(let attributes, let fusion): .transposedConvolution(attributes, plain(fusion))
        case .linear(let fusion): .linear(plain(fusion))
        case .batchMatMulActivation, .elemwise, .concat, .quantStub, .dequantStub: self
        }
    }
}
