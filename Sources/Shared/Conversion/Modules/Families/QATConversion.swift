public import Graphs
public import Quantization
import Tensors

/// Makes the modules of another family of float or QAT modules: the entries of a mapping by module name replace the standard
/// conversion.
public struct ModuleMapping: Sendable {
    /// Turns a float module's operator into the QAT one, given the recipes that are meant for it.
    public typealias ToQAT = @Sendable (ModuleOperator, QConfig) throws(ModuleError) -> ModuleOperator
    /// Chooses what becomes of a QAT module's integers.
    public typealias ToQuantized = @Sendable (ModuleOperator, QuantizedSettings) throws(ModuleError) -> ModuleOperator

    /// By module name, such as `Conv2d`.
    public var toQAT: [String: ToQAT]
    /// By module name.
    public var toQuantized: [String: ToQuantized]

    /// Makes a mapping.
    public init(toQAT: [String: ToQAT] = [:], toQuantized: [String: ToQuantized] = [:]) {
        self.toQAT = toQAT
        self.toQuantized = toQuantized
    }

    /// Every module becomes the one of the same name.
    public static let standard = ModuleMapping()
}

extension Graph {
    /// Converts float modules to QAT modules at the same paths: with observers and fake quantizers, all of them enabled.
    ///
    /// Modules whose quantization is disabled, those that are converted already and a layer that is the whole model stay as they
    /// are. Float parameters keep their names and values; what observers and fake quantizers know is added below the module's path.
    ///
    /// - Parameters:
    ///   - qconfig: The recipes of all modules; the parts that a module has no use for are left out.
    ///   - overrides: Recipes of modules whose path, or whose name such as `Linear`, matches; the first match counts.
    ///   - mapping: Conversions of one's own.
    /// - Throws: `ModuleError`; the graph is then as it was.
    public mutating func quantizeQAT(
        _ qconfig: QConfig = .emaFakequant, overrides: [QConfigOverride] = [], mapping: ModuleMapping = .standard
    ) throws(ModuleError) {
        try check(overrides)
        try rewriteModules { (node, module, graph) throws(ModuleError) in
            // A layer that is the whole model has no place in a parent where another could stand.
            guard case .float = module.family, !module.disablesQuantization, !node.modulePath.isEmpty else {
                return nil
            }
            let chosen = overrides.first { $0.matches(node, module) }?.qconfig ?? qconfig
            let useful = chosen.limited(to: module.kind)
            var converted = ModuleOperator(module.kind, family: .qat(QATSettings(useful)))
            if let custom = mapping.toQAT[module.kind.name] { converted = try custom(module, useful) }
            return graph.replacing(node, by: converted)
        }
    }

    /// A recipe for modules that do not exist would do nothing without a word.
    private func check(_ overrides: [QConfigOverride]) throws(ModuleError) {
        for override in overrides {
            let isUsed = nodes.contains { node in
                guard case .module(let module) = node.op else { return false }
                return override.matches(node, module)
            }
            if !isUsed { throw .unmatchedPattern(override.pattern, available: modulePaths) }
        }
    }

    /// Gives QAT modules other recipes: observers and fake quantizers are new.
    ///
    /// The scale and zero point that a module has so far are handed over to what can take them: passive observers, TQT and LSQ.
    ///
    /// - Parameters:
    ///   - qconfig: The recipes of all modules.
    ///   - overrides: Recipes of modules whose path or name matches; the first match counts.
    /// - Throws: `ModuleError`; the graph is then as it was.
    public mutating func resetQConfig(
        _ qconfig: QConfig, overrides: [QConfigOverride] = []
    ) throws(ModuleError) {
        try check(overrides)
        try rewriteModules { (node, module, graph) throws(ModuleError) in
            guard case .qat = module.family else { return nil }
            let chosen = overrides.first { $0.matches(node, module) }?.qconfig ?? qconfig
            let useful = chosen.limited(to: module.kind)
            let known = try ModulePart.allCases.map { part throws(ModuleError) in
                try graph.quantParameters(of: node, part)
            }
            let result = graph.replacing(node, by: ModuleOperator(module.kind, family: .qat(QATSettings(useful))))
            for (part, parameters) in zip(ModulePart.allCases, known) {
                guard let parameters else { continue }
                try graph.handOver(parameters, to: result, part)
            }
            return result
        }
    }

    /// The same recipes for QAT modules that already are: what observers know is lost, nothing is handed over.
    public mutating func propagateQConfig(_ qconfig: QConfig) throws(ModuleError) {
        try rewriteModules { (node, module, graph) throws(ModuleError) in
            guard case .qat = module.family else { return nil }
            return graph.replacing(
                node, by: ModuleOperator(module.kind, family: .qat(QATSettings(qconfig.limited(to: module.kind)))))
        }
    }

