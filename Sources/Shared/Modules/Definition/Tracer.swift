internal import Graphs
internal import Tensors

/// Writes down what a model computes while a value flows through it.
final class Tracer {
    private(set) var nodes: [Node] = []
    private(set) var initializers: [String: Tensor] = [:]
    private var counts: [String: Int] = [:]
    private var taken: Set<String>
    private let initialization: ParameterInitialization
    /// The layers that have a path.
    private let layers: Set<ObjectIdentifier>

    /// Starts with nothing, or behind a graph whose names are taken.
    init(
        _ initialization: ParameterInitialization, layers: Set<ObjectIdentifier> = [], continuing graph: Graph? = nil
    ) {
        self.initialization = initialization
        self.layers = layers
        taken = Set(graph?.initializers.keys.map { $0 } ?? []).union(graph?.inputs.map(\.name) ?? [])
        for node in graph?.nodes ?? [] {
            taken.insert(node.name)
            taken.formUnion(node.outputs)
        }
    }

    /// Adds a node with one output.
    func add(_ op: Operator, _ inputs: [String], path: String? = nil) -> Value {
        let name = unused(path ?? op.name)
        let output = name + "_output"
        nodes.append(
            Node(
                name: name, op: op, inputs: inputs, outputs: [output],
                module: path.map { ModuleOrigin(path: $0, className: op.name) }))
        return Value(name: output, tracer: self)
    }

    /// Adds a layer, and its parameters when this is its first call.
    ///
    /// - Precondition: A property of the model leads to the layer: without a path it would share parameters with others.
    func call(_ layer: Layer, _ data: [Value]) -> Value {
        precondition(
            layers.contains(ObjectIdentifier(layer)),
            "No property of the model leads to a \(layer.className) that it calls; keep the layer in a property")
        var inputs = data.map(\.name)
        var keys = layer.parameters.map(\.key)
        var op = layer.op
        if case .module(var module) = op {
            module.disablesQuantization = layer.disablesQuantization
            op = .module(module)
            keys = module.parameters.map(\.key)
        }
        let present = Dictionary(uniqueKeysWithValues: layer.parameters.map { ($0.key, $0) })
        for key in keys {
            guard let parameter = present[key] else {
                inputs.append("")
                continue
            }
            let name = layer.path.isEmpty ? key : "\(layer.path).\(key)"
            if initializers[name] == nil { initializers[name] = initialization.tensor(for: parameter, name: name) }
            inputs.append(name)
        }
        while inputs.last?.isEmpty == true { inputs.removeLast() }
        return add(op, inputs, path: layer.path)
    }

    /// Adds a constant.
    func constant(_ tensor: Tensor) -> String {
        let name = unused("constant")
        initializers[name] = tensor
        return name
    }

    private func unused(_ base: String) -> String {
        while true {
            let count = counts[base, default: 0]
            counts[base] = count + 1
            let name = count == 0 ? base : "\(base)_\(count)"
            if !taken.contains(name), !taken.contains(name + "_output") { return name }
        }
    }
}
