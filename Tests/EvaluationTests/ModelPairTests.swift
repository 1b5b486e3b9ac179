import Conversion
import Evaluation
import Execution
import Graphs
import Quantization
import Tensors
import TestSupport
import Testing

/// Which values are compared, and what a layer's own error is.
@Suite struct ModelPairTests {
    @Test func layersAreMatchedByNameAndTheRestIsNamed() throws {
        let pair = try ModelPair(float: SmallModels.float(), quantized: SmallModels.quantized())
        #expect(pair.layers.map(\.value) == ["x", "r", "p", "f", "scores"])
        #expect(pair.layers.map(\.node) == ["", "conv", "pool", "flat", "fc"])
        #expect(pair.layers.map(\.operatorName) == ["Input", "Conv", "GlobalAveragePool", "Flatten", "Gemm"])
        #expect(pair.layers[1].quantizedValue == "r_DequantizeLinear_Output")
        #expect(pair.layers[4].quantizedValue == "scores" && pair.layers[4].isOutput)
        #expect(pair.layers.allSatisfy { $0.quantizers.map(\.type) == ["uint8"] })
        // The Relu went into the convolution.
        #expect(pair.unmatched.map(\.value) == ["c"] && pair.unmatched.map(\.node) == ["conv"])
        #expect(pair.scores == "scores")
    }

