public import Graphs
public import Quantization
public import Tensors

/// A module of the simulated device within a graph: all nodes that read the same parameters.
struct MLUStateModule {
    /// The path.
    let path: String
    /// What the nodes compute.
    let op: MLUOperator
    /// The nodes' positions.
    var positions: [Int]

    /// The name of a parameter.
    func name(_ input: MLUInput) -> String { "\(path).\(input.stateKey ?? "")" }
}

extension Graph {
    /// The modules in node order of their first call.
    var mluStateModules: [MLUStateModule] {
        var modules: [MLUStateModule] = []
        var known: [String: Int] = [:]
        for (position, node) in nodes.enumerated() {
            guard case .mlu(let op) = node.op, let weight = node.input(.weight) else { continue }
            if let module = known[weight] {
                modules[module].positions.append(position)
                continue
            }
            known[weight] = modules.count
            let path = weight.hasSuffix(".weight") ? String(weight.dropLast(".weight".count)) : weight
            modules.append(MLUStateModule(path: path, op: op, positions: [position]))
        }
        return modules
    }

    /// A parameter of a module; `nil` when it is absent.
    func parameter(_ input: MLUInput, of module: MLUStateModule) -> Tensor? {
        nodes[module.positions[0]].input(input).flatMap { initializers[$0] }
    }

    /// The model's parameters: those of its modules in the form that files have, and those of all other layers.
    ///
    /// The order is that of the nodes; the keys of a module come in the order of the guide's software. A module that has
    /// no scales yet has weight and bias only. Loading a dictionary and taking it again gives the same one, with a zero
    /// bias where there was none.
    public func mluStateDictionary() -> StateDictionary {
        var result = StateDictionary()
        let modules = mluStateModules
        var moduleAt: [Int: Int] = [:]
        for (index, module) in modules.enumerated() {
            for position in module.positions { moduleAt[position] = index }
        }
        for (position, node) in nodes.enumerated() {
            if let index = moduleAt[position] {
                guard modules[index].positions[0] == position else { continue }
                for entry in state(of: modules[index]) { result[entry.name] = entry.tensor }
            } else {
                for name in floatParameters(of: node) {
                    guard let tensor = initializers[name], result[name] == nil else { continue }
                    result[name] = tensor
                }
            }
        }
        return result
    }

    /// The entries of one module.
    private func state(of module: MLUStateModule) -> [StateDictionary.Entry] {
        var tensors: [MLUInput: Tensor] = [:]
        for input in MLUInput.allCases.dropFirst() { tensors[input] = parameter(input, of: module) }
        if let scale = tensors[.scale], let mode = tensors[.quantizedMode]?.elements(as: Int32.self).first,
            let (type, isPerChannel) = MLUDataType.type(ofMode: mode), isPerChannel
        {
            // In a file the scales per channel are a tensor of their own.
            let scales = scale.elements(as: Float.self)
            tensors[.scale] = Tensor(shape: [2], elements: [scales[0], 0])
            tensors[.scaleWeightPerChannel] = Tensor(shape: [scales.count - 2], elements: Array(scales.dropFirst(2)))
            tensors[.quantizedByChannel] = Tensor(shape: [1], elements: [Int64(1)])
            tensors[.quantizedMode] = Tensor(shape: [1], elements: [type.fileMode])
        }
        let order: [MLUInput] =
            switch module.op {
            case .convolution:
                [
                    .weight, .bias, .useSymmetry, .inputMean, .inputStd, .quantizedByChannel, .scaleWeightPerChannel,
                    .scale, .quantizedMode,
                ]
            case .linear:
                [
                    .weight, .bias, .useSymmetry, .quantizedMode, .quantizedByChannel, .scaleWeightPerChannel, .scale,
                ]
            }
        return order.compactMap { input in
            tensors[input].map { StateDictionary.Entry(name: module.name(input), tensor: $0) }
        }
    }

    /// Names of the initializers that are parameters of a layer that stays in floating point.
    func floatParameters(of node: Node) -> [String] {
        let isLayer: Bool
        switch node.op {
        case .convolution, .transposedConvolution, .matMul, .gemm, .batchNormalization, .layerNormalization, .lstm,
            .gru, .rnn, .gather, .binary:
            isLayer = true
        default:
            isLayer = false
        }
        guard isLayer else { return [] }
        return node.inputs.filter { name in
            guard let tensor = initializers[name] else { return false }
            return tensor.elementType == .float32 && tensor.shape.rank > 0
        }
    }

    /// Gives a module parameters.
    mutating func set(_ tensors: [MLUInput: Tensor], of module: MLUStateModule) {
        var inputs = Array(repeating: "", count: MLUInput.allCases.count)
        inputs[MLUInput.weight.rawValue] = nodes[module.positions[0]].inputs[MLUInput.weight.rawValue]
        for input in MLUInput.allCases.dropFirst() {
            guard let tensor = tensors[input] else { continue }
            let name = input == .weight ? inputs[input.rawValue] : module.name(input)
            inputs[input.rawValue] = name
            initializers[name] = tensor
        }
        while inputs.last == "" { inputs.removeLast() }
        for position in module.positions {
            nodes[position].inputs = [nodes[position].inputs[0]] + inputs.dropFirst()
        }
    }
}

