public import Graphs
import Tensors

extension Graph {
    /// The graph with modules for the layers that can be quantized, as an imported model needs it before `quantizeQAT`.
    ///
    /// Constants are computed and unused nodes gone. Convolutions and transposed convolutions of two dimensions and linear layers
    /// take in the normalization and the rectifier behind them, sums of two values the rectifier; products, differences and
    /// other functions of two values become Elemwise, joins Concat. A module takes in only what nothing else reads. Its path
    /// is that of `quantizeDynamicMLU`'s modules. Stubs are not there yet: `insertStubs`.
    ///
    /// - Returns: The graph with float modules.
    /// - Throws: `ConversionError` when a node with constant inputs cannot be computed; `ModuleError.invalidGraph`.
    public func findingModules() throws -> Graph {
        let prepared = try preparedForMLU()
        var finder = try ModuleFinder(prepared)
        return finder.run()
    }
}

/// One search.
struct ModuleFinder {
    private let graph: Graph
    private let index: GraphIndex
    private let types: [String: TensorType]
    private var result: Graph
    /// The names that a module's parameters had, by path and key.
    private var paths: [String: [String: String]] = [:]
    private var absorbed: Set<Int> = []
    /// The module at the position of its last node.
    private var modules: [Int: Node] = [:]

    init(_ graph: Graph) throws(ModuleError) {
        self.graph = graph
        index = GraphIndex(graph)
        result = graph
        do {
            types = try ShapeInference.infer(graph)
        } catch {
            throw .invalidGraph(reason: error.description)
        }
    }

    mutating func run() -> Graph {
        for position in graph.nodes.indices where !absorbed.contains(position) { find(at: position) }
        result.nodes = graph.nodes.indices.compactMap { position in
            modules[position] ?? (absorbed.contains(position) ? nil : graph.nodes[position])
        }
        result.removeUnreadInitializers()
        return result
    }

    private mutating func find(at position: Int) {
        let node = graph.nodes[position]
        switch node.op {
        case .convolution(let attributes):
            guard let layer = layer(node, rank: 4, biasCount: { $0.shape[0] }) else { return }
            finish(layer, position) { .convolution(attributes, paddingMode: .zeros, $0) }
        case .transposedConvolution(let attributes):
            guard let layer = layer(node, rank: 4, biasCount: { $0.shape[1] * attributes.convolution.groups }) else {
                return
            }
            finish(layer, position) { .transposedConvolution(attributes, $0) }
        case .gemm(let attributes): findLinear(node, position, attributes)
        case .matMul: findProduct(node, position)
        case .binary(let function): findElemwise(node, position, function.elemwiseMode)
        case .variadic(let function) where node.inputs.count == 2:
            findElemwise(node, position, function.elemwiseMode)
        case .concat(let axis):
            guard node.inputs.allSatisfy(isFloatActivation) else { return }
            emit(
                .concat(axis: axis, dataCount: node.inputs.count), node.inputs, [:], last: position,
                output: node.outputs[0], path: path(node))
        default: break
        }
    }

    // MARK: Layers

    private struct Layer {
        let data: String
        /// Layer parameters: name in the graph and tensor.
        let weight: (name: String, tensor: Tensor)
        let bias: (name: String, tensor: Tensor)?
        /// The last node that the layer consists of.
        let last: Int
    }

    private func constant(_ node: Node, _ input: Int) -> (name: String, tensor: Tensor)? {
        guard let name = node.input(input), let tensor = graph.initializers[name], tensor.elementType == .float32 else {
            return nil
        }
        return (name, tensor)
    }

    private func isFloatActivation(_ name: String) -> Bool {
        graph.initializers[name] == nil && types[name]?.elementType == .float32
    }

    private func layer(_ node: Node, rank: Int, biasCount: (Tensor) -> Int) -> Layer? {
        guard let position = index.producingNode(of: node.outputs[0]), isFloatActivation(node.inputs[0]),
            let weight = constant(node, 1), weight.tensor.shape.rank == rank
        else { return nil }
        guard node.input(2) != nil else {
            return Layer(data: node.inputs[0], weight: weight, bias: nil, last: position)
        }
        guard let bias = constant(node, 2), bias.tensor.shape == [biasCount(weight.tensor)] else { return nil }
        return Layer(data: node.inputs[0], weight: weight, bias: bias, last: position)
    }

