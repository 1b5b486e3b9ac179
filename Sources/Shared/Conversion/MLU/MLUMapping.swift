public import Graphs
public import Tensors

/// Which layers become modules of the simulated device, and by what conversion.
///
/// A mapping that is given replaces the default one: what it does not name stays in floating point.
public struct MLUMapping: Sendable {
    /// What an entry is for.
    public enum Key: Hashable, Sendable {
        /// Layers of PyTorch's own classes, and nodes whose class is unknown.
        case kind(MLUModuleKind)
        /// Layers of a class of this name, such as a user's own `IConv`.
        case className(String)
    }

    private var replacements: [Key: any MLUModuleReplacement]

    /// Makes a mapping.
    public init(_ replacements: [Key: any MLUModuleReplacement]) {
        self.replacements = replacements
    }

    /// Linear layers and convolutions of one, two and three dimensions.
    public static let standard = MLUMapping(
        Dictionary(uniqueKeysWithValues: MLUModuleKind.allCases.map { (.kind($0), MLUStandardReplacement()) }))

    /// Makes a mapping of names: those of kinds (`linear`, `conv1d`, `conv2d`, `conv3d`), others are classes.
    ///
    /// All are converted as the layer is that they extend.
    public init(names: some Sequence<String>) {
        replacements = [:]
        for name in names {
            replacements[MLUModuleKind(rawValue: name).map(Key.kind) ?? .className(name)] = MLUStandardReplacement()
        }
    }

    /// Every layer that can be converted, also those of a user's own classes: for loading a dictionary, whose scales say which
    /// layers were.
    public static func everything(in graph: Graph) -> MLUMapping {
        let classes = Set(graph.nodes.compactMap { $0.module?.className })
        return MLUMapping(names: MLUModuleKind.allCases.map(\.rawValue) + classes.sorted())
    }

    /// The replacement of a module: by its kind first, unless its class is a user's own, then by the name of its class.
    func replacement(of module: FloatModule) -> (any MLUModuleReplacement)? {
        if !module.isUserDefined, let found = replacements[.kind(module.kind)] { return found }
        return module.className.flatMap { replacements[.className($0)] }
    }
}

/// Turns a float layer into what takes its place in a model for the simulated device.
///
/// A custom layer supplies its own conversion by conforming a type and naming it in a mapping.
public protocol MLUModuleReplacement: Sendable {
    /// Converts a layer.
    ///
    /// - Parameters:
    ///   - module: The layer with its parameters.
    ///   - isGenerating: Whether the model is to be calibrated: it must then compute what the float layer computes.
    /// - Returns: What takes the layer's place.
    /// - Throws: `MLUConversionError.unsuitableModule` when the layer cannot be converted.
    func replace(_ module: FloatModule, isGenerating: Bool) throws(MLUConversionError) -> ReplacedModule
}

/// What takes a float layer's place: one node whose inputs are the layer's activation and parameters.
public struct ReplacedModule: Sendable {
    /// What the node computes; only `.mlu` nodes are calibrated.
    public var op: Operator
    /// The inputs after the activation; each is an initializer named by the module's path and this key; `nil` is absent.
    public var parameters: [StateDictionary.Entry?]

    /// Makes a replacement.
    public init(op: Operator, parameters: [StateDictionary.Entry?]) {
        self.op = op
        self.parameters = parameters
    }
}

/// The conversion of the guide: MLULinear for a linear layer, MLUConv1d/2d/3d for a convolution.
public struct MLUStandardReplacement: MLUModuleReplacement {
    /// Makes the conversion.
    public init() {}

    /// Takes over attributes, weight and bias, and the mean and deviation of `firstconv`.
    public func replace(
        _ module: FloatModule, isGenerating: Bool
    ) throws(MLUConversionError) -> ReplacedModule {
        var parameters: [StateDictionary.Entry?] = MLUInput.allCases.dropFirst().map { input in
            switch input {
            case .weight: StateDictionary.Entry(name: "weight", tensor: module.weight)
            case .bias: module.bias.map { StateDictionary.Entry(name: "bias", tensor: $0) }
            case .inputMean: module.inputMean.map { StateDictionary.Entry(name: "input_mean", tensor: $0) }
            case .inputStd: module.inputStd.map { StateDictionary.Entry(name: "input_std", tensor: $0) }
            case .data, .scale, .quantizedMode, .useSymmetry, .quantizedByChannel, .scaleWeightPerChannel: nil
            }
        }
        while let last = parameters.last, last == nil { parameters.removeLast() }
        return ReplacedModule(op: .mlu(module.op), parameters: parameters)
    }
}
