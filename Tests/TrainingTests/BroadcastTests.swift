import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

@testable import Training

/// Functions of two tensors of which one is repeated, against the plain kernels and sums in float64.
@Suite struct BroadcastTests {
    private static let shapes: [Shape] = [
        [], [1], [5, 1, 1], [1, 5, 1, 1], [3, 4], [4], [2, 1, 1, 1], [2, 5, 3, 4], [5, 3, 4], [1, 5, 3, 4],
        [1, 1, 3, 1],
    ]

    /// y = function(x, b) or function(b, x), where x comes as it is or from a convolution that changes nothing but the layout.
    private static func graph(
        _ function: BinaryFunction, _ x: Tensor, _ b: Tensor, isSwapped: Bool, isConvolved: Bool
    ) -> Graph {
        let channels = x.shape[1]
        var graph = Graph(
            name: "broadcast", inputs: [], outputs: [.init(name: "y", type: TensorType(x))], nodes: [])
        var source = "x"
        graph.initializers = ["x": x, "b": b]
        if isConvolved {
            graph.initializers["w"] = Tensor(
                shape: [channels, channels, 1, 1],
                elements: (0..<channels * channels).map { $0 % (channels + 1) == 0 ? Float(1) : 0 })
            graph.nodes.append(
                Node(name: "conv", op: .convolution(ConvolutionAttributes()), inputs: ["x", "w"], outputs: ["c"]))
            source = "c"
        }
        graph.nodes.append(
            Node(
                name: "f", op: .binary(function), inputs: isSwapped ? ["b", source] : [source, "b"], outputs: ["y"]))
        return graph
    }

    @Test(arguments: shapes, [BinaryFunction.add, .subtract, .multiply, .divide])
    func repeatedOperandsGiveTheBitsOfThePlainKernels(shape: Shape, function: BinaryFunction) throws {
        try check(function, [2, 5, 3, 4], shape, seed: UInt64(shape.elementCount))
    }

    /// Periods that are long, that do not divide a tile, and that end before it.
    @Test(arguments: [1, 3, 511, 512, 513, 1030]) func channelsOfAnyNumber(channels: Int) throws {
        try check(.divide, [2, channels, 2, 3], [1, channels, 1, 1], seed: UInt64(channels))
    }

    private func check(_ function: BinaryFunction, _ shape: Shape, _ repeated: Shape, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        func tensor(_ shape: Shape) -> Tensor {
            Tensor(
                shape: shape,
                elements: (0..<shape.elementCount).map { _ in Float.random(in: 0.5...2, using: &generator) })
        }
        let (x, b, up) = (tensor(shape), tensor(repeated), tensor(shape))
        for (isSwapped, isConvolved) in [(false, false), (false, true), (true, false), (true, true)] {
            let graph = Self.graph(function, x, b, isSwapped: isSwapped, isConvolved: isConvolved)
            let executor = try TrainingExecutor(graph, trained: ["b", "x"], lossInput: "y")
            let result = try executor.run(inputs: [:], loss: .innerProduct, targets: up)
            let operands = isSwapped ? [b, x] : [x, b]
            let plain = try ReferenceKernels.evaluate(.binary(function), inputs: operands, outputCount: 1)[0]
            #expect(try executor.forward(inputs: [:])["y"] == plain, "\(repeated) \(function) seed \(seed)")
            let slopes = try slopes(function, operands, shape)
            for (name, index) in [("x", isSwapped ? 1 : 0), ("b", isSwapped ? 0 : 1)] {
                let target = name == "x" ? shape : repeated
                let products = zip(slopes[index], up.elements(as: Float.self)).map { $0 * Double($1) }
                var sums = [Double](repeating: 0, count: target.elementCount)
                for (place, group) in IndexTable.broadcast(target, .rowMajor, to: shape, .rowMajor).enumerated() {
                    sums[Int(group)] += products[place]
                }
                let gradient = try #require(result.gradients[name]).elements(as: Float.self)
                for (one, other) in zip(gradient, sums) {
                    #expect(abs(Double(one) - other) <= 1e-5 * max(abs(other), 1), "\(name) \(repeated) seed \(seed)")
                }
            }
        }
    }

    /// The derivative by each operand at each element of the result.
    private func slopes(_ function: BinaryFunction, _ operands: [Tensor], _ shape: Shape) throws -> [[Double]] {
        let values = operands.map { operand in
            let elements = operand.elements(as: Float.self)
            return IndexTable.broadcast(operand.shape, .rowMajor, to: shape, .rowMajor).map {
                Double(elements[Int($0)])
            }
        }
        return zip(values[0], values[1]).reduce(into: [[], []]) { slopes, pair in
            let (a, b) = pair
            let both: (Double, Double) =
                switch function {
                case .subtract: (1, -1)
                case .multiply: (b, a)
                case .divide: (1 / b, -a / (b * b))
                default: (1, 1)
                }
            slopes[0].append(both.0)
            slopes[1].append(both.1)
        }
    }
}
