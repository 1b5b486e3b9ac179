import Foundation
import Graphs
import ONNXFormat
import Tensors
import TestSupport
import Testing

/// What cannot be imported is refused with the names of what is wrong.
@Suite struct ImportRefusalTests {
    @Test func allUnsupportedOperatorsAreReportedAtOnce() throws {
        var model = ModelBuilder(opset: 13)
        model.declare(domain: "com.example", opset: 3)
        model.input("x", [2])
        model.output("d")
        model.node("Strange", ["x"], ["a"], name: "first")
        model.node("Fancy", ["a"], ["b"], name: "second", domain: "com.example")
        model.node("Strange", ["b"], ["c"])
        model.node("SequenceMap", ["c"], ["d"], name: "map", [.graph("body", Onnx_GraphProto())])
        #expect(
            try model.importError()
                == .unsupportedOperators([
                    .init(domain: "", name: "Strange", opset: 13, nodes: ["first", "Strange_2"]),
                    .init(domain: "com.example", name: "Fancy", opset: 3, nodes: ["second"]),
                    .init(
                        domain: "", name: "SequenceMap", opset: 13, nodes: ["map"],
                        reason: "it holds a graph of its own; export the model without control flow"),
                ]))
    }

    @Test(arguments: [[Int64.max], [1 << 40, 1 << 40], [0, 1 << 40]])
    func inputsThatNoTensorFitsAreRefused(extents: [Int64]) throws {
        var model = ModelBuilder(opset: 13)
        model.input("x", extents)
        model.output("y")
        model.node("Relu", ["x"], ["y"])
        let error = try model.importError()?.description
        #expect(error?.contains("'x'") == true && error?.contains("no tensor has the extents") == true)
    }

    @Test(arguments: ["RandomNormal", "RandomUniformLike", "Bernoulli", "Multinomial"])
    func randomNumbersAreRefusedBecauseOfDeterminism(name: String) throws {
        let description = try ModelBuilder.single(name, opset: 15).importError()?.description
        #expect(description?.contains("\(name) (opset 15) at 'n': it draws random numbers") == true)
    }

    @Test(arguments: [(Float(0.5), true), (0, false)])
    func dropoutThatTrainsIsRefusedUnlessItDropsNothing(ratio: Float, isRefused: Bool) throws {
        let model = ModelBuilder.single(
            "Dropout", opset: 13, constants: [ModelBuilder.floats("r", [], [ratio]), ModelBuilder.flag("t", true)],
            inputs: ["x", "r", "t"])
        #expect((try model.importError()?.description.contains("draws random numbers") == true) == isRefused)
    }

    @Test func valuesOutsideTheRangeOfAttributesAreRefused() throws {
        let mistakes: [(String, Onnx_AttributeProto, String)] = [
            ("Einsum", .text("equation", "ij->ijj"), "letters and '...'"), ("Einsum", .text("equation", "i1->i"), "i1"),
            ("LpNormalization", .integer("p", 3), "1 or 2"), ("GlobalLpPool", .integer("p", 0), "at least 1"),
            ("GroupNormalization", .integer("num_groups", 0), "at least 1"),
            ("DequantizeLinear", .integer("block_size", -2), "negative"),
            ("SoftmaxCrossEntropyLoss", .text("reduction", "median"), "'mean'"),
        ]
        for (name, attribute, part) in mistakes {
            let description = try ModelBuilder.single(name, opset: 21, [attribute]).importError()?.description
            #expect(description?.contains(part) == true, "\(name): \(description ?? "imported")")
        }
    }

    @Test func operatorsOfTheRuntimeNeedTheirDomain() throws {
        var model = ModelBuilder(opset: 13)
        model.input("x", [2], type: 2)
        model.output("y", type: 2)
        model.proto.graph.initializer = [ModelBuilder.floats("s", [], [0.5])]
        model.node("QLinearSigmoid", ["x", "s", "", "s"], ["y"], name: "n", domain: "com.microsoft")
        #expect(
            try model.importError()?.description.contains(
                "com.microsoft::QLinearSigmoid (no opset declared for its domain)") == true)
        model.declare(domain: "com.microsoft", opset: 1)
        #expect(try model.load().nodes.map(\.op) == [.quantized(.sigmoid)])
    }

    @Test func channelsLastIsRefused() throws {
        var model = ModelBuilder(opset: 13)
        model.declare(domain: "com.microsoft", opset: 1)
        model.input("x", [1, 4, 4, 3], type: 2)
        model.output("y", type: 2)
        model.proto.graph.initializer = [ModelBuilder.floats("s", [], [0.5])]
        model.node(
            "QLinearGlobalAveragePool", ["x", "s", "", "s", ""], ["y"], domain: "com.microsoft",
            [.integer("channels_last", 1)])
        #expect(try model.importError()?.description.contains("channels_last") == true)
    }

    @Test func opset22OnlyAddsTypes() throws {
        #expect(try ModelBuilder.single("Elu", opset: 22).load().nodes[0].op == .unary(.elu(alpha: 1)))
    }

    @Test func operatorNewerThanTheOpsetIsUnsupported() throws {
        guard case .unsupportedOperators(let list) = try ModelBuilder.single("Gelu", opset: 19).importError() else {
            Issue.record("not refused")
            return
        }
        #expect(list.map(\.name) == ["Gelu"])
    }

    @Test(arguments: [(Int64(6), 6), (27, 27)]) func opsetOutsideTheRangeIsRefused(opset: Int64, expected: Int) throws {
        #expect(try ModelBuilder.single("Relu", opset: opset).importError() == .unsupportedOpset(expected))
    }

    @Test func oldFileFormatIsRefused() throws {
        var model = ModelBuilder.single("Relu", opset: 13)
        model.proto.irVersion = 2
        #expect(try model.importError() == .unsupportedIRVersion(2))
    }

    @Test func cycleIsNamed() throws {
        var model = ModelBuilder()
        model.input("x", [2])
        model.output("b")
        model.node("Add", ["x", "b"], ["a"], name: "p")
        model.node("Relu", ["a"], ["b"], name: "q")
        #expect(try model.importError() == .invalidGraph(.cycle(nodes: ["p", "q"])))
    }

    @Test func secondProducerIsNamed() throws {
        var model = ModelBuilder()
        model.input("x", [2])
        model.output("a")
        model.node("Relu", ["x"], ["a"], name: "p")
        model.node("Relu", ["x"], ["a"], name: "q")
        #expect(
            try model.importError()
                == .invalidGraph(.duplicateProducer(value: "a", first: "node 'p'", second: "node 'q'")))
    }

    @Test func undefinedValueIsNamed() throws {
        let error = try ModelBuilder.single("Add", opset: 13, inputs: ["x", "ghost"]).importError()
        #expect(error == .invalidGraph(.undefinedValue(value: "ghost", node: "n")))
    }

    @Test func missingInputIsNamed() throws {
        let error = try ModelBuilder.single("Conv", opset: 13).importError()
        #expect(error?.description.contains("'n' (Conv) lacks input 1") == true)
    }

    @Test func lengthThatContradictsTheShapeIsRefusedBeforeAllocation() throws {
        var tensor = ModelBuilder.floats("w", [1 << 40, 1 << 10], [1])
        var model = ModelBuilder.single("Add", opset: 13, constants: [tensor], inputs: ["x", "w"])
        #expect(try model.importError()?.description.contains("needs") == true)
        tensor.dims = [1 << 62, 1 << 62]
        model.proto.graph.initializer = [tensor]
        #expect(try model.importError()?.description.contains("too large") == true)
        tensor.dims = [-1]
        model.proto.graph.initializer = [tensor]
        #expect(try model.importError()?.description.contains("negative") == true)
    }

    @Test func elementThatDoesNotFitItsTypeIsRefused() throws {
        var tensor = Onnx_TensorProto()
        tensor.name = "w"
        tensor.dataType = 3
        tensor.dims = [1]
        tensor.int32Data = [128]
        let model = ModelBuilder.single("Add", opset: 13, constants: [tensor], inputs: ["x", "w"])
        #expect(try model.importError() == .invalidTensor(name: "w", reason: "the element 128 does not fit int8"))
    }

    @Test func fileThatIsNoModelIsNamed() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "tare-not-onnx-\(UUID()).onnx")
        try Data("this is text".utf8).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        let error = #expect(throws: ONNXImportError.self) { try ONNXModel.load(from: url) }
        #expect(error?.description.contains(url.path) == true)
        #expect(error?.description.contains("12 bytes") == true)
    }

    @Test func truncationsAndBitFlipsNeverCrash() throws {
        let original = try Data(contentsOf: SharedModelTests.fixture("fmnist_vit"))
        let bytes = [UInt8](original)
        for cut in stride(from: 0, to: bytes.count, by: 9973) { Self.importQuietly(Array(bytes[..<cut])) }
        let seed: UInt64 = 20_260_101
        var generator = SeededGenerator(seed: seed)
        // Most of the file is weights; the structure is in small messages all over it, so flips go there too.
        for _ in 0..<150 {
            var damaged = bytes
            for _ in 0..<8 {
                let position = Int.random(in: 0..<damaged.count, using: &generator)
                damaged[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            }
            Self.importQuietly(damaged)
        }
    }

    @Test func flipsInSmallModelsNeverCrash() throws {
        var generator = SeededGenerator(seed: 7)
        for model in Self.smallModels {
            let bytes = [UInt8](try model.bytes)
            for cut in bytes.indices { Self.importQuietly(Array(bytes[..<cut])) }
            for _ in 0..<300 {
                var damaged = bytes
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    damaged[Int.random(in: 0..<damaged.count, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                }
                Self.importQuietly(damaged)
            }
        }
    }

    private static var smallModels: [ModelBuilder] {
        [
            .single(
                "MaxUnpool", opset: 13, dims: [1, 1, 2], constants: [ModelBuilder.integers("i", [0, 2])],
                inputs: ["x", "i"],
                [.integers("kernel_shape", [2]), .integers("strides", [2]), .integers("pads", [0, 0])]),
            .single(
                "Einsum", opset: 13, constants: [ModelBuilder.floats("w", [3, 2], [1, 2, 3, 4, 5, 6])],
                inputs: ["x", "w"], [.text("equation", "ij,jk->ik")]),
            .single(
                "DequantizeLinear", opset: 21, dims: [2, 4],
                constants: [ModelBuilder.floats("s", [2, 2], [1, 2, 3, 4])], inputs: ["x", "s"], type: 3,
                [.integer("axis", 1), .integer("block_size", 2)]),
            .single("Softmax", opset: 9, dims: [2, 3, 4]),
            .single("Pad", opset: 8, [.integers("pads", [0, 1, 0, 1]), .number("value", 2)]),
            .single(
                "Resize", opset: 13, dims: [1, 1, 4, 5], constants: [ModelBuilder.floats("s", [4], [1, 1, 2, 2])],
                inputs: ["x", "", "s"], [.text("mode", "linear")]),
            .single(
                "Conv", opset: 13, dims: [1, 1, 5, 5],
                constants: [ModelBuilder.floats("w", [1, 1, 2, 2], [1, 2, 3, 4])],
                inputs: ["x", "w"], [.integers("pads", [1, 1, 1, 1]), .integers("strides", [2, 2])]),
            .single(
                "Slice", opset: 13,
                constants: [
                    ModelBuilder.integers("a", [-1]), ModelBuilder.integers("b", [-9]),
                    ModelBuilder.integers("c", [1]), ModelBuilder.integers("d", [-1]),
                ],
                inputs: ["x", "a", "b", "c", "d"]),
        ]
    }

    /// Either an error or a graph that is well formed and whose shapes can be asked for.
    private static func importQuietly(_ bytes: [UInt8]) {
        guard let model = try? ONNXModel.load(from: Data(bytes), baseDirectory: nil) else { return }
        #expect(throws: Never.self) { try model.graph.validate() }
        _ = try? ShapeInference.infer(model.graph)
    }
}
