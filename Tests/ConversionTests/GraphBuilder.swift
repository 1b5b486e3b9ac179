import Conversion
import Graphs
import Quantization
import Tensors
import TestSupport

/// Builds small graphs for tests: nodes are named after their first output, constants get seeded values.
struct GraphBuilder {
    var graph: Graph
    private var generator: SeededGenerator

    init(input shape: [Dimension] = [1, 2, 4, 4], seed: UInt64 = 1) {
        graph = Graph(
            name: "test",
            inputs: [Graph.Value(name: "x", type: TensorType(elementType: .float32, dimensions: shape))],
            outputs: [], nodes: [])
        generator = SeededGenerator(seed: seed)
    }

    /// Adds an initializer with normally distributed elements.
    mutating func constant(_ name: String, _ shape: Shape, scale: Float = 1) -> String {
        let elements = (0..<shape.elementCount).map { _ in generator.normal() * scale }
        graph.initializers[name] = Tensor(shape: shape, elements: elements)
        return name
    }

    /// Adds an initializer with given elements.
    mutating func constant<Element: TensorElement>(_ name: String, _ shape: Shape, _ elements: [Element]) -> String {
        graph.initializers[name] = Tensor(shape: shape, elements: elements)
        return name
    }

    /// Adds a node named after its first output.
    @discardableResult
    mutating func node(_ op: Operator, _ inputs: [String], _ outputs: [String]) -> String {
        graph.nodes.append(Node(name: outputs[0] + "_node", op: op, inputs: inputs, outputs: outputs))
        return outputs[0]
    }

    /// Adds a 3 x 3 convolution with padding 1 and a bias, and its constants.
    @discardableResult
    mutating func conv(_ input: String, _ output: String, from: Int = 2, to: Int = 2, bias: Bool = true) -> String {
        let attributes = ConvolutionAttributes(padding: .explicit(before: [1, 1], after: [1, 1]))
        var inputs = [input, constant("\(output).weight", [to, from, 3, 3], scale: 0.3)]
        if bias { inputs.append(constant("\(output).bias", [to])) }
        return node(.convolution(attributes), inputs, [output])
    }

    /// The graph with these outputs.
    func build(outputs: [String], type: ElementType = .float32) -> Graph {
        var result = graph
        result.outputs = outputs.map {
            Graph.Value(name: $0, type: TensorType(elementType: type, dimensions: nil))
        }
        return result
    }
}

/// The plan of a graph that needs no preparation, or of its prepared form.
func plan(
    _ graph: Graph, _ change: (inout QuantizationOptions) -> Void = { _ in }
) throws -> QuantizationPlan {
    var options = QuantizationOptions()
    change(&options)
    return try QuantizationPlan(PreparedGraph(graph), options: options)
}

extension QuantizationPlan {
    /// Names of the quantized values, in plan order.
    var activationNames: [String] { activations.map(\.name) }

    /// Where the parameters of a value come from.
    func source(of name: String) -> ParameterSource? { activations.first { $0.name == name }?.source }

    /// What happens to the node that writes `output`.
    func outcome(of output: String) -> NodeDecision.Outcome? {
        decisions.first { $0.node == output + "_node" }?.outcome
    }

    /// The graph quantized with the same range for every observed tensor, cut to the plan's bounds.
    func quantized(range: ClosedRange<Float> = -4...4) throws -> ConvertedModel {
        let bounds = bounds
        var parameters: [String: QuantizationParameters] = [:]
        for name in observedTensors {
            let cut = range.clamped(to: bounds[name] ?? range)
            parameters[name] = QuantizationParameters(
                range: TensorRange(minimum: cut.lowerBound, maximum: cut.upperBound), scheme: options.activations)
        }
        return try quantize(parameters)
    }
}

extension Graph {
    /// The only node of this name.
    func node(_ name: String) -> Node? { nodes.first { $0.name == name } }

    /// ONNX names of the operators, in node order.
    var operatorNames: [String] { nodes.map(\.op.name) }
}