    @Test func modelsThatDoNotBelongTogetherAreRefusedByName() throws {
        let float = try SmallModels.float()
        let quantized = try SmallModels.quantized()
        var other = quantized
        other.outputs[0].name = "other"
        #expect(
            throws: ModelPairError.onlyInOne(what: "output", name: "scores", isInFloat: true, others: ["other"])
        ) { try ModelPair(float: float, quantized: other) }
        other = quantized
        other.inputs.append(.init(name: "mask", type: TensorType(elementType: .float32, dimensions: nil)))
        #expect(
            throws: ModelPairError.onlyInOne(what: "input", name: "mask", isInFloat: false, others: ["x"])
        ) { try ModelPair(float: float, quantized: other) }
        other = quantized
        other.inputs[0].type = TensorType(elementType: .float32, dimensions: [.symbol("N"), 2, 7, 7])
        #expect(
            throws: ModelPairError.differs(
                what: "input", name: "x", float: "float32[N, 2, 6, 6]", quantized: "float32[N, 2, 7, 7]")
        ) { try ModelPair(float: float, quantized: other) }
    }

    /// `firstconv`: the float model gets the normalization that the device's first convolution does itself.
    @Test func rawDataAreNormalizedInBothModels() throws {
        var generator = SeededGenerator(seed: 3)
        let type = TensorType(elementType: .float32, dimensions: [.symbol("N"), 3, 4, 4])
        let float = Graph(
            name: "first", inputs: [.init(name: "x", type: type)],
            outputs: [.init(name: "r", type: TensorType(elementType: .float32, dimensions: nil))],
            initializers: ["w": Tensor(shape: [2, 3, 1, 1], elements: (0..<6).map { _ in generator.normal() })],
            nodes: [
                Node(name: "conv", op: .convolution(ConvolutionAttributes()), inputs: ["x", "w"], outputs: ["c"]),
                Node(name: "relu", op: .unary(.relu), inputs: ["c"], outputs: ["r"]),
            ])
        let (mean, std) = ([0.4, 0.5, 0.6], [0.25, 0.2, 0.3])
        let conversion = try float.preparedForMLU().quantizeDynamicMLU(
            qconfigSpec: MLUQuantizationSpecification(firstConvolution: true, mean: mean, std: std), dtype: "int16",
            genQuant: true)
        let module = try #require(conversion.modules.first)
        var observer = conversion.specification.observer
        // What pixels become: (0 - 0.5) / 0.2 to (1 - 0.4) / 0.25.
        var range = CallRange()
        range.include([Float(-2.5), 2.5].span)
        observer.record(range)
        let state = conversion.stateDictionary(observers: [module.path: observer]).state
        let pair = try ModelPair(imported: float, quantized: .state(state))
        let pixels = Tensor(
            shape: [3, 3, 4, 4], elements: (0..<144).map { _ in Float(generator.next() % 256) })
        let statistics = try SmallModels.evaluate(pair, ["x": pixels], batches: [0..<3])
        #expect(pair.layers.map(\.node) == ["conv", "relu"])
        for (name, layer) in statistics.layers {
            #expect(layer.total.signalToNoiseDecibels > 60, "\(name)")
            #expect(layer.saturated == 0)
        }
    }

    @Test func aModelComparedWithItselfIsExact() throws {
        let float = try SmallModels.float()
        let pair = try ModelPair(float: float, quantized: float)
        #expect(pair.layers.map(\.value) == ["c", "r", "p", "f", "scores"] && pair.unmatched.isEmpty)
        let statistics = try SmallModels.evaluate(pair, SmallModels.inputs(3), batches: [0..<3])
        for layer in statistics.layers.values {
            #expect(layer.own.error.isZero && layer.total.error.isZero && layer.quantized == 0)
        }
        #expect(statistics.predictions.allSatisfy { $0.float == $0.quantized })
    }

    @Test func batchesAndOrderDoNotChangeTheStatistics() throws {
        let pair = try ModelPair(float: SmallModels.float(), quantized: SmallModels.quantized())
        let inputs = SmallModels.inputs(7)
        let whole = try SmallModels.evaluate(pair, inputs, batches: [0..<7])
        #expect(try SmallModels.evaluate(pair, inputs, batches: [5..<7, 0..<2, 2..<5]).encoded() == whole.encoded())
        let parts = try (0..<7).map { try SmallModels.evaluate(pair, inputs, batches: [$0..<$0 + 1]) }
        let merged = try parts.dropFirst().reduce(parts[0]) { try $1.merging($0) }
        #expect(try merged.encoded() == whole.encoded())
    }

    @Test func ownErrorIsThatOfTheLayerAlone() throws {
        // The first layer's weights are spoilt: every total error shows it, only its own error is its own.
        let good = try ModelPair(float: SmallModels.float(), quantized: SmallModels.quantized())
        var spoilt = try SmallModels.quantized()
        let scale = try #require(spoilt.initializers["w1_scale"])
        spoilt.initializers["w1_scale"] = Tensor(
            shape: scale.shape, elements: scale.elements(as: Float.self).map { $0 * 1.5 })
        let bad = try ModelPair(float: SmallModels.float(), quantized: spoilt)
        let inputs = SmallModels.inputs(8)
        let before = try SmallModels.evaluate(good, inputs, batches: [0..<8])
        let after = try SmallModels.evaluate(bad, inputs, batches: [0..<8])
        for name in ["x", "p", "f", "scores"] {
            #expect(after.layers[name]?.own == before.layers[name]?.own, "\(name)")
        }
        for name in ["r", "p", "f", "scores"] {
            let (old, new) = (before.layers[name]?.total, after.layers[name]?.total)
            #expect(try #require(new).signalToNoiseDecibels < #require(old).signalToNoiseDecibels - 3, "\(name)")
        }
        #expect(
            try #require(after.layers["r"]).own.signalToNoiseDecibels
                < #require(before.layers["r"]).own.signalToNoiseDecibels - 3)
        // The input has nothing before it.
        #expect(after.layers["x"]?.own == after.layers["x"]?.total)
    }

    @Test func whatIsClampedIsWhatTheKernelClamps() throws {
        // A step so small that most of the input lies outside.
        let pair = try ModelPair(float: SmallModels.float(), quantized: SmallModels.quantized(scale: 0.004))
        let inputs = SmallModels.inputs(4)
        let statistics = try SmallModels.evaluate(pair, inputs, batches: [0..<4])
        let layer = try #require(statistics.layers["x"])
        let elements = try #require(inputs["x"]).elements(as: Float.self)
        let clamped = elements.count { element in
            let rounded = (element / 0.004).rounded(.toNearestOrEven) + 128
            return rounded < 0 || rounded > 255
        }
        #expect(layer.quantized == UInt64(elements.count) && layer.saturated == UInt64(clamped) && clamped > 0)
    }

    @Test(arguments: [Float(0.02), 0.1, 1, 3.7e-5, 1e30]) func thresholdsAreExactToTheLastBit(scale: Float) throws {
        let pair = try ModelPair(float: SmallModels.float(), quantized: SmallModels.quantized(scale: scale))
        for layer in pair.layers {
            let limits = try #require(layer.quantizers.first)
            let zeroPoint: Float = layer.value == "x" || layer.value == "scores" ? 128 : 0
            func isClamped(_ number: Float) -> Bool {
                let offset = (number / scale).rounded(.toNearestOrEven) + (layer.value == "r" ? 0 : zeroPoint)
                return offset < 0 || offset > 255
            }
            guard layer.value == "x" || layer.value == "r" else { continue }
            #expect(!isClamped(limits.lower[0]) && isClamped(limits.lower[0].nextDown), "\(layer.value)")
            #expect(!isClamped(limits.upper[0]) && isClamped(limits.upper[0].nextUp), "\(layer.value)")
        }
    }

    @Test func differentShapesAreRefusedByName() throws {
        let pair = try ModelPair(float: SmallModels.float(), quantized: SmallModels.quantized())
        var accumulator = EvaluationAccumulator(pair)
        let executor = try ReferenceExecutor(pair.float)
        let error = #expect(throws: EvaluationComputationError.self) {
            try accumulator.addBatch(samples: [0], inputs: SmallModels.inputs(1)) { role, inputs in
                if role == .float { return try executor.run(inputs, tap: nil) }
                return Dictionary(
                    uniqueKeysWithValues: pair.layers.map {
                        ($0.quantizedValue, Tensor(zeros: [1, 9], elementType: .float32))
                    })
            }
        }
        #expect(error?.description.contains("'x' has shape [1, 2, 6, 6]") == true)
    }

    @Test func theDevicesModulesClampTheirInput() throws {
        // A linear layer of the device, int8: round half away from zero of x * scale.
        let float = Graph(
            name: "linear",
            inputs: [.init(name: "x", type: TensorType(elementType: .float32, dimensions: [.symbol("N"), 3]))],
            outputs: [.init(name: "y", type: TensorType(elementType: .float32, dimensions: [.symbol("N"), 2]))],
            initializers: ["fc.weight": Tensor(shape: [2, 3], elements: [Float](repeating: 0.5, count: 6))],
            nodes: [
                Node(
                    name: "fc", op: .gemm(GemmAttributes(transposeB: true)), inputs: ["x", "fc.weight"],
                    outputs: ["y"])
            ])
        var device = float
        device.initializers["fc.scale"] = Tensor(shape: [2], elements: [Float(63.5), 254])
        device.initializers["fc.quantized_mode"] = Tensor(shape: [1], elements: [Int32(1)])
        device.nodes = [
            Node(
                name: "fc", op: .mlu(.linear), inputs: ["x", "fc.weight", "", "fc.scale", "fc.quantized_mode"],
                outputs: ["y"])
        ]
        let pair = try ModelPair(float: float, quantized: device)
        #expect(pair.layers.map(\.operatorName) == ["MLULinear"])
        let limits = try #require(pair.layers[0].quantizers.first)
        func isClamped(_ number: Float) -> Bool {
            let rounded = (number * 63.5).rounded(.toNearestOrAwayFromZero)
            return rounded < -128 || rounded > 127
        }
        #expect(!isClamped(limits.lower[0]) && isClamped(limits.lower[0].nextDown))
        #expect(!isClamped(limits.upper[0]) && isClamped(limits.upper[0].nextUp))
        // What a layer reads is the float model's value, under its own name.
        #expect(pair.isolated.nodes[0].inputs[0] == "x")
        #expect(limits.saturatedCount(in: Tensor(shape: [1, 3], elements: [Float(1.9), 2.1, -2.1])) == 2)
    }
}
