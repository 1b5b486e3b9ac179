import Graphs
import Tensors

/// A residual network for images [N, 1, 28, 28]: a 3x3 convolution, stages of basic blocks, global pooling, a linear layer.
struct ResidualNetwork {
    private(set) var nodes: [Node] = []
    private(set) var initializers: [String: Tensor] = [:]
    private(set) var trained: [String] = []
    private var random = RandomNumbers(seed: 1)

    /// The graph for channels of each stage and blocks per stage.
    static func graph(channels: [Int], blocks: Int) -> (graph: Graph, trained: [String]) {
        var network = ResidualNetwork()
        var value = network.convolution("stem", "image", from: 1, to: channels[0], kernel: 3, stride: 1, relu: true)
        var width = channels[0]
        for (stage, count) in channels.enumerated() {
            for block in 0..<blocks {
                let stride = block == 0 && stage > 0 ? 2 : 1
                value = network.block("s\(stage)b\(block)", value, from: width, to: count, stride: stride)
                width = count
            }
        }
        network.add("pool", .globalAveragePool, [value], "pooled")
        network.add("flatten", .flatten(axis: 1), ["pooled"], "features")
        network.parameter("fc.weight", [10, width], spread: 1 / Float(width).squareRoot())
        network.parameter("fc.bias", [10], spread: 0)
        network.add("fc", .gemm(GemmAttributes(transposeB: true)), ["features", "fc.weight", "fc.bias"], "logits")
        let image = TensorType(elementType: .float32, dimensions: [.symbol("N"), 1, 28, 28])
        let logits = TensorType(elementType: .float32, dimensions: [.symbol("N"), 10])
        let graph = Graph(
            name: "resnet", inputs: [.init(name: "image", type: image)], outputs: [.init(name: "logits", type: logits)],
            initializers: network.initializers, nodes: network.nodes)
        return (graph, network.trained)
    }

    private mutating func block(_ name: String, _ input: String, from: Int, to: Int, stride: Int) -> String {
        let first = convolution("\(name).conv1", input, from: from, to: to, kernel: 3, stride: stride, relu: true)
        let second = convolution("\(name).conv2", first, from: to, to: to, kernel: 3, stride: 1, relu: false)
        var shortcut = input
        if stride != 1 || from != to {
            shortcut = convolution("\(name).down", input, from: from, to: to, kernel: 1, stride: stride, relu: false)
        }
        add("\(name).add", .binary(.add), [second, shortcut], "\(name).sum")
        add("\(name).relu", .unary(.relu), ["\(name).sum"], "\(name).out")
        return "\(name).out"
    }

    /// Convolution without bias and batch normalization.
    private mutating func convolution(
        _ name: String, _ input: String, from: Int, to: Int, kernel: Int, stride: Int, relu: Bool
    ) -> String {
        parameter(
            "\(name).weight", [to, from, kernel, kernel], spread: (2 / Float(from * kernel * kernel)).squareRoot())
        parameter("\(name).scale", [to], spread: 0, centre: 1)
        parameter("\(name).shift", [to], spread: 0)
        initializers["\(name).mean"] = Tensor(zeros: [to], elementType: .float32)
        initializers["\(name).variance"] = Tensor(shape: [to], elements: [Float](repeating: 1, count: to))
        let pad = [kernel / 2, kernel / 2]
        let attributes = ConvolutionAttributes(
            strides: [stride, stride], padding: .explicit(before: pad, after: pad))
        add(name, .convolution(attributes), [input, "\(name).weight"], "\(name).conv")
        nodes.append(
            Node(
                name: "\(name).bn", op: .batchNormalization(.init(momentum: 0, trainingMode: true)),
                inputs: ["conv", "scale", "shift", "mean", "variance"].map { "\(name).\($0)" },
                outputs: ["normalized", "batch_mean", "batch_variance"].map { "\(name).\($0)" }))
        guard relu else { return "\(name).normalized" }
        add("\(name).relu", .unary(.relu), ["\(name).normalized"], "\(name).out")
        return "\(name).out"
    }

    private mutating func add(_ name: String, _ op: Operator, _ inputs: [String], _ output: String) {
        nodes.append(Node(name: name, op: op, inputs: inputs, outputs: [output]))
    }

    private mutating func parameter(_ name: String, _ shape: [Int], spread: Float, centre: Float = 0) {
        let shape = Shape(shape)
        let elements = (0..<shape.elementCount).map { _ in centre + spread * random.symmetric() }
        initializers[name] = Tensor(shape: shape, elements: elements)
        trained.append(name)
    }
}

/// A linear congruential generator: enough for benchmarks.
struct RandomNumbers {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// Uniform in -1..<1.
    mutating func symmetric() -> Float {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(state >> 40) * 0x1p-23 - 1
    }
}