    /// Rewrites modules one by one; what `change` gives `nil` for stays.
    mutating func rewriteModules(
        _ change: (Node, ModuleOperator, inout Graph) throws(ModuleError) -> Node?
    ) throws(ModuleError) {
        var graph = self
        for position in graph.nodes.indices {
            let node = graph.nodes[position]
            guard case .module(let module) = node.op, let changed = try change(node, module, &graph) else { continue }
            graph.nodes[position] = changed
        }
        graph.removeUnreadInitializers()
        self = graph
    }

    /// The node with another operator of the same kind: float parameters stay, the state of recipes is new.
    fileprivate mutating func replacing(_ node: Node, by module: ModuleOperator) -> Node {
        var inputs = Array(node.inputs.prefix(module.kind.dataCount))
        var fresh: [String: Tensor] = [:]
        if case .qat(let settings) = module.family { fresh = settings.qconfig.initialState }
        for parameter in module.parameters {
            if let tensor = fresh[parameter.key] {
                let name = "\(node.modulePath).\(parameter.key)"
                initializers[name] = tensor
                inputs.append(name)
            } else {
                inputs.append(node.parameter(parameter.key) ?? "")
            }
        }
        var result = node
        result.op = .module(module)
        result.inputs = inputs
        return result
    }

    /// Writes a scale into what can take it.
    private mutating func handOver(
        _ parameters: QParams, to node: Node, _ part: ModulePart
    ) throws(ModuleError) {
        guard case .module(let module) = node.op, case .qat(let settings) = module.family else { return }
        let (observer, fakeQuant) = settings.qconfig[part]
        do throws(ObserverError) {
            if let observer, observer.algorithm == .passive {
                var state = ObserverState(observer)
                try state.setQuantParameters(parameters)
                write(state.tensors, observer.stateKeys.map { "\(part.rawValue)_observer.\($0)" }, node)
            }
            if let fakeQuant, fakeQuant.algorithm != .fakeQuantize {
                var state = FakeQuantState(fakeQuant)
                try state.setQuantParameters(parameters)
                write(state.tensors, fakeQuant.stateKeys.map { "\(part.rawValue)_fake_quant.\($0)" }, node)
            }
        } catch {
            throw .quantization(path: node.modulePath, reason: error.description)
        }
    }

    private mutating func write(_ tensors: [Tensor], _ keys: [String], _ node: Node) {
        for (key, tensor) in zip(keys, tensors) {
            if let name = node.parameter(key) { initializers[name] = tensor }
        }
    }
}

/// Recipes of some modules.
public struct QConfigOverride: Sendable {
    /// A path, in which `*` and `?` stand for other characters, or a module name such as `Linear`.
    public var pattern: String
    /// Their recipes.
    public var qconfig: QConfig

    /// Makes an override.
    public init(_ pattern: String, _ qconfig: QConfig) {
        self.pattern = pattern
        self.qconfig = qconfig
    }

    fileprivate func matches(_ node: Node, _ module: ModuleOperator) -> Bool {
        pattern == module.kind.name || NodeNamePattern(pattern).matches(node.modulePath)
    }
}

extension QConfig {
    /// The parts that a module of this kind has a use for.
    func limited(to kind: ModuleKind) -> QConfig {
        QConfig(
            weightObserver: kind.hasWeight ? weightObserver : nil, actObserver: kind.hasActivation ? actObserver : nil,
            weightFakeQuant: kind.hasWeight ? weightFakeQuant : nil,
            actFakeQuant: kind.hasActivation ? actFakeQuant : nil)
    }

    /// The tensors of fresh observers and fake quantizers, by key.
    fileprivate var initialState: [String: Tensor] {
        var result: [String: Tensor] = [:]
        for part in ModulePart.allCases {
            let (observer, fakeQuant) = self[part]
            if let observer {
                for (key, tensor) in zip(observer.stateKeys, ObserverState(observer).tensors) {
                    result["\(part.rawValue)_observer.\(key)"] = tensor
                }
            }
            if let fakeQuant {
                for (key, tensor) in zip(fakeQuant.stateKeys, FakeQuantState(fakeQuant).tensors) {
                    result["\(part.rawValue)_fake_quant.\(key)"] = tensor
                }
            }
        }
        return result
    }

    /// Observer and fake quantizer of one part.
    public subscript(part: ModulePart) -> (observer: ObserverSpecification?, fakeQuant: FakeQuantSpecification?) {
        switch part {
        case .weight: (weightObserver, weightFakeQuant)
        case .activation: (actObserver, actFakeQuant)
        }
    }
}

/// What of a module is observed and rounded.
public enum ModulePart: String, Sendable, Hashable, CaseIterable {
    case weight
    case activation = "act"
}
