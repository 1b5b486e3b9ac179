public import Graphs
import Quantization
import Tensors

extension Graph {
    /// Converts QAT modules to quantized ones: weights become integers, results get the scales that their modules ended with.
    ///
    /// Normalizations are folded into weights and biases with their running statistics. A weight's scale follows from what its
    /// observer saw; one that never saw anything sees the weight now. Nodes that only move elements, and pooling, carry integers on: averages
    /// are rounded half away from zero. Sums, differences, extremes, signs and rectifiers of values of one scale act on the
    /// integers and wrap around; other nodes must not read quantized values. The graph cannot be trained afterwards.
    ///
    /// - Parameter mapping: Conversions of one's own.
    /// - Throws: `ModuleError` that names the module or node; the graph is then as it was.
    public mutating func quantize(mapping: ModuleMapping = .standard) throws(ModuleError) {
        var converter = QuantizedConverter(self, mapping: mapping)
        self = try converter.run()
    }
}

/// One conversion.
private struct QuantizedConverter {
    /// Integers and what they stand for.
    private struct QuantizedValue: Equatable {
        let type: QuantizedTensorType
        let scale: String
        let zeroPoint: String
    }

    private let source: Graph
    private let mapping: ModuleMapping
    private var graph: Graph
    private var nodes: [Node] = []
    private var values: [String: QuantizedValue] = [:]

    init(_ graph: Graph, mapping: ModuleMapping) {
        source = graph
        self.mapping = mapping
        self.graph = graph
    }

    mutating func run() throws(ModuleError) -> Graph {
        for node in source.nodes {
            if case .module(let module) = node.op, case .qat(let settings) = module.family {
                try convert(node, module, settings)
            } else {
                try pass(node)
            }
        }
        graph.nodes = nodes
        for index in graph.outputs.indices {
            guard let value = values[graph.outputs[index].name] else { continue }
            graph.outputs[index].type.elementType = value.type.dtype.elementType
        }
        graph.removeUnreadInitializers()
        return graph
    }

    // MARK: Modules

    private mutating func convert(_ node: Node, _ module: ModuleOperator, _ settings: QATSettings) throws(ModuleError) {
        let path = node.modulePath
        var inputs = Array(node.inputs.prefix(module.kind.dataCount))
        var dtypes: [QuantDtype?] = []
        var scales: [String] = []
        for value in inputs {
            guard module.kind != .quantStub else {
                dtypes.append(nil)
                scales += ["", ""]
                continue
            }
            guard let quantized = values[value] else { throw .floatInput(path: path, value: value) }
            dtypes.append(quantized.type.dtype)
            scales += [quantized.scale, quantized.zeroPoint]
        }
        if case .elemwise(let mode) = module.kind, !mode.hasQuantizedForm {
            throw .noQuantizedForm(path: path, mode: mode.rawValue)
        }
        inputs += scales
        let weight = module.kind.hasWeight ? try weightType(node, module) : nil
        let output = module.kind.hasActivation ? try outputType(node) : nil
        var quantizedSettings = QuantizedSettings(inputs: dtypes, weight: weight?.dtype, output: output?.dtype)
        var converted = ModuleOperator(module.kind, family: .quantized(quantizedSettings))
        if let custom = mapping.toQuantized[module.kind.name] {
            converted = try custom(module, quantizedSettings)
            guard case .quantized(let own) = converted.family else {
                nodes.append(node)
                return
            }
            quantizedSettings = own
        }
        let tensors = try parameters(node, module, weight: weight, output: output)
        for parameter in converted.parameters {
            let name = "\(path).\(parameter.key)"
            guard let tensor = tensors[parameter.key] else {
                inputs.append("")
                continue
            }
            graph.initializers[name] = tensor
            inputs.append(name)
        }
        var result = node
        result.op = .module(converted)
        result.inputs = inputs
        nodes.append(result)
        if let output {
            values[node.outputs[0]] = QuantizedValue(
                type: output, scale: "\(path).scale", zeroPoint: output.zeroPoint == nil ? "" : "\(path).zero_point")
        }
    }

    private func outputType(_ node: Node) throws(ModuleError) -> QuantizedTensorType {
        guard let parameters = try source.quantParameters(of: node, .activation) else {
            throw .noScale(path: node.modulePath, part: ModulePart.activation.title)
        }
        return try type(parameters, node, .activation)
    }

    /// The type of the folded weight's integers.
    private func weightType(_ node: Node, _ module: ModuleOperator) throws(ModuleError) -> QuantizedTensorType {
        if var observer = try source.observerState(of: node, .weight), observer.extremes == nil,
            observer.specification.algorithm != .passive
        {
            let weight = try FoldedModule(node, module.kind, in: source).weight
            observer.isEnabled = true
            weight.withElements(as: Float.self) { observer.observe($0) }
            let parameters: QParams
            do {
                parameters = try observer.quantParameters()
            } catch {
                throw .quantization(path: node.modulePath, reason: "weight: \(error)")
            }
            return try type(parameters, node, .weight)
        }
        guard let parameters = try source.quantParameters(of: node, .weight) else {
            throw .noScale(path: node.modulePath, part: ModulePart.weight.title)
        }
        return try type(parameters, node, .weight)
    }

    private func type(
        _ parameters: QParams, _ node: Node, _ part: ModulePart
    ) throws(ModuleError) -> QuantizedTensorType {
        do {
            return try QuantizedTensorType(parameters)
        } catch {
            throw .quantization(path: node.modulePath, reason: "\(part.title): \(error)")
        }
    }

    private func parameters(
        _ node: Node, _ module: ModuleOperator, weight: QuantizedTensorType?, output: QuantizedTensorType?
    ) throws(ModuleError) -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        if let output {
            result["scale"] = Tensor(shape: [1], elements: [output.scale])
            result["zero_point"] = output.zeroPoint.map { Tensor(shape: [1], elements: [$0]) }
        }
        guard let weight else { return result }
        let folded = try FoldedModule(node, module.kind, in: source)
        do {
            result["weight"] = try weight.quantize(folded.weight)
        } catch {
            throw .quantization(path: node.modulePath, reason: "weight: \(error)")
        }
        result["weight_scale"] = Tensor(shape: [1], elements: [weight.scale])
        result["weight_zero_point"] = weight.zeroPoint.map { Tensor(shape: [1], elements: [$0]) }
        result["bias"] = folded.bias
        return result
    }

    // MARK: Other nodes

    private mutating func pass(_ node: Node) throws(ModuleError) {
        guard let first = node.inputs.first(where: { values[$0] != nil }), let value = values[first] else {
            nodes.append(node)
            return
        }
        func refuse() -> ModuleError {
            .quantizedInput(node: node.modulePath, operatorName: node.op.name, value: first)
        }
        switch node.op {
        case _ where node.passesQuantizedValues: nodes.append(node)
        case .unary(.relu), .unary(.negate), .binary(.add), .binary(.subtract), .variadic(.minimum),
            .variadic(.maximum):
            // Integers of one scale; a zero point would be counted twice.
            guard value.type.zeroPoint == nil, node.inputs.allSatisfy({ values[$0]?.type == value.type }) else {
                throw refuse()
            }
            nodes.append(node)
        default: throw refuse()
        }
        values[node.outputs[0]] = value
    }
}
