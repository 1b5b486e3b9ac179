import Graphs
import Quantization
import Tensors

/// One conversion of a graph for the simulated device.
struct MLUConverter {
    struct Options {
        let specification: MLUQuantizationSpecification
        let dataType: MLUDataType
        let mapping: MLUMapping
        let isGenerating: Bool
        /// Types by path that differ from `dataType`.
        let mixed: [String: MLUDataType]
        /// Names of nodes that stay in floating point.
        let excluded: Set<String>
    }

    private let source: Graph
    private let options: Options
    private var warnings: [MLUWarning] = []
    private var modules: [(module: FloatModule, replacement: any MLUModuleReplacement)] = []

    init(_ graph: Graph, options: Options) throws(MLUConversionError) {
        source = graph.inInferenceForm()
        self.options = options
    }

    mutating func convert() throws(MLUConversionError) -> MLUConversion {
        try findModules()
        try nameModules()
        for path in options.mixed.keys.sorted() where !modules.contains(where: { $0.module.path == path }) {
            throw .unknownModule(path: path, available: modules.map(\.module.path))
        }
        if options.isGenerating { try chooseFirstConvolution() }
        return try written()
    }

    // MARK: Finding

    private mutating func findModules() throws(MLUConversionError) {
        var finder = try FloatModuleFinder(source)
        let candidates = finder.candidates()
        warnings += finder.warnings
        var positions: [FloatModuleCandidate.Identity: Int] = [:]
        for candidate in candidates {
            let node = source.nodes[candidate.call.node]
            if options.excluded.contains(node.name) { continue }
            let wanted = ModulePath.wanted(
                node: node, weight: candidate.weightName, bias: candidate.biasName)
            if let known = positions[candidate.identity(path: wanted)] {
                modules[known].module.calls.append(candidate.call)
                continue
            }
            let module = FloatModule(
                path: wanted, kind: candidate.kind, className: candidate.origin?.className,
                isUserDefined: candidate.isUserDefined, op: candidate.op, weight: candidate.weight,
                bias: candidate.bias, calls: [candidate.call])
            guard let replacement = options.mapping.replacement(of: module) else {
                if module.isUserDefined {
                    warnings.append(
                        .moduleStaysFloat(
                            node: node.name, className: module.className,
                            reason: "custom classes are converted only when a mapping names them"))
                }
                continue
            }
            positions[candidate.identity(path: wanted)] = modules.count
            modules.append((module, replacement))
        }
        noteSharedParameters(candidates)
    }

    private mutating func noteSharedParameters(_ candidates: [FloatModuleCandidate]) {
        var paths: [String: [String]] = [:]
        var names: [String] = []
        let byNode = Dictionary(uniqueKeysWithValues: candidates.map { ($0.call.node, $0.weightName) })
        for (module, _) in modules {
            guard let name = byNode[module.calls[0].node] else { continue }
            if paths[name] == nil { names.append(name) }
            paths[name, default: []].append(module.path)
        }
        for name in names {
            guard let sharing = paths[name], sharing.count > 1 else { continue }
            warnings.append(.sharedParameter(name: name, paths: sharing))
        }
    }

    // MARK: Naming

    private mutating func nameModules() throws(MLUConversionError) {
        var paths = UniquePaths(values: stayingValues(), constants: source.initializers)
        for index in modules.indices {
            let (module, replacement) = modules[index]
            let parameters = try replacement.replace(module, isGenerating: options.isGenerating).parameters
            let path = paths.take(module.path, parameters: parameters.compactMap { $0 })
            if path != module.path {
                warnings.append(
                    .renamedModule(
                        node: source.nodes[module.calls[0].node].name, path: path, wanted: module.path))
            }
            modules[index].module.path = path
        }
    }

    /// Names of the values that the converted graph has beside the modules' parameters.
    private func stayingValues() -> Set<String> {
        let converted = Set(
            modules.flatMap { $0.module.calls.flatMap { [$0.node] + ($0.addition.map { [$0] } ?? []) } })
        var names = Set(source.inputs.map(\.name)).union(source.outputs.map(\.name))
        for (position, node) in source.nodes.enumerated() where !converted.contains(position) {
            names.formUnion(node.inputs)
            names.formUnion(node.outputs)
        }
        for call in modules.flatMap(\.module.calls) { names.formUnion([call.data, call.output]) }
        return names
    }

    // MARK: The first convolution

