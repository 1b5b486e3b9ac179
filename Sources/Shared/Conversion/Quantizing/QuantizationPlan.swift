public import Graphs
public import Quantization

/// Where the parameters of a quantized value come from.
public enum ParameterSource: Sendable, Hashable {
    /// From the values that the tensor of this name takes during calibration.
    case observed(String)
    /// From a range that the operator guarantees.
    case fixed(TensorRange)
    /// They are those of another quantized value, which a pass-through operator reads.
    case shared(with: String)
}

/// A value between nodes that is quantized.
public struct QuantizedActivation: Sendable, Hashable {
    /// Name of the value in the float graph.
    public var name: String
    /// Where its parameters come from.
    public var source: ParameterSource
    /// The integers that it is to become; those of the provider when its parameters are shared.
    public var scheme: QuantizationScheme
    /// The recipe of some nodes that decides; `nil` for the options' own.
    public var recipe: NodeRecipe?
}

/// A `float32` initializer that is stored as integers.
public struct QuantizedConstant: Sendable, Hashable {
    /// What the constant is for, which decides its scheme.
    public enum Role: Sendable, Hashable {
        /// A weight: the options' weight scheme.
        case weight
        /// An operand of an elementwise operator, or a table: the options' activation scheme.
        case operand
    }

    /// Name of the initializer in the float graph.
    public var initializer: String
    /// Name that the quantized values are derived from: the initializer's, unless two forms of it are needed.
    public var name: String
    /// What it is for.
    public var role: Role
    /// Axis of the channels, or `nil` for one scale.
    public var axis: Int?
    /// The integers that it becomes.
    public var scheme: QuantizationScheme
    /// Name of the first node that reads it.
    public var node: String
    /// Where it is read.
    var places: [NodeInput]
}

/// A bias that is stored as `int32`; its scale is that of the product it is added to.
public struct QuantizedBias: Sendable, Hashable {
    /// Name of the initializer in the float graph.
    public var initializer: String
    /// Name of the dequantized bias: the initializer's, unless other nodes read that.
    public var name: String
    /// Name of the node that adds it.
    public var node: String
    /// Name of the quantized value or constant that the weight is multiplied with.
    public var input: String
    /// Name of the quantized constant or value that is the weight.
    public var weight: String
    /// Number of output channels when the weight has one scale for each, else `nil`.
    public var channelCount: Int?
    /// Where it is read.
    var place: NodeInput
}

/// A `Relu` or `Clip` whose work the quantized range of its output does.
public struct AbsorbedActivation: Sendable, Hashable {
    /// Name of the node.
    public var node: String
    /// The value it reads; its producer writes `output` instead.
    public var input: String
    /// The value it writes.
    public var output: String
    /// The bounds that the quantized range has to respect; infinite where there is none.
    public var bounds: ClosedRange<Float>
}

/// Which values of a graph become integers, decided before any data is seen.
///
/// The rules are those of ONNX Runtime's QDQ quantizer; `docs/quantization.md` lists where and why they differ. The same
/// graph and options give the same plan, in the same order.
public struct QuantizationPlan: Sendable {
    /// The prepared float graph: what is run to calibrate, and what `quantize` rewrites.
    public let graph: Graph
    /// What was simplified to get that graph.
    public let rewrites: [Rewrite]
    /// The options the plan was made with.
    public let options: QuantizationOptions
    /// Quantized values between nodes, in the order in which nodes first need them.
    public let activations: [QuantizedActivation]
    /// Quantized weights and other constants, in the order in which nodes first need them.
    public let constants: [QuantizedConstant]
    /// Quantized biases, in node order.
    public let biases: [QuantizedBias]
    /// Activation functions that disappear, in node order.
    public let absorbedActivations: [AbsorbedActivation]
    /// One decision for each node, in node order.
    public let decisions: [NodeDecision]
    /// What a user should know, in node order.
    public let warnings: [ConversionWarning]

    /// Plans the quantization of a prepared graph.
    ///
    /// - Throws: `ConversionError` when an option cannot be followed or matches nothing in the graph.
    public init(_ prepared: PreparedGraph, options: QuantizationOptions) throws(ConversionError) {
        try options.validate()
        var builder = try QuantizationPlanner(prepared, options: options)
        builder.run()
        graph = prepared.graph
        rewrites = prepared.rewrites
        self.options = options
        activations = builder.quantizedActivations
        constants = builder.constants
        biases = builder.biases
        absorbedActivations = builder.absorbed
        decisions = builder.decisions
        warnings = builder.warnings
    }

    /// Names of the values whose statistics calibration must gather, sorted, each once.
    public var observedTensors: [String] {
        Set(
            activations.compactMap { activation in
                if case .observed(let name) = activation.source { name } else { nil }
            }
        ).sorted()
    }

    /// The scheme of each observed tensor, and the recipe of some nodes that decides; `nil` for the options' own.
    public var observedSchemes: [String: (scheme: QuantizationScheme, recipe: NodeRecipe?)] {
        var result: [String: (scheme: QuantizationScheme, recipe: NodeRecipe?)] = [:]
        for activation in activations {
            if case .observed(let name) = activation.source { result[name] = (activation.scheme, activation.recipe) }
        }
        return result
    }

    /// The bounds that the range of each observed tensor must not cross, because an absorbed `Relu` or `Clip` is to
    /// saturate there: by name of the observed tensor.
    public var bounds: [String: ClosedRange<Float>] {
        var result: [String: ClosedRange<Float>] = [:]
        for absorbed in absorbedActivations {
            let inherited = result.removeValue(forKey: absorbed.input) ?? -Float.infinity...Float.infinity
            result[absorbed.output] = inherited.clamped(to: absorbed.bounds)
        }
        return result
    }
}
