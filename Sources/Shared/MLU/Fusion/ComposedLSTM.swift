import Graphs
import Tensors

/// An LSTM as small operators: what the eager backend runs when large operators are switched off.
///
/// The numbers are those of the large operator up to rounding. Weights, biases and peepholes must be constants, lengths of
/// single sequences absent, and the activations among those that have operators of their own.
struct ComposedLSTM {
    /// The small operators, in order.
    private(set) var nodes: [Node] = []
    /// The constants that they read.
    private(set) var constants: [String: Tensor] = [:]

    private let prefix: String
    private let attributes: RecurrentAttributes
    private let size: Int

    /// Writes out the steps of a layer; `nil` when the layer has no form of small operators.
    ///
    /// Nor has one whose parameters do not fit: what is wrong with them the large operator says.
    ///
    /// - Parameters:
    ///   - node: The layer.
    ///   - attributes: Its attributes.
    ///   - data: Shape of the activation, [T, N, I], or [N, T, I] when the batch comes first.
    ///   - constants: The graph's constants.
    init?(_ node: Node, _ attributes: RecurrentAttributes, data: Shape, constants: [String: Tensor]) {
        prefix = node.name
        self.attributes = attributes
        size = attributes.hiddenSize
        let directions = attributes.direction == .bidirectional ? 2 : 1
        guard node.input(4) == nil, !attributes.batchFirst, data.rank == 3, data.elementCount > 0,
            let weights = Self.constant(node, 1, constants), let recurrence = Self.constant(node, 2, constants),
            let functions = Self.functions(attributes, directions: directions),
            weights.shape == [directions, 4 * size, data[2]], recurrence.shape == [directions, 4 * size, size]
        else { return nil }
        for (optional, length) in [(3, 8 * size), (7, 3 * size)] where node.input(optional) != nil {
            guard Self.constant(node, optional, constants)?.shape == [directions, length] else { return nil }
        }
        let steps = data[0]
        let batch = data[1]
        var sequences: [String] = []
        var hiddens: [String] = []
        var cells: [String] = []
        for direction in 0..<directions {
            let isReverse = direction == 1 || attributes.direction == .reverse
            let parameters = Parameters(
                weights: weights.slice(outermost: direction..<direction + 1),
                recurrence: recurrence.slice(outermost: direction..<direction + 1),
                bias: Self.constant(node, 3, constants)?.slice(outermost: direction..<direction + 1),
                peepholes: Self.constant(node, 7, constants)?.slice(outermost: direction..<direction + 1),
                functions: functions[direction])
            let state = (hidden: node.input(5), cell: node.input(6))
            let result = add(
                direction, node.inputs[0], parameters, state,
                steps: isReverse ? (0..<steps).reversed() : Array(0..<steps),
                batch: batch, directions: directions)
            sequences.append(result.sequence)
            hiddens.append(result.hidden)
            cells.append(result.cell)
        }
        for (output, parts) in zip(node.outputs, [sequences, hiddens, cells]) where !output.isEmpty {
            let axis = output == node.outputs[0] ? 1 : 0
            nodes.append(
                Node(name: "\(prefix)/join/\(output)", op: .concat(axis: axis), inputs: parts, outputs: [output]))
        }
    }

    /// The constants of one direction: [1, 4H, I], [1, 4H, H], [1, 8H], [1, 3H].
    private struct Parameters {
        let weights: Tensor
        let recurrence: Tensor
        let bias: Tensor?
        let peepholes: Tensor?
        let functions: [UnaryFunction]
    }

    private static func constant(_ node: Node, _ input: Int, _ constants: [String: Tensor]) -> Tensor? {
        guard let name = node.input(input), let tensor = constants[name], tensor.elementType == .float32 else {
            return nil
        }
        return tensor
    }

    /// The three activations of each direction.
    private static func functions(_ attributes: RecurrentAttributes, directions: Int) -> [[UnaryFunction]]? {
        guard attributes.activationAlphas.isEmpty, attributes.activationBetas.isEmpty else { return nil }
        let names =
            attributes.activations.isEmpty
            ? [[String]](repeating: ["Sigmoid", "Tanh", "Tanh"], count: directions).flatMap { $0 }
            : attributes.activations
        let known: [String: UnaryFunction] = [
            "sigmoid": .sigmoid, "tanh": .tanh, "relu": .relu, "softplus": .softplus,
        ]
        let functions = names.compactMap { known[$0.lowercased()] }
        guard functions.count == 3 * directions else { return nil }
        return (0..<directions).map { Array(functions[3 * $0..<3 * $0 + 3]) }
    }

    // MARK: Steps

    private mutating func add(
        _ direction: Int, _ data: String, _ parameters: Parameters, _ state: (hidden: String?, cell: String?),
        steps: [Int], batch: Int, directions: Int
    ) -> (sequence: String, hidden: String, cell: String) {
        let base = "\(prefix)/\(direction)"
        var hidden = initialState(state.hidden, "\(base)/h0", direction, directions, batch)
        var cell = initialState(state.cell, "\(base)/c0", direction, directions, batch)
        let matrices = self.matrices(parameters, base)
        var outputs = [String](repeating: "", count: steps.count)
        for step in steps {
            let name = "\(base)/\(step)"
            let row = constant("\(name)/index", integers: [step], scalar: true)
            let input = emit(.gather(axis: 0), "\(name)/x", [data, row])
            let fromInput = emit(.matMul, "\(name)/xw", [input, matrices.weights])
            let fromState = emit(.matMul, "\(name)/hr", [hidden, matrices.recurrence])
            var gates = emit(.binary(.add), "\(name)/sum", [fromInput, fromState])
            if let bias = matrices.bias { gates = emit(.binary(.add), "\(name)/gates", [gates, bias]) }
            (hidden, cell) = cellStep(name, gates, cell, parameters)
            let axis = constant("\(name)/axes", integers: [0, 1], scalar: false)
            outputs[step] = emit(.unsqueeze, "\(name)/y", [hidden, axis])
        }
        let axis = constant("\(base)/axes", integers: [0], scalar: false)
        let sequence = emit(.concat(axis: 0), "\(base)/sequence", outputs)
        return (sequence, emit(.unsqueeze, "\(base)/h", [hidden, axis]), emit(.unsqueeze, "\(base)/c", [cell, axis]))
    }

