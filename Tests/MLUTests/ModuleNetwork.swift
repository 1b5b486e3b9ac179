import Graphs
import Tensors
import TestSupport

/// A small network of layers that become modules, and of what lies between them.
enum ModuleNetwork {
    /// conv -> BN -> Relu -> conv -> add -> pool -> transpose -> linear over the last axis.
    static func graph() -> Graph {
        var random = SeededGenerator(seed: 12)
        var graph = Graph(
            name: "net",
            inputs: [
                .init(
                    name: "x",
                    type: TensorType(elementType: .float32, dimensions: [.unknown, .fixed(3), 12, 12]))
            ],
            outputs: [.init(name: "y", type: TensorType(elementType: .float32, dimensions: nil))], nodes: [])
        func constant(_ name: String, _ shape: Shape, _ factor: Float, plus offset: Float = 0) -> String {
            graph.initializers[name] = Tensor(
                shape: shape, elements: (0..<shape.elementCount).map { _ in abs(offset) + random.normal() * factor })
            return name
        }
        let padding = ConvolutionAttributes(padding: .explicit(before: [1, 1], after: [1, 1]))
        let weight = constant("conv.weight", [8, 3, 3, 3], 0.2)
        graph.nodes.append(Node(name: "conv", op: .convolution(padding), inputs: ["x", weight], outputs: ["c"]))
        let normalization = [
            constant("bn.weight", [8], 0.1, plus: 1), constant("bn.bias", [8], 0.1),
            constant("bn.running_mean", [8], 0.1), constant("bn.running_var", [8], 0.01, plus: 1),
        ]
        graph.nodes.append(
            Node(
                name: "bn", op: .batchNormalization(BatchNormalizationAttributes()), inputs: ["c"] + normalization,
                outputs: ["n"]))
        graph.nodes.append(Node(name: "relu", op: .unary(.relu), inputs: ["n"], outputs: ["r"]))
        let second = [constant("two.weight", [8, 8, 3, 3], 0.2), constant("two.bias", [8], 0.2)]
        graph.nodes.append(Node(name: "two", op: .convolution(padding), inputs: ["r"] + second, outputs: ["t"]))
        graph.nodes.append(Node(name: "add", op: .binary(.add), inputs: ["t", "r"], outputs: ["a"]))
        graph.nodes.append(
            Node(
                name: "pool", op: .maxPool(PoolingAttributes(kernelShape: [2, 2], strides: [2, 2])), inputs: ["a"],
                outputs: ["p"]))
        graph.nodes.append(
            Node(name: "turn", op: .transpose(permutation: [0, 2, 3, 1]), inputs: ["p"], outputs: ["q"]))
        graph.nodes.append(
            Node(name: "fc", op: .matMul, inputs: ["q", constant("fc.kernel", [8, 10], 0.3)], outputs: ["m"]))
        graph.nodes.append(
            Node(name: "fcbias", op: .binary(.add), inputs: ["m", constant("fc.bias", [10], 0.1)], outputs: ["y"]))
        return graph
    }

    /// Two random images.
    static func images(_ seed: UInt64) -> Tensor {
        var random = SeededGenerator(seed: seed)
        let shape: Shape = [2, 3, 12, 12]
        return Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in random.normal() })
    }
}
