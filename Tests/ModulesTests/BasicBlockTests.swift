import Conversion
import Execution
import Graphs
import Modules
import Tensors
import TestSupport
import Testing

/// The guide's block of ResNet-18: of fused modules, and of plain layers as it was before.
@Suite struct BasicBlockTests {
    private struct Fused: Module {
        let convBnRelu1: ConvBnRelu2d
        let convBn2: ConvBn2d
        let downsample: any Module
        let addRelu = Elemwise("FUSE_ADD_RELU")

        init(_ input: Int, _ output: Int, stride: Int) {
            convBnRelu1 = ConvBnRelu2d(input, output, 3, stride: stride, padding: 1, bias: false)
            convBn2 = ConvBn2d(output, output, 3, padding: 1, bias: false)
            downsample =
                input == output && stride == 1 ? Identity() : ConvBn2d(input, output, 1, stride: stride, bias: false)
        }

        func forward(_ x: Value) -> Value { addRelu(convBn2(convBnRelu1(x)), downsample.forward(x)) }
    }

    private struct Plain: Module {
        let conv1: Conv2d
        let bn1: BatchNorm2d
        let conv2: Conv2d
        let bn2: BatchNorm2d
        let downsample: any Module

        init(_ input: Int, _ output: Int, stride: Int) {
            conv1 = Conv2d(input, output, 3, stride: stride, padding: 1, bias: false)
            bn1 = BatchNorm2d(output)
            conv2 = Conv2d(output, output, 3, padding: 1, bias: false)
            bn2 = BatchNorm2d(output)
            downsample =
                input == output && stride == 1
                ? Identity()
                : Sequential(Conv2d(input, output, 1, stride: stride, bias: false), BatchNorm2d(output))
        }

        func forward(_ x: Value) -> Value {
            (bn2(conv2(bn1(conv1(x)).relu())) + downsample.forward(x)).relu()
        }
    }

    /// The fused block's name of a plain one's parameter.
    private static func fusedName(_ name: String) -> String {
        [
            "conv1.": "convBnRelu1.conv.", "bn1.": "convBnRelu1.bn.", "conv2.": "convBn2.conv.", "bn2.": "convBn2.bn.",
            "downsample.0.": "downsample.conv.", "downsample.1.": "downsample.bn.",
        ].reduce(name) { name, pair in
            name.hasPrefix(pair.key) ? pair.value + name.dropFirst(pair.key.count) : name
        }
    }

    private static func distance(_ a: Tensor?, _ b: Tensor?) -> Float {
        guard let a, let b, a.shape == b.shape else { return .infinity }
        return zip(a.elements(as: Float.self), b.elements(as: Float.self)).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    @Test(arguments: [(6, 6, 1), (4, 8, 2), (3, 5, 1)], [1, 2] as [UInt64])
    func fusedBlocksComputeWhatPlainOnesDo(extents: (Int, Int, Int), seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let (input, output, stride) = extents
        var plain = Network(Plain(input, output, stride: stride), shape: [input, 9, 9])
        plain.randomize(&random)
        // `bn.weight` is the factor of a normalization in both.
        for name in ["bn1.weight", "bn2.weight", "downsample.1.weight"] where plain.graph.initializers[name] != nil {
            plain.graph.initializers[name] = Tensor(
                shape: [output], elements: (0..<output).map { _ in 0.5 + abs(random.normal()) })
        }
        var fused = Network(Fused(input, output, stride: stride), shape: [input, 9, 9])
        var state = StateDictionary()
        for entry in plain.stateDictionary.entries { state[Self.fusedName(entry.name)] = entry.tensor }
        try fused.loadStateDictionary(state)
        let x = ["data": random.tensor([3, input, 9, 9])]
        for isTraining in [false, true] {
            if isTraining {
                plain.train()
                fused.train()
            } else {
                plain.eval()
                fused.eval()
            }
            let (a, b) = (try plain.run(x)["output"], try fused.run(x)["output"])
            #expect(Self.distance(a, b) <= 1e-4, "seed \(seed)")
        }
        // The same statistics were followed.
        for entry in plain.stateDictionary.entries {
            let name = Self.fusedName(entry.name)
            #expect(Self.distance(fused.stateDictionary[name], entry.tensor) <= 1e-4, "\(entry.name)")
        }
    }

    @Test func plainBlocksAreFusedAutomatically() throws {
        var random = SeededGenerator(seed: 3)
        var plain = Network(Plain(4, 8, stride: 2), shape: [4, 9, 9])
        plain.randomize(&random)
        plain.eval()
        let x = ["data": random.tensor([2, 4, 9, 9])]
        let graph = try plain.graph.expandingModules(isTraining: false).graph.findingModules()
        #expect(graph.modules().map(\.op.name).sorted() == ["ConvBn2d", "ConvBn2d", "ConvBnRelu2d", "Elemwise"])
        #expect(graph.nodes.count == 4)
        var fused = Network(graph)
        fused.eval()
        #expect(Self.distance(try fused.run(x)["output"], try plain.run(x)["output"]) <= 1e-4)
    }

    @Test func otherLayersAreFusedWithWhatStandsBehindThem() throws {
        struct Other: Module {
            let transposed = ConvTranspose2d(3, 4, 3, stride: 2)
            let bn1 = BatchNorm2d(4)
            let linear = Linear(4, 6)
            let bn2 = BatchNorm2d(6)
            func forward(_ x: Value) -> Value {
                bn2(linear(bn1(transposed(x)).relu().globalAveragePool().flatten())).relu()
            }
        }
        var random = SeededGenerator(seed: 4)
        var plain = Network(Other(), shape: [3, 5, 5])
        plain.randomize(&random)
        plain.eval()
        let graph = try plain.graph.expandingModules(isTraining: false).graph.findingModules()
        #expect(graph.modules().map(\.op.name) == ["ConvTransposeBnRelu2d", "LinearBnRelu1d"])
        var fused = Network(graph)
        let x = ["data": random.tensor([4, 3, 5, 5])]
        for isTraining in [false, true] {
            if isTraining {
                plain.train()
                fused.train()
            } else {
                plain.eval()
                fused.eval()
            }
            #expect(Self.distance(try fused.run(x)["output"], try plain.run(x)["output"]) <= 1e-4)
        }
    }
}
