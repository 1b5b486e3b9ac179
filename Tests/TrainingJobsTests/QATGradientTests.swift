import Conversion
import Graphs
import Modules
import Quantization
import Tensors
import TestSupport
import Testing
import Training
import TrainingJobs

/// Gradients through fake quantizers and past observers.
@Suite struct QATGradientTests {
    private struct Product: Module {
        let layer: any Module
        init(_ layer: any Module) { self.layer = layer }
        func forward(_ x: Value) -> Value { layer.forward(x) }
    }

    private static func tensor(_ shape: [Int], _ random: inout SeededGenerator) -> Tensor {
        Tensor(shape: Shape(shape), elements: (0..<shape.reduce(1, *)).map { _ in random.normal() })
    }

    /// A weight is rounded on the way forward, and its gradient is that of the value it was rounded to.
    @Test func gradientsGoStraightThroughRounding() throws {
        var random = SeededGenerator(seed: 1)
        var net = Network(Product(Linear(4, 3, bias: false)), shape: [4])
        net.graph.initializers["layer.weight"] = Self.tensor([3, 4], &random)
        try net.quantizeQAT(
            QConfig(
                weightObserver: ObserverSpecification(.minMax, dtype: .qint8Narrow), actObserver: nil,
                weightFakeQuant: FakeQuantSpecification(dtype: .qint8Narrow), actFakeQuant: nil))
        let (x, t) = (Self.tensor([5, 4], &random), Self.tensor([5, 3], &random))
        let computer = try MicroBatchComputer(net.graph, loss: .innerProduct)
        let result = try computer.compute(
            parameters: MicroBatchComputer.parameters(of: net.graph), inputs: ["data": x], targets: t)
        let (data, above) = (x.elements(as: Float.self), t.elements(as: Float.self))
        let weight = try #require(net.graph.initializers["layer.weight"]).elements(as: Float.self)
        // The largest element becomes exactly 127 steps, so nothing is clipped: dW = T^T x, as without rounding.
        let gradient = try #require(result.gradients["layer.weight"]).elements(as: Float.self)
        for index in gradient.indices {
            let wanted = (0..<5).reduce(0.0) {
                $0 + Double(above[$1 * 3 + index / 4]) * Double(data[$1 * 4 + index % 4])
            }
            #expect(abs(Double(gradient[index]) - wanted) <= 1e-5)
        }
        // The loss is that of the rounded weight.
        let scale = weight.reduce(0) { max($0, abs($1)) } / 127
        let quantizer = FakeQuantizer(FakeQuantSpecification(dtype: .qint8Narrow), parameter: scale)
        let loss = (0..<15).reduce(0.0) { sum, index in
            sum
                + (0..<4).reduce(0.0) {
                    $0 + Double(above[index]) * Double(data[index / 3 * 4 + $1])
                        * Double(quantizer(weight[index % 3 * 4 + $1]))
                }
        }
        #expect(abs(result.loss - loss) <= 1e-4, "\(result.loss) \(loss)")
    }

