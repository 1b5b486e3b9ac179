public import Graphs
import Kernels
import Quantization
import Tensors

extension Graph {
    /// The run model as an ONNX graph: integer weights behind DequantizeLinear nodes, QuantizeLinear and DequantizeLinear
    /// nodes around what modules read, biases in floating point.
    ///
    /// A module's scale `s` becomes the ONNX scale `1 / s`, `firstconv` becomes a subtraction and a division before. Another
    /// program computes what the device computes, except where a product lies halfway between two integers: ONNX rounds
    /// these to the even one, the device away from zero. A linear module becomes a MatMul and an Add.
    ///
    /// - Throws: `MLUConversionError.notCalibrated` for a module without scales, `.unsuitableModule` for one whose
    ///   parameters the device refuses.
    public func loweredFromMLU() throws(MLUConversionError) -> Graph {
        var lowering = MLULowering(self)
        return try lowering.run()
    }
}

/// One lowering.
private struct MLULowering {
    private let source: Graph
    private var graph: Graph
    private var names: NameSource
    private var nodes: [Node] = []
    /// What reads instead of an activation, by its name and scale: two modules may share them.
    private var dequantized: [Activation: String] = [:]
    /// The weight that a module's nodes read, by path.
    private var weights: [String: String] = [:]

    private struct Activation: Hashable {
        let value: String
        let scale: Float
        let type: ElementType
    }

    init(_ source: Graph) {
        self.source = source
        graph = source
        names = NameSource(source)
    }

    mutating func run() throws(MLUConversionError) -> Graph {
        var moduleAt: [Int: MLUStateModule] = [:]
        for module in source.mluStateModules {
            for position in module.positions { moduleAt[position] = module }
        }
        for (position, node) in source.nodes.enumerated() {
            guard let module = moduleAt[position] else {
                nodes.append(node)
                continue
            }
            try lower(node, module)
        }
        graph.nodes = nodes
        graph.removeUnreadInitializers()
        return graph
    }

    private mutating func lower(_ node: Node, _ module: MLUStateModule) throws(MLUConversionError) {
        let tensors = node.inputs.map { $0.isEmpty ? nil : source.initializers[$0] }
        let parameters: MLUParameters
        do {
            guard let found = try MLUParameters(module.op, inputs: tensors, arithmetic: .exact) else {
                throw MLUConversionError.notCalibrated(path: module.path)
            }
            parameters = found
        } catch let error as KernelError {
            throw .unsuitableModule(path: module.path, reason: error.description)
        } catch {
            throw .notCalibrated(path: module.path)
        }
        let data = activation(try normalized(node, module), parameters)
        let weight = weight(of: module, parameters)
        let bias = node.input(.bias)
        switch module.op {
        case .convolution(let attributes):
            nodes.append(
                Node(
                    name: node.name, op: .convolution(attributes), inputs: [data, weight] + (bias.map { [$0] } ?? []),
                    outputs: node.outputs, module: node.module))
        case .linear:
            let product = bias == nil ? node.outputs[0] : names.unused(node.outputs[0] + "_MatMul_Output")
            nodes.append(
                Node(
                    name: node.name, op: .matMul, inputs: [data, weight], outputs: [product], module: node.module))
            guard let bias else { return }
            nodes.append(
                Node(
                    name: names.unused(node.name + "_Add"), op: .binary(.add), inputs: [product, bias],
                    outputs: node.outputs, module: node.module))
        }
    }

    /// The activation after `firstconv`.
    private mutating func normalized(_ node: Node, _ module: MLUStateModule) throws(MLUConversionError) -> String {
        guard let mean = node.input(.inputMean), let std = node.input(.inputStd) else { return node.inputs[0] }
        let centred = names.unused("\(module.path).centred")
        let result = names.unused("\(module.path).normalized")
        nodes.append(
            Node(
                name: names.unused("\(module.path).Sub"), op: .binary(.subtract), inputs: [node.inputs[0], mean],
                outputs: [centred]))
        nodes.append(
            Node(
                name: names.unused("\(module.path).Div"), op: .binary(.divide), inputs: [centred, std],
                outputs: [result]))
        return result
    }

    /// The activation behind a QuantizeLinear and a DequantizeLinear node.
    private mutating func activation(_ value: String, _ parameters: MLUParameters) -> String {
        let type = parameters.scales.elementType
        let key = Activation(value: value, scale: parameters.scales.input, type: type)
        if let known = dequantized[key] { return known }
        let scale = names.unused(value + "_scale")
        let zeroPoint = names.unused(value + "_zero_point")
        graph.initializers[scale] = Tensor(scalar: 1 / parameters.scales.input)
        graph.initializers[zeroPoint] = Tensor(zeros: [], elementType: type)
        let quantized = names.unused(value + "_QuantizeLinear_Output")
        let result = names.unused(value + "_DequantizeLinear_Output")
        nodes.append(
            Node(
                name: names.unused(value + "_QuantizeLinear"), op: .quantizeLinear(QuantizeLinearAttributes()),
                inputs: [value, scale, zeroPoint], outputs: [quantized]))
        nodes.append(
            Node(
                name: names.unused(value + "_DequantizeLinear"), op: .dequantizeLinear(DequantizeLinearAttributes()),
                inputs: [quantized, scale, zeroPoint], outputs: [result]))
        dequantized[key] = result
        return result
    }

    /// The module's weight behind a DequantizeLinear node, written before its first reader; [K, N] for a MatMul.
    private mutating func weight(of module: MLUStateModule, _ parameters: MLUParameters) -> String {
        if let known = weights[module.path] { return known }
        var integers = MLUQuantization.quantized(weight: parameters.weight, scales: parameters.scales)
        var axis = 0
        if case .linear = module.op {
            axis = 1
            switch integers.elementType {
            case .int8: integers = integers.transposedMatrix(of: Int8.self)
            default: integers = integers.transposedMatrix(of: Int16.self)
            }
        }
        let base = module.name(.weight)
        let scales = parameters.scales.weights.map { 1 / $0 }
        let shape: Shape = parameters.scales.isPerChannel ? [scales.count] : []
        let scale = names.unused(base + "_scale")
        let zeroPoint = names.unused(base + "_zero_point")
        let quantized = names.unused(base + "_quantized")
        graph.initializers[scale] = Tensor(shape: shape, elements: scales)
        graph.initializers[zeroPoint] = Tensor(zeros: shape, elementType: integers.elementType)
        graph.initializers[quantized] = integers
        let result = names.unused(base + "_DequantizeLinear_Output")
        nodes.append(
            Node(
                name: names.unused(base + "_DequantizeLinear"),
                op: .dequantizeLinear(DequantizeLinearAttributes(axis: axis)),
                inputs: [quantized, scale, zeroPoint], outputs: [result]))
        weights[module.path] = result
        return result
    }
}
