import Graphs
import Quantization
import Tensors

/// Walks a graph once, in node order, and marks what is quantized.
///
/// The order matters: a pass-through operator is quantized only when something before it quantized its input.
struct QuantizationPlanner {
    let graph: Graph
    let options: QuantizationOptions
    let index: GraphIndex
    let types: [String: ElementType]
    private let selection: NodeSelection
    private let recipes: NodeRecipes
    private var names: NameSource

    /// Values in the order of their marks; an absorbed one loses its source and thereby its mark.
    private var marked: [String] = []
    private var sources: [String: ParameterSource] = [:]
    /// Where a value's range comes from when it is not its own observation.
    private var rangeSources: [String: ParameterSource] = [:]
    private var constantPositions: [ConstantKey: Int] = [:]
    private var usedInitializers: Set<String> = []

    private(set) var constants: [QuantizedConstant] = []
    private(set) var biases: [QuantizedBias] = []
    private(set) var absorbed: [AbsorbedActivation] = []
    private(set) var decisions: [NodeDecision] = []
    private(set) var warnings: [ConversionWarning] = []

    /// One form of an initializer.
    private struct ConstantKey: Hashable {
        var initializer: String
        var role: QuantizedConstant.Role
        var axis: Int?
        var scheme: QuantizationScheme
    }

    init(_ prepared: PreparedGraph, options: QuantizationOptions) throws(ConversionError) {
        graph = prepared.graph
        self.options = options
        index = GraphIndex(graph)
        do {
            types = try ShapeInference.infer(graph).mapValues(\.elementType)
        } catch {
            throw .invalidGraph(reason: error.description)
        }
        selection = try NodeSelection(prepared, options: options)
        recipes = try NodeRecipes(
            prepared, options.recipes, writers: Self.writers(graph, index: index, selection: selection))
        names = NameSource(graph)
    }

    /// For each value the nodes whose work its range shows: the writer and, before an activation function, what that cuts off.
    private static func writers(_ graph: Graph, index: GraphIndex, selection: NodeSelection) -> [String: [Node]] {
        var writers: [String: [Node]] = [:]
        for (position, node) in graph.nodes.enumerated() {
            var own = [node]
            if selection.floatReason(node) == nil, [.relu, .clip].contains(QuantizableOperator(node.op)),
                index.soleReader(of: node.inputs[0]) == NodeInput(node: position, input: 0)
            {
                own += writers[node.inputs[0]] ?? []
            }
            for output in node.outputs where !output.isEmpty { writers[output] = own }
        }
        return writers
    }

    /// The marked values with their sources.
    var quantizedActivations: [QuantizedActivation] {
        marked.compactMap { name in
            sources[name].map { source in
                let recipe: NodeRecipe? =
                    switch source {
                    case .observed(let tensor): recipes.of(value: tensor)
                    case .fixed: recipes.of(value: name)
                    case .shared: nil
                    }
                return QuantizedActivation(
                    name: name, source: source, scheme: recipe?.activations ?? options.activations, recipe: recipe)
            }
        }
    }

    /// The scheme of a value with a range of its own.
    func activationScheme(of value: String) -> QuantizationScheme {
        var tensor = value
        if case .observed(let other)? = rangeSources[value] { tensor = other }
        return recipes.of(value: tensor)?.activations ?? options.activations
    }

    mutating func run() {
        for (position, node) in graph.nodes.enumerated() where selection.floatReason(node) == nil {
            adjustRange(node, at: position)
        }
        for (position, node) in graph.nodes.enumerated() {
            let outcome: NodeDecision.Outcome
            let data = node.inputs[QuantizableOperator(node.op)?.dataInput ?? 0]
            if let reason = selection.floatReason(node) {
                outcome = .float(reason)
            } else if types[data] != .float32 {
                outcome = .float(.elementType(types[data]))
            } else {
                outcome = plan(node, at: position)
            }
            decisions.append(NodeDecision(node: node.name, operatorName: node.op.name, outcome: outcome))
        }
    }

    /// What a `Relu` or `Clip` cuts off need not be represented before it, when nothing else reads the value; and the
    /// range of `Softmax` is known.
    private mutating func adjustRange(_ node: Node, at position: Int) {
        let output = node.outputs[0]
        switch QuantizableOperator(node.op) {
        case .relu, .clip:
            let input = node.inputs[0]
            guard index.soleReader(of: input) == NodeInput(node: position, input: 0), types[input] == .float32
            else { return }
            rangeSources[input] = rangeSources[output] ?? .observed(output)
        case .softmax:
            rangeSources[output] = .fixed(TensorRange(minimum: 0, maximum: 1))
        default:
            break
        }
    }

    // MARK: Marks

    /// Whether something quantizes the value.
    func isMarked(_ value: String) -> Bool { sources[value] != nil }

    /// Whether the value may be quantized where a node writes it.
    func quantizesOutput(_ value: String) -> Bool {
        types[value] == .float32 && (options.quantizesOutputs || !index.isGraphOutput(value))
    }

    /// Quantizes what a node reads as an activation; a constant there becomes a quantized operand.
    mutating func markInput(_ place: NodeInput) {
        guard let value = graph.nodes[place.node].input(place.input) else { return }
        if graph.initializers[value] != nil {
            markConstant(place, role: .operand, axis: nil)
        } else if types[value] == .float32 {
            mark(value, source: rangeSources[value] ?? .observed(value), replacing: false)
        }
    }

    /// Quantizes what a node writes, with a range of its own.
    mutating func markOutput(_ value: String) {
        guard !value.isEmpty, quantizesOutput(value) else { return }
        mark(value, source: rangeSources[value] ?? .observed(value), replacing: false)
    }