    private mutating func chooseFirstConvolution() throws(MLUConversionError) {
        let specification = options.specification
        guard specification.firstConvolution, let mean = specification.mean, let std = specification.std else {
            for (key, values) in [("mean", specification.mean), ("std", specification.std)] where values != nil {
                warnings.append(.unusedOption(key: key, reason: "firstconv is not set"))
            }
            return
        }
        // The guide's software takes the convolution that was registered first; a graph has them in node order.
        guard let index = modules.firstIndex(where: { $0.module.kind == .conv2d }) else {
            warnings.append(.noFirstConvolution)
            return
        }
        let module = modules[index].module
        let channels = module.inputChannels
        guard [1, 3, 4].contains(channels) else {
            throw .unsuitableModule(
                path: module.path, reason: "firstconv takes data of 1, 3 or 4 channels, and it has \(channels)")
        }
        guard mean.count == channels else {
            throw .unsuitableModule(
                path: module.path,
                reason: "it has \(channels) input channel(s), but mean and std have \(mean.count) value(s)")
        }
        func tensor(_ values: [Double]) -> Tensor {
            Tensor(shape: [1, channels, 1, 1], elements: values.map { Float($0 * 255) })
        }
        modules[index].module.inputMean = tensor(mean)
        modules[index].module.inputStd = tensor(std)
    }

    // MARK: Writing

    private func written() throws(MLUConversionError) -> MLUConversion {
        var graph = source
        var calibrated = source
        var calibrationNames = NameSource(source)
        var replaced: [Int: Node] = [:]
        var removed: Set<Int> = []
        // Only what a custom conversion replaced: standard modules compute what their float nodes compute.
        var replacedForCalibration: [Int: Node] = [:]
        var removedForCalibration: Set<Int> = []
        var described: [MLUModule] = []
        for (module, replacement) in modules {
            let result = try replacement.replace(module, isGenerating: options.isGenerating)
            let isStandard = replacement is MLUStandardReplacement
            let names = result.parameters.map { $0.map { "\(module.path).\($0.name)" } ?? "" }
            var namesForCalibration = names
            for (index, parameter) in result.parameters.enumerated() {
                guard let parameter else { continue }
                graph.initializers[names[index]] = parameter.tensor
                guard !isStandard else { continue }
                // The float nodes of other modules may read a constant of this name, which must stay what it is.
                let name = calibrationNames.unused(names[index])
                namesForCalibration[index] = name
                calibrated.initializers[name] = parameter.tensor
            }
            for call in module.calls {
                var node = source.nodes[call.node]
                node.op = result.op
                node.outputs = [call.output]
                node.inputs = [call.data] + names
                replaced[call.node] = node
                if let addition = call.addition { removed.insert(addition) }
                if isStandard { continue }
                node.inputs = [call.data] + namesForCalibration
                replacedForCalibration[call.node] = node
                if let addition = call.addition { removedForCalibration.insert(addition) }
            }
            guard case .mlu = result.op else { continue }
            described.append(try description(of: module))
        }
        graph.nodes = source.nodes.indices.filter { !removed.contains($0) }.map { replaced[$0] ?? source.nodes[$0] }
        calibrated.nodes = source.nodes.indices.filter { !removedForCalibration.contains($0) }
            .map { replacedForCalibration[$0] ?? source.nodes[$0] }
        graph.removeUnreadInitializers()
        calibrated.removeUnreadInitializers()
        return MLUConversion(
            graph: graph, calibrationGraph: calibrated, modules: described, specification: options.specification,
            isGenerating: options.isGenerating, warnings: warnings)
    }

    private func description(of module: FloatModule) throws(MLUConversionError) -> MLUModule {
        if options.specification.isPerChannel, module.kind == .conv3d {
            throw .unsuitableModule(
                path: module.path,
                reason:
                    "a three-dimensional convolution has no scales per channel; leave per_channel out, or leave conv3d "
                    + "out of the mapping")
        }
        return MLUModule(
            path: module.path, kind: module.kind, dataType: options.mixed[module.path] ?? options.dataType,
            isPerChannel: options.specification.isPerChannel,
            calls: module.calls.map { MLUModule.Call(node: source.nodes[$0.node].name, data: $0.data) })
    }
}

extension Graph {
    /// Normalizations normalize with their own statistics, as `eval()` has it.
    fileprivate func inInferenceForm() -> Graph {
        var result = self
        for index in nodes.indices {
            guard case .batchNormalization(var attributes) = nodes[index].op, attributes.trainingMode,
                nodes[index].outputs.dropFirst().allSatisfy(\.isEmpty)
            else { continue }
            attributes.trainingMode = false
            result.nodes[index].op = .batchNormalization(attributes)
            result.nodes[index].outputs = [nodes[index].outputs[0]]
        }
        return result
    }

    /// Drops constants that neither a node nor an output reads.
    mutating func removeUnreadInitializers() {
        let read = Set(nodes.flatMap(\.inputs)).union(outputs.map(\.name))
        initializers = initializers.filter { read.contains($0.key) }
    }
}
