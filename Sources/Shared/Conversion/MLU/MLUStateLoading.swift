public import Graphs
import Quantization
public import Tensors

/// What loading a state dictionary found.
public struct MLUStateReport: Sendable, Hashable {
    /// Keys that the model needs and the dictionary lacks.
    public var missing: [String] = []
    /// Keys that the dictionary has and the model lacks.
    public var unexpected: [String] = []
    /// What a user should know.
    public var warnings: [MLUWarning] = []
}

extension Graph {
    /// Loads a quantized state dictionary into the modules of the simulated device and all other layers.
    ///
    /// A file with scales per channel is expanded as the guide's software does: `scale` becomes [input scale, 0, weight
    /// scales...] and `quantized_mode` 3 or 4; an expanded file is taken as it is. A missing bias is zero. Mean and
    /// deviation may have one axis. Tensors of other floating-point types are converted to `float32`. Keys of PyTorch's
    /// counters (`num_batches_tracked`) are ignored.
    ///
    /// - Parameters:
    ///   - state: The dictionary.
    ///   - strict: Whether missing and unexpected keys are refused; without, they are reported and left as they are.
    /// - Returns: What was found.
    /// - Throws: `MLUConversionError.keysDiffer`, or `.unsuitableTensor`; the graph is then as it was.
    @discardableResult
    public mutating func loadMLUState(
        _ state: StateDictionary, strict: Bool = true
    ) throws(MLUConversionError) -> MLUStateReport {
        var loader = MLUStateLoader(graph: self, state: state)
        try loader.run()
        if strict, !loader.report.missing.isEmpty || !loader.report.unexpected.isEmpty {
            throw .keysDiffer(missing: loader.report.missing, unexpected: loader.report.unexpected)
        }
        self = loader.graph
        return loader.report
    }
}

extension Graph {
    /// The run model of a float graph and a quantized state dictionary.
    ///
    /// The graph is prepared (`preparedForMLU`) and converted; layers for which the dictionary has no scale stay in
    /// floating point, so that a model of which only some layers were calibrated loads too.
    ///
    /// - Parameters:
    ///   - state: A dictionary that was saved from this model.
    ///   - mapping: What is converted, and by what; `nil` is `MLUMapping.standard`.
    ///   - strict: Whether missing and unexpected keys are refused.
    /// - Returns: The model and what was found.
    /// - Throws: `MLUConversionError`, or `ConversionError` when a node with constant inputs cannot be computed.
    public func mluRunModel(
        loading state: StateDictionary, mapping: MLUMapping? = nil, strict: Bool = true
    ) throws -> (graph: Graph, report: MLUStateReport) {
        let source = try preparedForMLU()
        let whole = try source.quantizeDynamicMLU(mapping: mapping)
        let floats = whole.modules.filter { state["\($0.path).scale"] == nil }
        let conversion = try source.quantizeDynamicMLU(
            mapping: mapping, excluding: Set(floats.flatMap { $0.calls.map(\.node) }))
        var result = conversion.graph
        var report = try result.loadMLUState(state, strict: strict)
        report.warnings = conversion.warnings + report.warnings
        return (result, report)
    }
}

/// Loads one dictionary into one graph.
private struct MLUStateLoader {
    var graph: Graph
    var report = MLUStateReport()
    private let state: StateDictionary
    private var used: Set<String> = []

    init(graph: Graph, state: StateDictionary) {
        self.graph = graph
        self.state = state
    }

    mutating func run() throws(MLUConversionError) {
        let modules = graph.mluStateModules
        for module in modules { try load(module) }
        var seen: Set<String> = []
        for node in graph.nodes {
            if case .mlu = node.op { continue }
            for name in graph.floatParameters(of: node) where seen.insert(name).inserted {
                guard let old = graph.initializers[name] else { continue }
                if let tensor = try float(name, shape: old.shape) {
                    graph.initializers[name] = tensor
                } else {
                    report.missing.append(name)
                }
            }
        }
        report.unexpected = state.names.filter { !used.contains($0) && !$0.hasSuffix(".num_batches_tracked") }
    }

    // MARK: One module

    private mutating func load(_ module: MLUStateModule) throws(MLUConversionError) {
        guard let weight = graph.parameter(.weight, of: module) else { return }
        var tensors: [MLUInput: Tensor] = [:]
        for input in MLUInput.allCases.dropFirst() { tensors[input] = graph.parameter(input, of: module) }
        let channels = weight.shape[0]
        if let loaded = try float(module.name(.weight), shape: weight.shape) {
            tensors[.weight] = loaded
        } else {
            report.missing.append(module.name(.weight))
        }
        if let bias = try float(module.name(.bias), shape: [channels]) {
            tensors[.bias] = bias
        } else {
            tensors[.bias] = Tensor(zeros: [channels], elementType: .float32)
            if graph.parameter(.bias, of: module) != nil { report.warnings.append(.zeroBias(path: module.path)) }
        }
        if let symmetry = try integer(module.name(.useSymmetry)), symmetry != 1 {
            throw .unsuitableTensor(
                key: module.name(.useSymmetry), reason: "it is \(symmetry); only symmetric quantization (1) is there")
        }
        tensors[.useSymmetry] = Tensor(shape: [1], elements: [Int64(1)])
        try loadScales(of: module, channels: channels, into: &tensors)
        try loadNormalization(of: module, weight: weight, into: &tensors)
        graph.set(tensors, of: module)
    }