    /// Quantizes what a node writes, with the parameters of what it reads.
    mutating func markOutput(_ value: String, sharing provider: String) {
        guard !value.isEmpty, quantizesOutput(value) else { return }
        mark(value, source: .shared(with: provider), replacing: true)
    }

    private mutating func mark(_ value: String, source: ParameterSource, replacing: Bool) {
        if sources[value] == nil {
            marked.append(value)
        } else if !replacing {
            return
        }
        sources[value] = source
    }

    /// Quantizes a weight: a constant by the weight scheme, a computed value as an activation.
    mutating func markWeight(_ place: NodeInput, axis: Int?) {
        guard let value = graph.nodes[place.node].input(place.input) else { return }
        guard let tensor = graph.initializers[value] else { return markInput(place) }
        let weights = recipes.of(node: graph.nodes[place.node])?.weights ?? options.weights
        let perChannel = weights.granularity == .perChannel
        let usableAxis = axis.flatMap { perChannel && (0..<tensor.shape.rank).contains($0) ? $0 : nil }
        markConstant(place, role: .weight, axis: usableAxis)
    }

    private mutating func markConstant(_ place: NodeInput, role: QuantizedConstant.Role, axis: Int?) {
        let node = graph.nodes[place.node]
        let initializer = node.inputs[place.input]
        guard graph.initializers[initializer]?.elementType == .float32 else { return }
        let recipe = recipes.of(node: node)
        var scheme =
            switch role {
            case .weight: recipe?.weights ?? options.weights
            case .operand: recipe?.activations ?? options.activations
            }
        scheme.granularity = axis == nil ? .perTensor : .perChannel
        let key = ConstantKey(initializer: initializer, role: role, axis: axis, scheme: scheme)
        if let position = constantPositions[key] {
            constants[position].places.append(place)
            return
        }
        constantPositions[key] = constants.count
        constants.append(
            QuantizedConstant(
                initializer: initializer, name: ownName(for: initializer, node: node.name), role: role, axis: axis,
                scheme: scheme, node: node.name, places: [place]))
    }

    /// The initializer's name for its first form, a new one for each further form.
    private mutating func ownName(for initializer: String, node: String) -> String {
        if usedInitializers.insert(initializer).inserted { return initializer }
        let copy = names.unused(initializer)
        warnings.append(.duplicatedConstant(initializer: initializer, copy: copy, node: node))
        return copy
    }

    /// The name of the quantized value at an input: of the constant's form, or of the activation.
    func quantizedName(at place: NodeInput) -> String? {
        guard let value = graph.nodes[place.node].input(place.input) else { return nil }
        if sources[value] != nil { return value }
        return constants.first { $0.initializer == value && $0.places.contains(place) }?.name
    }

    // MARK: Biases and activation functions

    /// Quantizes a constant bias to 32 bits; `channels` is `nil` when the bias has the weight's own shape.
    mutating func markBias(_ place: NodeInput, channels: Int?) {
        let node = graph.nodes[place.node]
        guard let bias = node.input(place.input), types[bias] == .float32,
            let input = quantizedName(at: NodeInput(node: place.node, input: 0)),
            let weight = quantizedName(at: NodeInput(node: place.node, input: 1))
        else { return }
        guard let tensor = graph.initializers[bias] else {
            warnings.append(.floatBias(node: node.name, bias: bias, reason: "it is not a constant"))
            return
        }
        let isPerChannel = constants.contains { $0.name == weight && $0.axis != nil }
        if isPerChannel, let channels {
            guard
                tensor.elementCount == 1
                    || (tensor.elementCount == channels && tensor.shape.dimensions.last == channels)
            else {
                warnings.append(
                    .floatBias(node: node.name, bias: bias, reason: "it does not have one element per channel"))
                return
            }
        }
        biases.append(
            QuantizedBias(
                initializer: bias, name: biasName(bias, place: place), node: node.name, input: input, weight: weight,
                channelCount: isPerChannel ? channels : nil, place: place))
    }

    /// The dequantized bias takes the initializer's name, which must then have no other reader.
    private mutating func biasName(_ bias: String, place: NodeInput) -> String {
        if index.soleReader(of: bias) == place || usedInitializers.insert(bias).inserted && isReadAsBiasOnly(bias) {
            return bias
        }
        let copy = names.unused(bias)
        warnings.append(.duplicatedConstant(initializer: bias, copy: copy, node: graph.nodes[place.node].name))
        return copy
    }

    private func isReadAsBiasOnly(_ name: String) -> Bool {
        guard !index.isGraphOutput(name) else { return false }
        return index.readers(of: name).allSatisfy { place in
            place.input == 2 && selection.floatReason(graph.nodes[place.node]) == nil
                && QuantizableOperator(graph.nodes[place.node].op)?.addsBias == true
        }
    }

    /// Lets the producer of the input write the output; the caller has made sure that this is right.
    mutating func absorb(_ node: Node, bounds: ClosedRange<Float>) -> NodeDecision.Outcome {
        let (input, output) = (node.inputs[0], node.outputs[0])
        sources[input] = nil
        absorbed.append(AbsorbedActivation(node: node.name, input: input, output: output, bounds: bounds))
        markOutput(output)
        // The producer may itself have lost its activation function; its own name is what the user knows.
        let written = absorbed.last { $0.output == input }?.input ?? input
        let producer = index.producingNode(of: written).map { graph.nodes[$0].name } ?? input
        return .absorbed(producer: producer)
    }
}