extension MLUConversion {
    /// The graph with the scales that calibration found.
    ///
    /// - Parameter inputScales: The scale of each module's input, by path; a module without one was never calibrated.
    /// - Returns: The graph in the form that a run model has after loading, and a warning for each odd scale.
    public func calibrated(inputScales: [String: MLUScale]) -> (graph: Graph, warnings: [MLUWarning]) {
        var result = graph
        var found: [MLUWarning] = []
        let described = Dictionary(uniqueKeysWithValues: modules.map { ($0.path, $0) })
        for module in graph.mluStateModules {
            guard let description = described[module.path], let weight = graph.parameter(.weight, of: module) else {
                continue
            }
            let input = inputScales[module.path] ?? MLUScale(value: 1, warning: .neverCalibrated)
            let weights = MLUScale.weight(
                weight, type: description.dataType, isPerChannel: description.isPerChannel)
            if let warning = input.warning {
                found.append(.scale(path: module.path, parameter: "input", reason: warning))
            }
            for warning in Set(weights.compactMap(\.warning)).sorted(by: { "\($0)" < "\($1)" }) {
                found.append(.scale(path: module.path, parameter: "weight", reason: warning))
            }
            let scales = [input.value] + (description.isPerChannel ? [0] : []) + weights.map(\.value)
            var tensors: [MLUInput: Tensor] = [:]
            for kept in [MLUInput.weight, .bias, .inputMean, .inputStd] {
                tensors[kept] = graph.parameter(kept, of: module)
            }
            tensors[.scale] = Tensor(shape: [scales.count], elements: scales)
            tensors[.quantizedMode] = Tensor(
                shape: [1], elements: [description.dataType.mode(isPerChannel: description.isPerChannel)])
            tensors[.useSymmetry] = Tensor(shape: [1], elements: [Int64(1)])
            result.set(tensors, of: module)
        }
        return (result, found)
    }

    /// The quantized state dictionary that a calibration gives.
    ///
    /// - Parameter observers: What was observed at each module's input, by path.
    /// - Returns: The dictionary with the guide's keys and all other parameters, and warnings.
    public func stateDictionary(
        observers: [String: MLURangeObserver]
    ) -> (state: StateDictionary, warnings: [MLUWarning]) {
        var scales: [String: MLUScale] = [:]
        var warnings: [MLUWarning] = []
        for module in modules {
            guard let observer = observers[module.path] else { continue }
            scales[module.path] = observer.scale(for: module.dataType)
            if observer.ignoredCallCount > 0 {
                warnings.append(
                    .ignoredCalls(
                        path: module.path, recorded: observer.callCount, ignored: observer.ignoredCallCount))
            }
        }
        let calibrated = calibrated(inputScales: scales)
        return (calibrated.graph.mluStateDictionary(), warnings + calibrated.warnings)
    }

    /// What a distributed calibration observed at each module's input, by path.
    ///
    /// Each batch is one call; the calls of a module that the graph uses several times follow each other in node order
    /// within a batch, as they do when the model runs.
    ///
    /// - Parameter statistics: Statistics of `observedTensors` with their ranges by batch.
    /// - Returns: What was observed at the input of each module, by path.
    /// - Throws: `MLUConversionError.missingStatistics`.
    public func observers(
        from statistics: [String: TensorStatistics]
    ) throws(MLUConversionError) -> [String: MLURangeObserver] {
        var result: [String: MLURangeObserver] = [:]
        for module in modules {
            var observer = specification.observer
            var sources: [TensorStatistics] = []
            for call in module.calls {
                guard let found = statistics[call.data] else {
                    throw .missingStatistics(tensor: call.data, path: module.path)
                }
                sources.append(found)
            }
            let batches = sources.map(\.batches.count).max() ?? 0
            for batch in 0..<batches {
                for source in sources where source.batches.indices.contains(batch) {
                    observer.record(CallRange(source.batches[batch].range))
                }
            }
            // Statistics count what is not finite for all batches together.
            for source in sources { observer.note(notFinite: CallRange(notFinite: source.counts)) }
            result[module.path] = observer
        }
        return result
    }
}

extension CallRange {
    fileprivate init(_ range: TensorRange?) {
        self = range.map { CallRange(minimum: $0.minimum, maximum: $0.maximum) } ?? CallRange()
    }

    /// The infinities and NaN of a tensor.
    fileprivate init(notFinite counts: ElementCounts) {
        self.init()
        if counts.negativeInfinities > 0 { include(CallRange(minimum: -.infinity, maximum: -.infinity)) }
        if counts.positiveInfinities > 0 { include(CallRange(minimum: .infinity, maximum: .infinity)) }
        if counts.nans > 0 { include(.notANumber) }
    }
}
