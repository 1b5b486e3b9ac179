public import Conversion
public import Quantization

extension ResultManifest {
    /// The choices that turned statistics into integers.
    public struct Choices: Codable, Sendable, Hashable {
        /// How ranges were chosen, with parameters.
        public var observer: String
        /// Scheme of activations.
        public var activations: QuantizationScheme
        /// Scheme of weights.
        public var weights: QuantizationScheme
        /// ONNX operators that were left in float on request.
        public var skippedOperators: [String]
        /// Node patterns that were left in float on request.
        public var skippedNodes: [String]
        /// Whether values that leave the graph were quantized.
        public var quantizesOutputs: Bool
        /// Other choices for some nodes, the first match counts; absent when there are none.
        public var recipes: [Recipe]?

        /// Makes an entry.
        public init(_ options: QuantizationOptions, method: CalibrationMethod) {
            observer = method.description
            activations = options.activations
            weights = options.weights
            skippedOperators = options.skippedOperators
            skippedNodes = options.skippedNodes.map(\.text)
            quantizesOutputs = options.quantizesOutputs
            recipes = options.recipes.isEmpty ? nil : options.recipes.map(Recipe.init)
        }
    }

    /// Other choices for some nodes.
    public struct Recipe: Codable, Sendable, Hashable {
        /// Names of nodes with `*` and `?`, an ONNX operator, or a graph input.
        public var pattern: String
        /// How the ranges of what these nodes write were chosen, with parameters.
        public var observer: String
        /// Scheme of what these nodes write.
        public var activations: QuantizationScheme
        /// Scheme of their weights.
        public var weights: QuantizationScheme

        /// Makes an entry.
        public init(_ recipe: NodeRecipe) {
            pattern = recipe.pattern.text
            observer = recipe.method.description
            activations = recipe.activations
            weights = recipe.weights
        }
    }
}
