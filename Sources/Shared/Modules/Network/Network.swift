public import Conversion
public import Graphs
public import Quantization

/// A model with modules that is trained, calibrated, converted and run: a graph, and whether it is in training.
///
/// ```swift
/// var net = Network(ResNet18(), shape: [3, 224, 224])
/// try net.quantizeQAT(.emaFakequant)
/// // train, or: net.eval(); net.enableObserver(); try net.run(["data": batch])
/// try net.quantize()
/// ```
public struct Network: Sendable {
    /// The model.
    public var graph: Graph
    /// Whether normalizations take the statistics of the batch and follow them.
    ///
    /// Fresh networks and those that were just converted are.
    public private(set) var isTraining = true

    /// Takes a graph.
    public init(_ graph: Graph) {
        self.graph = graph
    }

    /// Traces a model.
    public init(
        _ model: some Module, shape: [Int], input: String = "data", output: String = "output",
        initialization: ParameterInitialization = ParameterInitialization()
    ) {
        self.init(
            Graph(tracing: model, input: input, shape: shape, output: output, initialization: initialization))
    }

    // MARK: Modes

    /// Begins training: every observer follows its tensors.
    ///
    /// Fake quantizers stay as they are.
    public mutating func train() {
        isTraining = true
        graph.enableObserver()
    }

    /// Ends training: every observer rests.
    ///
    /// Fake quantizers stay as they are.
    public mutating func eval() {
        isTraining = false
        graph.disableObserver()
    }

    /// Lets observers follow their tensors, at a path or everywhere.
    public mutating func enableObserver(under path: String = "") { graph.enableObserver(under: path) }
    /// Lets observers rest.
    public mutating func disableObserver(under path: String = "") { graph.disableObserver(under: path) }
    /// Lets fake quantizers round.
    public mutating func enableFakeQuant(under path: String = "") { graph.enableFakeQuant(under: path) }
    /// Lets fake quantizers pass values on.
    public mutating func disableFakeQuant(under path: String = "") { graph.disableFakeQuant(under: path) }
    /// Keeps modules in floating point.
    public mutating func disableQuantize(_ path: String, _ value: Bool = true) throws(ModuleError) {
        try graph.disableQuantize(path, value)
    }

    // MARK: Conversions

    /// Converts float modules to QAT modules; the network is in training then.
    public mutating func quantizeQAT(
        _ qconfig: QConfig = .emaFakequant, overrides: [QConfigOverride] = [], mapping: ModuleMapping = .standard
    ) throws(ModuleError) {
        try graph.quantizeQAT(qconfig, overrides: overrides, mapping: mapping)
        isTraining = true
    }

    /// Converts QAT modules to quantized modules.
    ///
    /// It is in training then, as every fresh network: call `eval` before it runs.
    public mutating func quantize(mapping: ModuleMapping = .standard) throws(ModuleError) {
        try graph.quantize(mapping: mapping)
        isTraining = true
    }

    /// Gives QAT modules other recipes; scales are handed over to what can take them.
    public mutating func resetQConfig(
        _ qconfig: QConfig, overrides: [QConfigOverride] = []
    ) throws(ModuleError) {
        try graph.resetQConfig(qconfig, overrides: overrides)
    }

    /// Gives QAT modules other recipes; nothing is handed over.
    public mutating func propagateQConfig(_ qconfig: QConfig) throws(ModuleError) {
        try graph.propagateQConfig(qconfig)
    }
}
