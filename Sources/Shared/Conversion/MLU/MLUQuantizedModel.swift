public import Graphs
import Kernels
public import Quantization
public import Tensors

/// What a calibration made of a converted model: everything that is written and said about it.
public struct MLUQuantizedModel: Sendable {
    /// The model for the device: `.mlu` nodes with scales.
    public let graph: Graph
    /// The quantized state dictionary.
    public let state: StateDictionary
    /// The model for other programs: QuantizeLinear and DequantizeLinear nodes.
    public let lowered: Graph
    /// What became of nodes, activations and weights.
    public let report: ConversionReport
    /// The range that each activation's scale covers, by name; absent where it is not finite.
    public let ranges: [String: TensorRange]
    /// What a user should know, about the conversion and the calibration.
    public let warnings: [MLUWarning]
}

extension MLUConversion {
    /// Finishes a calibration.
    ///
    /// - Parameter observers: What was observed at each module's input, by path.
    /// - Returns: The models, the state dictionary and what is said about them.
    /// - Throws: `MLUConversionError.unsuitableModule` for a module that the device refuses.
    public func quantized(
        observers: [String: MLURangeObserver]
    ) throws(MLUConversionError) -> MLUQuantizedModel {
        let found = stateDictionary(observers: observers)
        var loaded = graph
        let loading = try loaded.loadMLUState(found.state)
        var ranges: [String: TensorRange] = [:]
        for module in modules {
            guard let observer = observers[module.path], observer.callCount > 0,
                let range = TensorRange(checking: Float(observer.minimum), Float(observer.maximum))
            else { continue }
            for call in module.calls { ranges[call.data] = range }
        }
        return MLUQuantizedModel(
            graph: loaded, state: found.state, lowered: try loaded.loweredFromMLU(),
            report: try report(of: loaded), ranges: ranges,
            warnings: warnings + found.warnings + loading.warnings)
    }

    /// What became of each node of the float graph, of the modules' inputs, and of their weights.
    private func report(of loaded: Graph) throws(MLUConversionError) -> ConversionReport {
        var activations: [ConversionReport.Activation] = []
        var constants: [ConversionReport.Constant] = []
        var seen: Set<String> = []
        let described = Dictionary(uniqueKeysWithValues: modules.map { ($0.path, $0) })
        for module in loaded.mluStateModules {
            guard let description = described[module.path], let weight = loaded.parameter(.weight, of: module),
                let scale = loaded.parameter(.scale, of: module)?.elements(as: Float.self)
            else { continue }
            let type = description.dataType.quantizedType
            for call in description.calls where seen.insert(call.data).inserted {
                activations.append(
                    ConversionReport.Activation(
                        name: call.data, source: .observed(call.data),
                        parameters: QuantizationParameters(type: type, scale: 1 / scale[0], zeroPoint: 0)))
            }
            let scales = scale.dropFirst(description.isPerChannel ? 2 : 1).map { 1 / $0 }
            let parameters = QuantizationParameters(
                type: type, scales: scales, zeroPoints: [Int32](repeating: 0, count: scales.count),
                axis: description.isPerChannel ? 0 : nil)
            constants.append(
                ConversionReport.Constant(
                    initializer: module.name(.weight), quantizedName: module.name(.weight),
                    node: description.calls[0].node, parameters: parameters,
                    signalToQuantizationNoise: try noise(weight, module, of: loaded, parameters)))
        }
        return ConversionReport(
            rewrites: [], decisions: decisions(loaded), activations: activations, constants: constants, biases: [],
            warnings: [])
    }

    private func noise(
        _ weight: Tensor, _ module: MLUStateModule, of loaded: Graph, _ parameters: QuantizationParameters
    ) throws(MLUConversionError) -> Double? {
        let inputs = loaded.nodes[module.positions[0]].inputs.map { $0.isEmpty ? nil : loaded.initializers[$0] }
        do {
            guard let scales = try MLUParameters(module.op, inputs: inputs, arithmetic: .exact)?.scales else {
                return nil
            }
            let integers = MLUQuantization.quantized(weight: weight, scales: scales)
            return try QuantizationNoise.decibels(
                of: QuantizedTensor(values: integers, parameters: parameters), for: weight)
        } catch {
            throw .unsuitableModule(path: module.path, reason: "\(error)")
        }
    }

    private func decisions(_ loaded: Graph) -> [NodeDecision] {
        let quantized = Set(modules.flatMap { $0.calls.map(\.node) })
        let remaining = Set(loaded.nodes.map(\.name))
        // An addition that went into a module: its result is what the module's node writes now.
        var producers: [String: String] = [:]
        for node in loaded.nodes where quantized.contains(node.name) { producers[node.outputs[0]] = node.name }
        return calibrationGraph.nodes.map { node in
            let outcome: NodeDecision.Outcome
            if quantized.contains(node.name) {
                outcome = .quantized
            } else if !remaining.contains(node.name) {
                outcome = .absorbed(producer: producers[node.outputs[0]] ?? loaded.name)
            } else {
                switch node.op {
                case .convolution, .gemm, .matMul: outcome = .float(.operatorIsNotSelected)
                default: outcome = .float(.operatorIsNotQuantizable)
                }
            }
            return NodeDecision(node: node.name, operatorName: node.op.name, outcome: outcome)
        }
    }
}