    private mutating func loadScales(
        of module: MLUStateModule, channels: Int, into tensors: inout [MLUInput: Tensor]
    ) throws(MLUConversionError) {
        let byChannel = try integer(module.name(.quantizedByChannel))
        if let byChannel, byChannel != 1 {
            throw .unsuitableTensor(key: module.name(.quantizedByChannel), reason: "it is \(byChannel), not 1")
        }
        let channelScales = try float(module.name(.scaleWeightPerChannel), shape: [channels])
        guard var mode = try integer(module.name(.quantizedMode)), var scales = try scales(module, channels: channels)
        else {
            for input in [MLUInput.scale, .quantizedMode] where state[module.name(input)] == nil {
                report.missing.append(module.name(input))
            }
            tensors[.scale] = nil
            tensors[.quantizedMode] = nil
            return
        }
        if byChannel != nil, scales.count == 2 {
            guard let channelScales else {
                report.missing.append(module.name(.scaleWeightPerChannel))
                return
            }
            scales = [scales[0], 0] + channelScales.elements(as: Float.self)
            if mode == 1 || mode == 2 { mode += 2 }
        }
        guard let (_, isPerChannel) = MLUDataType.type(ofMode: Int32(clamping: mode)) else {
            throw .unsuitableTensor(
                key: module.name(.quantizedMode),
                reason: "it is \(mode); 1 is int8, 2 int16, 3 int8 per channel, 4 int16 per channel")
        }
        guard scales.count == (isPerChannel ? 2 + channels : 2) else {
            throw .unsuitableTensor(
                key: module.name(.scale),
                reason: "it has \(scales.count) values, which does not fit mode \(mode) and \(channels) channels")
        }
        let used = isPerChannel ? [scales[0]] + scales[2...] : scales
        if let wrong = used.first(where: { !($0 > 0 && $0.isFinite) }) {
            throw .unsuitableTensor(
                key: module.name(.scale), reason: "a scale is \(wrong), not a finite number above 0")
        }
        tensors[.scale] = Tensor(shape: [scales.count], elements: scales)
        tensors[.quantizedMode] = Tensor(shape: [1], elements: [Int32(mode)])
        tensors[.quantizedByChannel] = nil
        tensors[.scaleWeightPerChannel] = nil
    }

    private mutating func scales(
        _ module: MLUStateModule, channels: Int
    ) throws(MLUConversionError) -> [Float]? {
        guard let tensor = state[module.name(.scale)] else { return nil }
        guard tensor.shape == [2] || tensor.shape == [2 + channels] else {
            throw .unsuitableTensor(
                key: module.name(.scale), reason: "its shape is \(tensor.shape), not [2] or [\(2 + channels)]")
        }
        return try float(module.name(.scale), shape: tensor.shape)?.elements(as: Float.self)
    }

    private mutating func loadNormalization(
        of module: MLUStateModule, weight: Tensor, into tensors: inout [MLUInput: Tensor]
    ) throws(MLUConversionError) {
        guard case .convolution(let attributes) = module.op else { return }
        let channels = weight.shape[1] * attributes.groups
        for input in [MLUInput.inputMean, .inputStd] {
            let name = module.name(input)
            guard let found = state[name] else {
                // What the graph already has stays only when the file has both.
                if tensors[input] != nil || state[module.name(input == .inputMean ? .inputStd : .inputMean)] != nil {
                    report.missing.append(name)
                }
                continue
            }
            guard weight.shape.rank == 4 else {
                throw .unsuitableTensor(key: name, reason: "only a two-dimensional convolution normalizes its input")
            }
            let tensor = try float(name, shape: found.shape.rank == 1 ? [channels] : [1, channels, 1, 1])
            tensors[input] = tensor?.reshaped(to: [1, channels, 1, 1])
        }
        if let std = tensors[.inputStd], std.elements(as: Float.self).contains(where: { !($0 > 0 && $0.isFinite) }) {
            throw .unsuitableTensor(
                key: module.name(.inputStd), reason: "a deviation is not a finite number above 0")
        }
    }

    // MARK: Tensors

    /// A floating-point entry of a shape as `float32`; `nil` when there is none.
    private mutating func float(_ name: String, shape: Shape) throws(MLUConversionError) -> Tensor? {
        guard let tensor = state[name] else { return nil }
        used.insert(name)
        guard tensor.shape == shape else {
            throw .unsuitableTensor(key: name, reason: "its shape is \(tensor.shape), the model's is \(shape)")
        }
        switch tensor.elementType {
        case .float32: return tensor
        case .float16: return Tensor(shape: shape, elements: tensor.elements(as: Float16.self).map { Float($0) })
        case .bfloat16: return Tensor(shape: shape, elements: tensor.elements(as: BFloat16.self).map { Float($0) })
        case .float64: return Tensor(shape: shape, elements: tensor.elements(as: Double.self).map { Float($0) })
        case .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64, .bool:
            throw .unsuitableTensor(key: name, reason: "it holds \(tensor.elementType), not floating-point numbers")
        }
    }

    /// The only element of an integer entry; `nil` when there is none.
    private mutating func integer(_ name: String) throws(MLUConversionError) -> Int64? {
        guard let tensor = state[name] else { return nil }
        used.insert(name)
        guard tensor.elementCount == 1 else {
            throw .unsuitableTensor(key: name, reason: "it has \(tensor.elementCount) elements, not 1")
        }
        switch tensor.elementType {
        case .int64: return tensor.elements(as: Int64.self)[0]
        case .int32: return Int64(tensor.elements(as: Int32.self)[0])
        default: throw .unsuitableTensor(key: name, reason: "it holds \(tensor.elementType), not int32 or int64")
        }
    }
}
