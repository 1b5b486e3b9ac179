import Graphs
import Quantization
import Tensors

/// Rewrites the plan's graph: integers for constants, QuantizeLinear and DequantizeLinear nodes around values.
///
/// A DequantizeLinear node of a constant comes right before its first reader, the pair of a value right after its producer.
struct QuantizedGraphWriter {
    private let plan: QuantizationPlan
    private let constants: QuantizedConstants
    private let parameters: [String: QuantizationParameters]
    private let activations: [String: QuantizedActivation]
    private let outputNames: Set<String>
    private let inputNames: Set<String>
    /// A value and the output of the activation function that absorbed it.
    private let absorbedOutputs: [String: String]
    private let constantAt: [NodeInput: QuantizedConstant]
    private let biasAt: [NodeInput: QuantizedBias]

    private var names: NameSource
    private var nodes: [Node] = []
    private var initializers: [String: Tensor]
    /// Names of the scale and zero-point initializers of quantized values and constants.
    private var parameterNames: [String: (scale: String, zeroPoint: String)] = [:]
    /// Outputs of the DequantizeLinear nodes of constants, by the plan's names.
    private var constantOutputs: [String: String] = [:]
    /// What nodes read instead of a quantized value.
    private var dequantizedNames: [String: String] = [:]
    private var quantizedNames: [String: String] = [:]

    init(
        _ plan: QuantizationPlan, constants: QuantizedConstants,
        activations parameters: [String: QuantizationParameters]
    ) {
        self.plan = plan
        self.constants = constants
        self.parameters = parameters
        activations = Dictionary(uniqueKeysWithValues: plan.activations.map { ($0.name, $0) })
        outputNames = Set(plan.graph.outputs.map(\.name))
        inputNames = Set(plan.graph.inputs.map(\.name))
        absorbedOutputs = Dictionary(uniqueKeysWithValues: plan.absorbedActivations.map { ($0.input, $0.output) })
        var constantAt: [NodeInput: QuantizedConstant] = [:]
        for constant in plan.constants {
            for place in constant.places { constantAt[place] = constant }
        }
        self.constantAt = constantAt
        biasAt = Dictionary(uniqueKeysWithValues: plan.biases.map { ($0.place, $0) })
        names = NameSource(plan.graph)
        initializers = plan.graph.initializers
    }

    mutating func write() -> Graph {
        for input in plan.graph.inputs { writePair(for: input.name, from: input.name) }
        let absorbed = Set(plan.absorbedActivations.map(\.node))
        for (position, node) in plan.graph.nodes.enumerated() where !absorbed.contains(node.name) {
            write(node, at: position)
        }
        var graph = plan.graph
        graph.nodes = nodes
        // Float constants that only quantized nodes read are gone.
        let read = Set(nodes.flatMap(\.inputs)).union(outputNames)
        graph.initializers = initializers.filter { read.contains($0.key) }
        return graph
    }

    private mutating func write(_ node: Node, at position: Int) {
        var rewritten = node
        for input in node.inputs.indices where !node.inputs[input].isEmpty {
            let place = NodeInput(node: position, input: input)
            if let constant = constantAt[place] {
                rewritten.inputs[input] = dequantize(constant)
            } else if let bias = biasAt[place] {
                rewritten.inputs[input] = dequantize(bias)
            } else {
                rewritten.inputs[input] = dequantizedNames[node.inputs[input]] ?? node.inputs[input]
            }
        }
        var pairs: [(value: String, source: String)] = []
        for output in node.outputs.indices where !node.outputs[output].isEmpty {
            var value = node.outputs[output]
            while let next = absorbedOutputs[value] { value = next }
            var written = value
            if activations[value] != nil, outputNames.contains(value) {
                written = names.unused(value + "_QuantizeLinear_Input")
            }
            rewritten.outputs[output] = written
            pairs.append((value, written))
        }
        nodes.append(rewritten)
        for pair in pairs { writePair(for: pair.value, from: pair.source) }
    }

    // MARK: Quantized values

    /// Quantizes and dequantizes a value behind its producer; nothing when the plan leaves the value alone.
    private mutating func writePair(for value: String, from source: String) {
        guard let activation = activations[value], let parameters = parameters[value] else { return }
        let parameterNames = activationParameterNames(activation, parameters: parameters)
        let quantized = names.unused(value + "_QuantizeLinear_Output")
        // A graph output keeps its name behind the pair; a graph input cannot, so a graph that returns its input
        // returns it unquantized.
        let keepsName = outputNames.contains(value) && !inputNames.contains(value)
        let dequantized = keepsName ? value : names.unused(value + "_DequantizeLinear_Output")
        nodes.append(
            Node(
                name: names.unused(value + "_QuantizeLinear"), op: .quantizeLinear(QuantizeLinearAttributes()),
                inputs: [source, parameterNames.scale, parameterNames.zeroPoint], outputs: [quantized]))
        nodes.append(
            Node(
                name: names.unused(value + "_DequantizeLinear"), op: .dequantizeLinear(DequantizeLinearAttributes()),
                inputs: [quantized, parameterNames.scale, parameterNames.zeroPoint], outputs: [dequantized]))
        dequantizedNames[value] = dequantized
    }