    /// One step: gates [N, 4H] in the order input, output, forget, cell; the new hidden and cell state [N, H].
    private mutating func cellStep(
        _ name: String, _ gates: String, _ cell: String, _ parameters: Parameters
    ) -> (hidden: String, cell: String) {
        let functions = parameters.functions
        let parts = ["i", "o", "f", "c"].map { "\(name)/\($0)_gate" }
        nodes.append(
            Node(name: "\(name)/chunk", op: .split(axis: 1, outputCount: 4), inputs: [gates], outputs: parts))
        let input = gate(
            "\(name)/i", peephole(parts[0], cell, parameters, 0, "\(name)/i"), functions[0])
        let forget: String
        if attributes.couplesInputAndForget {
            let one = constant("\(name)/one", Tensor(scalar: Float(1)))
            forget = emit(.binary(.subtract), "\(name)/f", [one, input])
        } else {
            forget = gate("\(name)/f", peephole(parts[2], cell, parameters, 2, "\(name)/f"), functions[0])
        }
        let candidate = gate("\(name)/g", parts[3], functions[1])
        let kept = emit(.binary(.multiply), "\(name)/kept", [forget, cell])
        let added = emit(.binary(.multiply), "\(name)/added", [input, candidate])
        let newCell = emit(.binary(.add), "\(name)/c", [kept, added])
        let output = gate("\(name)/o", peephole(parts[1], newCell, parameters, 1, "\(name)/o"), functions[0])
        let shown = emit(.unary(functions[2]), "\(name)/shown", [newCell])
        return (emit(.binary(.multiply), "\(name)/h", [output, shown]), newCell)
    }

    private mutating func gate(_ name: String, _ value: String, _ function: UnaryFunction) -> String {
        var value = value
        if let clip = attributes.clip {
            let bounds = [-clip, clip].enumerated().map { constant("\(name)/bound\($0)", Tensor(scalar: $1)) }
            value = emit(.clip, "\(name)/clipped", [value] + bounds)
        }
        return emit(.unary(function), "\(name)/gate", [value])
    }

    /// Adds the cell state times its diagonal weights; `index` counts input, output, forget.
    private mutating func peephole(
        _ gate: String, _ cell: String, _ parameters: Parameters, _ index: Int, _ name: String
    ) -> String {
        guard let peepholes = parameters.peepholes else { return gate }
        let values = Array(peepholes.elements(as: Float.self)[index * size..<(index + 1) * size])
        let weights = constant("\(name)/peephole", Tensor(shape: [size], elements: values))
        let product = emit(.binary(.multiply), "\(name)/peep", [cell, weights])
        return emit(.binary(.add), "\(name)/peeped", [gate, product])
    }

    // MARK: Operands

    private mutating func initialState(
        _ name: String?, _ result: String, _ direction: Int, _ directions: Int, _ batch: Int
    ) -> String {
        guard let name else {
            return constant(result, Tensor(zeros: [batch, size], elementType: .float32))
        }
        let row = constant("\(result)/index", integers: [direction], scalar: true)
        return emit(.gather(axis: 0), result, [name, row])
    }

    /// [I, 4H], [H, 4H] and [4H].
    private mutating func matrices(
        _ parameters: Parameters, _ base: String
    ) -> (weights: String, recurrence: String, bias: String?) {
        var bias: String?
        if let both = parameters.bias?.elements(as: Float.self) {
            let half = both.count / 2
            let sums = (0..<half).map { both[$0] + both[half + $0] }
            bias = constant("\(base)/bias", Tensor(shape: [half], elements: sums))
        }
        return (
            constant("\(base)/weights", Self.transposed(parameters.weights)),
            constant("\(base)/recurrence", Self.transposed(parameters.recurrence)), bias
        )
    }

    /// [1, R, C] as [C, R].
    private static func transposed(_ tensor: Tensor) -> Tensor {
        let (rows, columns) = (tensor.shape[1], tensor.shape[2])
        let values = tensor.elements(as: Float.self)
        var result = [Float](repeating: 0, count: values.count)
        for row in 0..<rows {
            for column in 0..<columns { result[column * rows + row] = values[row * columns + column] }
        }
        return Tensor(shape: [columns, rows], elements: result)
    }

    private mutating func emit(_ op: Operator, _ output: String, _ inputs: [String]) -> String {
        nodes.append(Node(name: output, op: op, inputs: inputs, outputs: [output]))
        return output
    }

    private mutating func constant(_ name: String, _ tensor: Tensor) -> String {
        constants[name] = tensor
        return name
    }

    private mutating func constant(_ name: String, integers: [Int], scalar: Bool) -> String {
        constant(
            name,
            scalar
                ? Tensor(scalar: Int64(integers[0]))
                : Tensor(shape: [integers.count], elements: integers.map(Int64.init)))
    }
}