    /// The loss reads a weight times the scale that is observed of it: only the weight itself has a gradient.
    @Test func noGradientGoesIntoStatistics() throws {
        let specification = ObserverSpecification(.minMax)
        let nodes = [
            Node(
                name: "observe", op: .observe(ObserveAttributes(specification)), inputs: ["w", "low", "high"],
                outputs: ["scale", "zero", "minimum", "maximum"]),
            Node(name: "product", op: .binary(.multiply), inputs: ["w", "scale"], outputs: ["y"]),
        ]
        let weight = Tensor(shape: [3], elements: [Float(0.5), -2, 1])
        let targets = Tensor(shape: [3], elements: [Float(1), 2, 3])
        let graph = Graph(
            name: "statistics", inputs: [],
            outputs: [.init(name: "y", type: TensorType(elementType: .float32, dimensions: nil))],
            initializers: [
                "w": weight, "low": Tensor(shape: [1], elements: [Float.greatestFiniteMagnitude]),
                "high": Tensor(shape: [1], elements: [-Float.greatestFiniteMagnitude]),
            ], nodes: nodes)
        let result = try TrainingExecutor(graph, trained: ["w"], lossInput: "y").run(
            inputs: [:], loss: .innerProduct, targets: targets)
        let scale = Float(2) / 127.5
        let gradient = try #require(result.gradients["w"]).elements(as: Float.self)
        for (ours, target) in zip(gradient, [Float(1), 2, 3]) { #expect(abs(ours - target * scale) <= 1e-7) }
    }

    /// With fake quantizers off, the gradients of a QAT network are those of the float one, whatever its observers do.
    @Test func withoutRoundingGradientsAreThoseOfTheFloatModel() throws {
        let float = TinyNet.network()
        let batch = Stripes(12, seed: 4).batch(0..<12)
        func gradients(_ net: Network) throws -> [String: Tensor] {
            try MicroBatchComputer(net.graph, loss: .crossEntropy()).compute(
                parameters: MicroBatchComputer.parameters(of: net.graph), inputs: batch.inputs, targets: batch.targets
            ).gradients
        }
        let plain = try gradients(float)
        var net = float
        try net.quantizeQAT(.emaFakequant)
        net.disableFakeQuant()
        let observed = try gradients(net)
        net.disableObserver()
        #expect(try gradients(net) == observed)
        #expect(Set(observed.keys) == Set(plain.keys))
        for (name, tensor) in plain {
            let (a, b) = (tensor.elements(as: Float.self), try #require(observed[name]).elements(as: Float.self))
            #expect(zip(a, b).allSatisfy { abs($0 - $1) <= 1e-4 * max(abs($0), 1) }, "\(name)")
        }
    }

    static let layers: [(String, [Int], @Sendable () -> any Module)] = [
        ("Conv2d", [4, 6, 6], { Conv2d(4, 4, 3, padding: 1, groups: 2, paddingMode: .reflect) }),
        ("ConvRelu2d", [2, 6, 6], { ConvRelu2d(2, 3, 3, stride: 2, paddingMode: .replicate) }),
        ("ConvBn2d", [2, 6, 6], { ConvBn2d(2, 3, 3, dilation: 2) }),
        ("ConvBnRelu2d", [2, 6, 6], { ConvBnRelu2d(2, 3, 3, padding: 1) }),
        ("Linear", [5], { Linear(5, 4) }), ("LinearRelu", [3, 5], { LinearRelu(5, 4) }),
        ("LinearBn1d", [5], { LinearBn1d(5, 4) }), ("LinearBnRelu1d", [5], { LinearBnRelu1d(5, 4) }),
        ("ConvTranspose2d", [2, 4, 4], { ConvTranspose2d(2, 3, 3, stride: 2, outputPadding: 1) }),
        ("ConvTransposeRelu2d", [4, 4, 4], { ConvTransposeRelu2d(4, 4, 3, groups: 2) }),
        ("ConvTransposeBn2d", [4, 4, 4], { ConvTransposeBn2d(4, 6, 3, padding: 1, groups: 2) }),
        ("ConvTransposeBnRelu2d", [2, 4, 4], { ConvTransposeBnRelu2d(2, 3, 2, stride: 2) }),
        ("BatchMatMulActivation", [5, 3], { BatchMatMulActivation(batch: 6, 5, 4, relu: true) }),
    ]

    /// Every module with weights trains: a step moves each parameter, and everything stays finite.
    @Test(arguments: 0..<13, [QConfig.minMaxFakequant, .emaLowbitFakequant])
    func everyModuleTrains(index: Int, qconfig: QConfig) throws {
        let (name, shape, make) = Self.layers[index]
        var random = SeededGenerator(seed: UInt64(index))
        var net = Network(Sequential(QuantStub(), make(), DequantStub()), shape: shape)
        try net.quantizeQAT(qconfig)
        #expect(net.graph.modules(under: "1").map(\.op.name) == ["QAT.\(name)"])
        let x = Self.tensor([6] + shape, &random)
        net.eval()
        let resting = try net.run(["data": x])
        let extents = try #require(resting["output"]).shape.dimensions
        net.train()
        let trainer = try Trainer(
            net.graph, loss: .meanSquaredError, optimizer: Optimizer(.sgd()), schedule: LearningRateSchedule(base: 0.05)
        )
        let targets = Self.tensor(extents, &random)
        let losses = try (0..<15).map { _ in try trainer.step(["data": x], targets: targets).loss }
        #expect(losses.allSatisfy(\.isFinite) && losses[14] < losses[0], "\(name): \(losses)")
        for parameter in [String](net.graph.initializers.keys).sorted() {
            let (old, new) = (net.graph.initializers[parameter], trainer.state.graph.initializers[parameter])
            guard let new, new.elementType == .float32 else { continue }
            let isFinite = new.elements(as: Float.self).allSatisfy { $0.isFinite }
            #expect(isFinite, "\(parameter)")
            // A bias before a normalization of the batch has no effect.
            let hasNoEffect = parameter.hasSuffix(".bias") && name.contains("Bn") && !parameter.contains(".bn.")
            if !parameter.contains("_observer."), !hasNoEffect { #expect(old != new, "\(name) \(parameter)") }
        }
    }
}
