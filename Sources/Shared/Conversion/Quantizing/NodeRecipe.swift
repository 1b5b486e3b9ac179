import Graphs
public import Quantization

/// Other schemes and another method for some nodes: for the values that they write and the constants that they read.
public struct NodeRecipe: Sendable, Hashable {
    /// Which nodes: a node's name, with `*` and `?`, or the ONNX name of an operator; a graph input is found by its own name.
    public var pattern: NodeNamePattern
    /// Scheme of the values that these nodes write, and of constant operands that they read.
    public var activations: QuantizationScheme
    /// Scheme of the weights that these nodes read.
    public var weights: QuantizationScheme
    /// How the ranges of the values follow from their statistics.
    public var method: CalibrationMethod

    /// Makes a recipe.
    public init(
        pattern: NodeNamePattern, activations: QuantizationScheme, weights: QuantizationScheme,
        method: CalibrationMethod
    ) {
        self.pattern = pattern
        self.activations = activations
        self.weights = weights
        self.method = method
    }

    /// Whether it is for a node.
    func matches(_ node: Node) -> Bool { pattern.text == node.op.name || pattern.matches(node.name) }
}

/// Which recipe of the options is for which node and value of a graph: the first that matches.
struct NodeRecipes {
    private let recipes: [NodeRecipe]
    /// Position of the recipe by name of the node.
    private let ofNodes: [String: Int]
    /// Position of the recipe by name of the value that has a range of its own.
    private let ofValues: [String: Int]

    /// Finds the recipes.
    ///
    /// - Parameters:
    ///   - prepared: The graph.
    ///   - recipes: The recipes.
    ///   - writers: For each value the nodes whose work its range shows: the one that writes it and, before a `Relu` or `Clip`, the one
    ///     whose output that cuts off.
    /// - Throws: `ConversionError.unmatchedRecipe` for a pattern that matches nothing.
    init(
        _ prepared: PreparedGraph, _ recipes: [NodeRecipe], writers: [String: [Node]]
    ) throws(ConversionError) {
        let graph = prepared.graph
        self.recipes = recipes
        var ofNodes: [String: Int] = [:]
        var ofValues: [String: Int] = [:]
        for (position, recipe) in recipes.enumerated() {
            let nodes = graph.nodes.filter(recipe.matches)
            let inputs = graph.inputs.map(\.name).filter(recipe.pattern.matches)
            guard !nodes.isEmpty || !inputs.isEmpty else {
                let removed = prepared.rewrites.first { recipe.pattern.matches($0.node) }
                throw .unmatchedRecipe(pattern: recipe.pattern.text, removedNode: removed?.node)
            }
            for node in nodes { ofNodes[node.name] = ofNodes[node.name] ?? position }
            for name in inputs { ofValues[name] = ofValues[name] ?? position }
        }
        for (value, nodes) in writers {
            if let position = nodes.compactMap({ ofNodes[$0.name] }).min() { ofValues[value] = position }
        }
        self.ofNodes = ofNodes
        self.ofValues = ofValues
    }

    /// The recipe of a node's constants; `nil` for those of the options.
    func of(node: Node) -> NodeRecipe? { ofNodes[node.name].map { recipes[$0] } }

    /// The recipe of a value; `nil` for those of the options.
    func of(value: String) -> NodeRecipe? { ofValues[value].map { recipes[$0] } }
}