    private mutating func findLinear(_ node: Node, _ position: Int, _ attributes: GemmAttributes) {
        guard attributes.alpha == 1, attributes.beta == 1 || node.input(2) == nil, !attributes.transposeA,
            isFloatActivation(node.inputs[0]), let weight = constant(node, 1), weight.tensor.shape.rank == 2
        else { return }
        let layout = attributes.transposeB ? weight.tensor : weight.tensor.transposedMatrix(of: Float.self)
        var bias: (name: String, tensor: Tensor)?
        if node.input(2) != nil {
            guard let found = constant(node, 2), found.tensor.elementCount == layout.shape[0] else { return }
            bias = (found.name, found.tensor.reshaped(to: [layout.shape[0]]))
        }
        finish(Layer(data: node.inputs[0], weight: (weight.name, layout), bias: bias, last: position), position) {
            .linear($0)
        }
    }

    private mutating func findProduct(_ node: Node, _ position: Int) {
        guard isFloatActivation(node.inputs[0]), let weight = constant(node, 1), weight.tensor.shape.rank == 2,
            types[node.inputs[0]]?.dimensions?.count ?? 0 >= 2
        else { return }
        let layout = weight.tensor.transposedMatrix(of: Float.self)
        var layer = Layer(data: node.inputs[0], weight: (weight.name, layout), bias: nil, last: position)
        if let reader = index.soleReader(of: node.outputs[0]), case .binary(.add) = graph.nodes[reader.node].op,
            let bias = constant(graph.nodes[reader.node], 1 - reader.input),
            bias.tensor.elementCount == layout.shape[0],
            bias.tensor.shape.dimensions.last == layout.shape[0], bias.tensor.shape.rank <= 2
        {
            layer = Layer(
                data: layer.data, weight: layer.weight, bias: (bias.name, bias.tensor.reshaped(to: [layout.shape[0]])),
                last: reader.node)
        }
        finish(layer, position) { .linear($0) }
    }

    /// Takes in a normalization and an activation, and makes the module.
    private mutating func finish(_ layer: Layer, _ position: Int, _ kind: (ModuleFusion) -> ModuleKind) {
        var last = layer.last
        var fusion = ModuleFusion()
        var normalization: [(key: String, name: String, tensor: Tensor)] = []
        if let next = reader(after: last), case .batchNormalization(let attributes) = graph.nodes[next].op,
            let parameters = normalizationParameters(graph.nodes[next])
        {
            fusion.batchNormalization = attributes
            normalization = parameters
            last = next
        }
        (fusion.activation, last) = activation(after: last)
        let kind = kind(fusion)
        var parameters: [String: (name: String, tensor: Tensor)] = [kind.layerPrefix + "weight": layer.weight]
        if let bias = layer.bias { parameters[kind.layerPrefix + "bias"] = bias }
        for entry in normalization { parameters[entry.key] = (entry.name, entry.tensor) }
        let node = graph.nodes[position]
        let path = ModulePath.wanted(node: node, weight: layer.weight.name, bias: layer.bias?.name)
        for member in [position, layer.last, last] { absorbed.insert(member) }
        if let between = reader(after: layer.last), between < last { absorbed.insert(between) }
        emit(kind, [layer.data], parameters, last: last, output: graph.nodes[last].outputs[0], path: path)
    }

    private func normalizationParameters(_ node: Node) -> [(key: String, name: String, tensor: Tensor)]? {
        var result: [(key: String, name: String, tensor: Tensor)] = []
        for (offset, key) in ["bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"].enumerated() {
            guard let parameter = constant(node, offset + 1) else { return nil }
            result.append((key, parameter.name, parameter.tensor))
        }
        return result
    }

