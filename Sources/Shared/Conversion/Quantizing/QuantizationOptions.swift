public import Quantization

/// What to quantize, and to what.
public struct QuantizationOptions: Sendable, Hashable {
    /// Scheme of activations and of constant operands of elementwise operators; always per tensor.
    public var activations: QuantizationScheme
    /// Scheme of weights of `Conv`, `ConvTranspose`, `Gemm`, `MatMul` and normalizations; they keep their whole range.
    public var weights: QuantizationScheme
    /// Other schemes and methods for some nodes; the first that matches counts, and each must match one.
    public var recipes: [NodeRecipe]
    /// Operators that are quantized; all others stay in floating point.
    public var operators: Set<QuantizableOperator>
    /// ONNX names of operators that stay in floating point; each must occur in the model.
    public var skippedOperators: [String]
    /// Nodes that stay in floating point, by name; each pattern must match a node.
    public var skippedNodes: [NodeNamePattern]
    /// Whether `Relu` and `Clip` stay in the graph although a quantized range does their work.
    ///
    /// Needed when another program later removes the QuantizeLinear/DequantizeLinear nodes.
    public var keepsActivationFunctions: Bool
    /// Whether values that leave the graph are quantized; without, the last operator returns its float result.
    public var quantizesOutputs: Bool
    /// Whether a weight's scale is raised when its bias would not fit 32 bits; without, such a bias saturates.
    public var raisesWeightScalesForBias: Bool

    /// Makes options; the defaults are those of ONNX Runtime with per-channel weights.
    public init(
        activations: QuantizationScheme = QuantizationScheme(type: .uint8, isSymmetric: false),
        weights: QuantizationScheme = QuantizationScheme(type: .int8, isSymmetric: true, granularity: .perChannel),
        recipes: [NodeRecipe] = [],
        operators: Set<QuantizableOperator> = Set(QuantizableOperator.allCases), skippedOperators: [String] = [],
        skippedNodes: [NodeNamePattern] = [], keepsActivationFunctions: Bool = false, quantizesOutputs: Bool = true,
        raisesWeightScalesForBias: Bool = true
    ) {
        self.activations = activations
        self.weights = weights
        self.recipes = recipes
        self.operators = operators
        self.skippedOperators = skippedOperators
        self.skippedNodes = skippedNodes
        self.keepsActivationFunctions = keepsActivationFunctions
        self.quantizesOutputs = quantizesOutputs
        self.raisesWeightScalesForBias = raisesWeightScalesForBias
    }

    /// Refuses what no quantized graph can express.
    func validate() throws(ConversionError) {
        try Self.validate(activations: activations, weights: weights, of: "")
        for recipe in recipes {
            try Self.validate(
                activations: recipe.activations, weights: recipe.weights, of: " of '\(recipe.pattern.text)'")
        }
    }

    private static func validate(
        activations: QuantizationScheme, weights: QuantizationScheme, of place: String
    ) throws(ConversionError) {
        if activations.granularity == .perChannel {
            throw .invalidOption(
                option: "activation granularity" + place,
                reason: "activations have one scale per tensor; use per-tensor")
        }
        if weights.granularity == .perChannel, !weights.isSymmetric {
            throw .invalidOption(
                option: "weight scheme" + place,
                reason: "per-channel weights must be symmetric, because integer convolutions know one zero point; "
                    + "use a symmetric scheme or per-tensor weights")
        }
        for (option, type) in [("activation type", activations.type), ("weight type", weights.type)]
        where type == .int32 {
            throw .invalidOption(
                option: option + place, reason: "int32 is for biases; use int8, uint8, int16 or uint16")
        }
    }
}
