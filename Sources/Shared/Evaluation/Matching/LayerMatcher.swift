internal import Graphs
internal import Tensors

/// Finds for each value of the float graph the one of the quantized graph that stands for it: by name.
///
/// Quantizers of the QDQ form keep the names of values: the one that quantizes `v` has the input `v` (or, for an output of
/// the model, writes `v`). So for a float value `v` the counterpart is, in this order: the quantized model's output `v`; the
/// output of the first pair of QuantizeLinear and DequantizeLinear that reads `v`; the value `v` itself.
struct LayerMatcher {
    private let float: Graph
    private let quantized: Graph
    private let index: GraphIndex
    private let floatTypes: [String: TensorType]
    private let quantizedTypes: [String: TensorType]
    private let outputs: Set<String>
    private(set) var layers: [EvaluatedLayer] = []
    private(set) var unmatched: [UnmatchedLayer] = []

    init(float: Graph, quantized: Graph, floatTypes: [String: TensorType], quantizedTypes: [String: TensorType]) {
        self.float = float
        self.quantized = quantized
        self.floatTypes = floatTypes
        self.quantizedTypes = quantizedTypes
        index = GraphIndex(quantized)
        outputs = Set(float.outputs.map(\.name))
        for input in float.inputs where input.type.elementType == .float32 { matchInput(input.name) }
        for node in float.nodes {
            for value in node.outputs where !value.isEmpty { match(value, of: node) }
        }
    }

    private struct Counterpart {
        var value: String
        /// What is quantized, or the value itself.
        var source: String
        /// Position of the node that quantizes it.
        var quantizer: Int?
    }

    /// An input is a layer only where it is quantized.
    private mutating func matchInput(_ name: String) {
        guard let counterpart = counterpart(of: name), counterpart.quantizer != nil, counterpart.value != name else {
            return
        }
        layers.append(
            EvaluatedLayer(
                value: name, quantizedValue: counterpart.value, node: "", operatorName: "Input", isOutput: false,
                quantizers: limits(of: name, counterpart), source: counterpart.source,
                quantizer: counterpart.quantizer))
    }

    private mutating func match(_ value: String, of node: Node) {
        func refuse(_ reason: String) {
            unmatched.append(
                UnmatchedLayer(value: value, node: node.name, operatorName: node.op.name, reason: reason))
        }
        if let type = floatTypes[value]?.elementType, type != .float32 {
            return refuse("it is \(type); only float32 values are compared")
        }
        guard let counterpart = counterpart(of: value) else {
            return refuse(
                "the quantized model has no value of this name; it went into the layer behind it, or was renamed")
        }
        if let type = quantizedTypes[counterpart.value]?.elementType, type != .float32 {
            return refuse("it is \(type) in the quantized model")
        }
        guard let producer = index.producingNode(of: counterpart.source) else {
            return refuse("it is a constant or an input of the quantized model")
        }
        let maker = quantized.nodes[producer]
        var quantizers = limits(of: value, counterpart)
        // The device's modules quantize what they read.
        if case .mlu = maker.op, let data = maker.input(.data), isKnown(data) {
            quantizers += [QuantizerLimits(moduleInput: data, of: maker, in: quantized)].compactMap { $0 }
        }
        layers.append(
            EvaluatedLayer(
                value: value, quantizedValue: counterpart.value, node: maker.name, operatorName: maker.op.name,
                isOutput: outputs.contains(value), quantizers: quantizers, source: counterpart.source,
                quantizer: counterpart.quantizer))
    }

    /// Where the counterpart's quantizer clamps, when it has one with constants.
    private func limits(of value: String, _ counterpart: Counterpart) -> [QuantizerLimits] {
        guard let position = counterpart.quantizer,
            let limits = QuantizerLimits(quantizing: value, by: quantized.nodes[position], in: quantized)
        else { return [] }
        return [limits]
    }

    /// Whether the float model's elements of a value are at hand.
    private func isKnown(_ value: String) -> Bool {
        float.inputs.contains { $0.name == value } || layers.contains { $0.value == value }
    }

    private func counterpart(of value: String) -> Counterpart? {
        switch index.producer(of: value) {
        case nil, .initializer: return nil
        case .input, .node: break
        }
        if let position = index.producingNode(of: value), let pair = pair(endingIn: quantized.nodes[position]) {
            return Counterpart(value: value, source: pair.source, quantizer: pair.quantizer)
        }
        for place in index.readers(of: value) where place.input == 0 {
            let quantizer = quantized.nodes[place.node]
            guard case .quantizeLinear = quantizer.op, let integers = quantizer.outputs.first,
                let dequantized = dequantized(integers)
            else { continue }
            return Counterpart(
                value: index.isGraphOutput(value) ? value : dequantized, source: value, quantizer: place.node)
        }
        return Counterpart(value: value, source: value, quantizer: nil)
    }

    /// What the DequantizeLinear node gives whose integers a QuantizeLinear node makes.
    private func pair(endingIn node: Node) -> (source: String, quantizer: Int)? {
        guard case .dequantizeLinear = node.op, let integers = node.input(0),
            let position = index.producingNode(of: integers)
        else { return nil }
        let quantizer = quantized.nodes[position]
        guard case .quantizeLinear = quantizer.op, let source = quantizer.input(0) else { return nil }
        return (source, position)
    }

    /// The output of the first DequantizeLinear node that reads integers.
    private func dequantized(_ integers: String) -> String? {
        for place in index.readers(of: integers) where place.input == 0 {
            let node = quantized.nodes[place.node]
            if case .dequantizeLinear = node.op { return node.outputs.first { !$0.isEmpty } }
        }
        return nil
    }
}