    /// The node that alone reads what a node writes.
    private func reader(after position: Int) -> Int? {
        guard graph.nodes[position].outputs.count == 1,
            let place = index.soleReader(of: graph.nodes[position].outputs[0]),
            place.input == 0
        else { return nil }
        return place.node
    }

    /// The activation behind a node, and the last node then.
    private func activation(after position: Int) -> (ModuleActivation, Int) {
        guard let next = reader(after: position) else { return (.identity, position) }
        let node = graph.nodes[next]
        switch node.op {
        case .unary(.relu): return (.relu, next)
        case .clip:
            let bounds = [1, 2].map { node.input($0) == nil ? nil : constant(node, $0)?.tensor.singleElement }
            guard let lower = bounds[0], let upper = bounds[1], lower <= upper else { return (.identity, position) }
            return (.clip(lower: lower, upper: upper), next)
        default: return (.identity, position)
        }
    }

    private mutating func findElemwise(_ node: Node, _ position: Int, _ mode: ElemwiseMode?) {
        guard var mode, node.inputs.count == mode.operandCount, node.inputs.allSatisfy(isFloatActivation) else {
            return
        }
        var last = position
        if mode == .add, case (.relu, let next) = activation(after: position) {
            mode = .fuseAddRelu
            last = next
            absorbed.insert(next)
        }
        absorbed.insert(position)
        emit(
            .elemwise(mode), node.inputs, [:], last: last, output: graph.nodes[last].outputs[0], path: path(node))
    }

    // MARK: Modules

    private func path(_ node: Node) -> String {
        if let path = node.module?.path, !path.isEmpty { return path + "." + ModulePath.lastPart(ofNode: node.name) }
        return ModulePath.path(ofNode: node.name, operatorName: "")
    }

    /// Writes a module; layers that read the same parameters under the same path are one module.
    private mutating func emit(
        _ kind: ModuleKind, _ data: [String], _ parameters: [String: (name: String, tensor: Tensor)], last: Int,
        output: String, path wanted: String
    ) {
        var path = wanted
        var number = 1
        let origins = parameters.mapValues(\.name)
        // Nodes that read the same parameters are calls of one module.
        func isTaken() -> Bool { paths[path].map { $0 != origins || origins.isEmpty } ?? collides(path, parameters) }
        while isTaken() {
            path = "\(wanted)_\(number)"
            number += 1
        }
        paths[path] = origins
        let op = ModuleOperator(kind)
        var inputs = data
        for parameter in op.parameters {
            guard let (_, tensor) = parameters[parameter.key] else {
                inputs.append("")
                continue
            }
            let name = "\(path).\(parameter.key)"
            result.initializers[name] = tensor
            inputs.append(name)
        }
        let origin = graph.nodes[last].module
        modules[last] = Node(
            name: graph.nodes[last].name, op: .module(op), inputs: inputs, outputs: [output],
            module: ModuleOrigin(path: path, className: kind.name, package: origin?.package ?? ""))
        absorbed.insert(last)
    }

    /// Whether a parameter's name belongs to another value.
    private func collides(_ path: String, _ parameters: [String: (name: String, tensor: Tensor)]) -> Bool {
        parameters.contains { key, parameter in
            let name = "\(path).\(key)"
            guard let known = graph.initializers[name] else { return types[name] != nil }
            return known != parameter.tensor
        }
    }
}

extension Tensor {
    /// The only element of a float32 tensor.
    fileprivate var singleElement: Float? {
        elementCount == 1 && elementType == .float32 ? elements(as: Float.self)[0] : nil
    }
}

extension BinaryFunction {
    /// The same function as an `Elemwise`; `nil` for functions that stay operators.
    fileprivate var elemwiseMode: ElemwiseMode? {
        switch self {
        case .add: .add
        case .subtract: .sub
        case .multiply: .mul
        case .divide, .power, .parametricRelu: nil
        }
    }
}

extension VariadicFunction {
    /// The same function of two values as an `Elemwise`.
    fileprivate var elemwiseMode: ElemwiseMode? {
        switch self {
        case .sum: .add
        case .minimum: .min
        case .maximum: .max
        case .mean: nil
        }
    }
}
