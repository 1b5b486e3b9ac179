import Graphs
import Tensors
import TestSupport

/// Builds graphs with seeded random constants for tests.
struct SmallNetwork {
    var graph: Graph
    var generator: SeededGenerator
    private var count = 0

    init(seed: UInt64) {
        graph = Graph(name: "test", inputs: [], outputs: [], nodes: [])
        generator = SeededGenerator(seed: seed)
    }

    /// Declares a float32 graph input; the outermost extent is free.
    mutating func input(_ extents: [Int], named name: String = "x") -> String {
        let dimensions: [Dimension] = [.symbol("N")] + extents.dropFirst().map(Dimension.fixed)
        graph.inputs.append(
            Graph.Value(name: name, type: TensorType(elementType: .float32, dimensions: dimensions)))
        return name
    }

    /// Adds random normal numbers.
    mutating func weights(_ extents: [Int], scale: Float = 1, shift: Float = 0) -> String {
        let shape = Shape(extents)
        let elements = (0..<shape.elementCount).map { _ in generator.normal() * scale + shift }
        return constant(Tensor(shape: shape, elements: elements))
    }

    mutating func constant(_ tensor: Tensor) -> String {
        count += 1
        let name = "w\(count)"
        graph.initializers[name] = tensor
        return name
    }

    mutating func scalar(_ value: Float) -> String { constant(Tensor(scalar: value)) }

    mutating func integers(_ values: [Int]) -> String {
        constant(Tensor(shape: [values.count], elements: values.map(Int64.init)))
    }

    /// Adds a node with one output.
    mutating func add(_ op: Operator, _ inputs: String...) -> String { add(op, inputs: inputs, outputs: 1)[0] }

    mutating func add(_ op: Operator, inputs: [String], outputs: Int) -> [String] {
        count += 1
        let names = (0..<outputs).map { "v\(count)_\($0)" }
        graph.nodes.append(Node(name: "n\(count)", op: op, inputs: inputs, outputs: names))
        return names
    }

    mutating func output(_ name: String) {
        graph.outputs.append(Graph.Value(name: name, type: TensorType(elementType: .float32, dimensions: nil)))
    }

    /// A convolution with He-scaled weights and a bias.
    mutating func convolution(
        _ input: String, _ channels: Int, _ filters: Int, kernel: [Int] = [3, 3], strides: [Int] = [],
        padding: Int = 1, groups: Int = 1, dilations: [Int] = [], bias: Bool = true
    ) -> String {
        let fan = Float(channels / groups * kernel.reduce(1, *))
        let weight = weights([filters, channels / groups] + kernel, scale: (2 / fan).squareRoot())
        let pads = [Int](repeating: padding, count: kernel.count)
        let attributes = ConvolutionAttributes(
            kernelShape: kernel, strides: strides, dilations: dilations,
            padding: .explicit(before: pads, after: pads), groups: groups)
        let inputs = bias ? [input, weight, weights([filters], scale: 0.1)] : [input, weight]
        return add(.convolution(attributes), inputs: inputs, outputs: 1)[0]
    }

    /// A batch normalization with random statistics.
    mutating func normalization(_ input: String, _ channels: Int) -> String {
        let variance = (0..<channels).map { _ in abs(generator.normal()) + 0.5 }
        return add(
            .batchNormalization(BatchNormalizationAttributes()), input, weights([channels], scale: 0.2, shift: 1),
            weights([channels], scale: 0.1), weights([channels], scale: 0.1),
            constant(Tensor(shape: [channels], elements: variance)))
    }

    /// Random normal inputs.
    mutating func inputs(_ extents: [Int]) -> Tensor {
        let shape = Shape(extents)
        return Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in generator.normal() })
    }
}
