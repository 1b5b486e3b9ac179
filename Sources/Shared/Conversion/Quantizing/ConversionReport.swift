public import Graphs
public import Quantization

/// What the converter did, for the manifest and the report.
public struct ConversionReport: Sendable {
    /// A quantized value between nodes.
    public struct Activation: Sendable, Hashable {
        /// Name in the float graph.
        public var name: String
        /// Where the parameters come from.
        public var source: ParameterSource
        /// The parameters.
        public var parameters: QuantizationParameters
        /// Pattern of the recipe for some nodes that decided; `nil` for the options' own.
        public var recipe: String?
    }

    /// A quantized constant or bias.
    public struct Constant: Sendable, Hashable {
        /// Name of the initializer in the float graph.
        public var initializer: String
        /// Name of the initializer that holds the integers.
        public var quantizedName: String
        /// Name of the first node that reads it.
        public var node: String
        /// The parameters.
        public var parameters: QuantizationParameters
        /// Power of the float constant over power of what quantization changed in it, in decibels.
        ///
        /// Infinite when nothing changed, `nil` when the constant is all zero.
        public var signalToQuantizationNoise: Double?
    }

    /// What was simplified before quantization.
    public var rewrites: [Rewrite]
    /// One decision for each node of the prepared graph, in node order.
    public var decisions: [NodeDecision]
    /// The quantized values, in the plan's order.
    public var activations: [Activation]
    /// The quantized constants, in the plan's order.
    public var constants: [Constant]
    /// The quantized biases, in the plan's order.
    public var biases: [Constant]
    /// What a user should know.
    public var warnings: [ConversionWarning]
}

/// A quantized graph and how it came about.
public struct ConvertedModel: Sendable {
    /// The graph, with QuantizeLinear and DequantizeLinear nodes.
    public var graph: Graph
    /// What was done.
    public var report: ConversionReport
}