    /// The names of a value's parameters: its own, or those of the value it shares them with.
    private mutating func activationParameterNames(
        _ activation: QuantizedActivation, parameters: QuantizationParameters
    ) -> (scale: String, zeroPoint: String) {
        if case .shared(let provider) = activation.source, let shared = parameterNames[provider] {
            parameterNames[activation.name] = shared
            return shared
        }
        return store(parameters, for: activation.name)
    }

    private mutating func store(
        _ parameters: QuantizationParameters, for name: String
    ) -> (scale: String, zeroPoint: String) {
        let stored = (scale: names.unused(name + "_scale"), zeroPoint: names.unused(name + "_zero_point"))
        let tensors = parameters.tensors
        initializers[stored.scale] = tensors.scale
        initializers[stored.zeroPoint] = tensors.zeroPoint
        parameterNames[name] = stored
        return stored
    }

    // MARK: Constants

    private mutating func dequantize(_ constant: QuantizedConstant) -> String {
        if let name = constantOutputs[constant.name] { return name }
        let output = names.unused(constant.name + "_DequantizeLinear_Output")
        write(
            constants.weights[constant.name], name: constant.name, parameterBase: constant.name, output: output)
        constantOutputs[constant.name] = output
        return output
    }

    private mutating func dequantize(_ bias: QuantizedBias) -> String {
        write(
            constants.biases[bias.name], name: bias.name, parameterBase: bias.name + "_quantized", output: bias.name)
        // The dequantized bias takes the name of the float initializer.
        initializers[bias.name] = nil
        return bias.name
    }

    private mutating func write(_ constant: QuantizedTensor?, name: String, parameterBase: String, output: String) {
        guard let constant else { return }
        let quantized = names.unused(name + "_quantized")
        quantizedNames[name] = quantized
        initializers[quantized] = constant.values
        let parameterNames = store(constant.parameters, for: parameterBase)
        self.parameterNames[name] = parameterNames
        nodes.append(
            Node(
                name: names.unused(name + "_DequantizeLinear"),
                op: .dequantizeLinear(DequantizeLinearAttributes(axis: constant.parameters.axis ?? 1)),
                inputs: [quantized, parameterNames.scale, parameterNames.zeroPoint], outputs: [output]))
    }

    // MARK: Report

    /// What became of the plan's constants.
    func constantReports() -> [ConversionReport.Constant] {
        plan.constants.compactMap { constant in
            report(
                constants.weights[constant.name], name: constant.name, initializer: constant.initializer,
                node: constant.node)
        }
    }

    /// What became of the plan's biases.
    func biasReports() -> [ConversionReport.Constant] {
        plan.biases.compactMap { bias in
            report(constants.biases[bias.name], name: bias.name, initializer: bias.initializer, node: bias.node)
        }
    }

    private func report(
        _ quantized: QuantizedTensor?, name: String, initializer: String, node: String
    ) -> ConversionReport.Constant? {
        guard let quantized, let quantizedName = quantizedNames[name] else { return nil }
        return ConversionReport.Constant(
            initializer: initializer, quantizedName: quantizedName, node: node, parameters: quantized.parameters,
            signalToQuantizationNoise: constants.noise[name])
    }
}

extension QuantizationParameters {
    /// The scale and zero point as initializers: scalars, or one element for each channel.
    var tensors: (scale: Tensor, zeroPoint: Tensor) {
        let shape: Shape = axis == nil ? [] : [scales.count]
        let scale = Tensor(shape: shape, elements: scales)
        let zeroPoint =
            switch type {
            case .int8: Tensor(shape: shape, elements: zeroPoints.map { Int8($0) })
            case .uint8: Tensor(shape: shape, elements: zeroPoints.map { UInt8($0) })
            case .int16: Tensor(shape: shape, elements: zeroPoints.map { Int16($0) })
            case .uint16: Tensor(shape: shape, elements: zeroPoints.map { UInt16($0) })
            case .int32: Tensor(shape: shape, elements: zeroPoints)
            }
        return (scale, zeroPoint)
    }
}
