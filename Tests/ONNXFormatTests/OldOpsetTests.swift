import Graphs
import ONNXFormat
import Tensors
import Testing

/// Each form that an operator had in an older opset becomes the newest form.
@Suite struct OldOpsetTests {
    /// The one node and the integers of its input.
    private func integers(_ graph: Graph, input: Int) throws -> [Int64] {
        let node = try #require(graph.nodes.first)
        let name = try #require(node.input(input))
        return try #require(graph.initializers[name]).elements(as: Int64.self)
    }

    @Test func clipBoundsBecomeInputs() throws {
        let graph = try ModelBuilder.single("Clip", opset: 7, [.number("min", 0), .number("max", 6)]).load()
        #expect(graph.nodes[0].op == .clip)
        let bounds = try graph.nodes[0].inputs.dropFirst().map {
            try #require(graph.initializers[$0]).elements(as: Float.self)
        }
        #expect(bounds == [[0], [6]])
    }

    @Test func clipBoundTakesTheTypeOfTheData() throws {
        let graph = try ModelBuilder.single("Clip", opset: 7, type: 10, [.number("max", 6)]).load()
        #expect(graph.nodes[0].input(1) == nil)
        let bound = try #require(graph.initializers[graph.nodes[0].inputs[2]])
        #expect(bound.elements(as: Float16.self) == [6])
    }

    @Test func squeezeAxesBecomeAnInput() throws {
        let graph = try ModelBuilder.single("Squeeze", opset: 11, dims: [2, 1, 3], [.integers("axes", [1])]).load()
        #expect(try integers(graph, input: 1) == [1])
    }

    @Test func unsqueezeAxesBecomeAnInput() throws {
        let graph = try ModelBuilder.single("Unsqueeze", opset: 9, [.integers("axes", [0, 3])]).load()
        #expect(try integers(graph, input: 1) == [0, 3])
        #expect(try ShapeInference.infer(graph)["y"]?.shape == [1, 2, 3, 1])
    }

    @Test func sliceBoundsBecomeInputs() throws {
        let graph = try ModelBuilder.single(
            "Slice", opset: 9, [.integers("starts", [1]), .integers("ends", [3]), .integers("axes", [1])]
        ).load()
        #expect(try integers(graph, input: 1) == [1])
        #expect(try integers(graph, input: 2) == [3])
        #expect(try integers(graph, input: 3) == [1])
        #expect(try ShapeInference.infer(graph)["y"]?.shape == [2, 2])
    }

    @Test func padsAndValueBecomeInputs() throws {
        let graph = try ModelBuilder.single(
            "Pad", opset: 8, [.integers("pads", [0, 1, 0, 1]), .number("value", 2), .text("mode", "constant")]
        ).load()
        #expect(try integers(graph, input: 1) == [0, 1, 0, 1])
        #expect(graph.initializers[graph.nodes[0].inputs[2]]?.elements(as: Float.self) == [2])
        #expect(try ShapeInference.infer(graph)["y"]?.shape == [2, 5])
    }

    @Test func splitSizesBecomeAnInput() throws {
        var model = ModelBuilder(opset: 11)
        model.input("x", [4, 3])
        model.output("a")
        model.output("b")
        model.node("Split", ["x"], ["a", "b"], [.integers("split", [1, 3])])
        let graph = try model.load()
        #expect(graph.nodes[0].op == .split(axis: 0, outputCount: nil))
        #expect(try integers(graph, input: 1) == [1, 3])
        #expect(graph.nodes[0].name == "Split_0")
    }

    @Test(arguments: [("ReduceMean", 17), ("ReduceSum", 12), ("ReduceMax", 13), ("ReduceLogSumExp", 11)])
    func reductionAxesBecomeAnInput(name: String, opset: Int64) throws {
        let graph = try ModelBuilder.single(
            name, opset: opset, [.integers("axes", [-1]), .integer("keepdims", 0)]
        ).load()
        #expect(try integers(graph, input: 1) == [-1])
        #expect(try ShapeInference.infer(graph)["y"]?.shape == [2])
    }

    @Test func dropoutRatioBecomesAnInputAndItsOldMaskGoes() throws {
        var model = ModelBuilder(opset: 7)
        model.input("x", [2])
        model.output("y")
        model.node("Dropout", ["x"], ["y", "mask"], [.number("ratio", 0.25)])
        let graph = try model.load()
        #expect(graph.nodes[0].outputs == ["y"])
        #expect(graph.initializers[graph.nodes[0].inputs[1]]?.elements(as: Float.self) == [0.25])
    }

    @Test func upsampleBecomesResize() throws {
        let attributes: [Onnx_AttributeProto] = [.numbers("scales", [1, 1, 2, 2]), .text("mode", "linear")]
        let graph = try ModelBuilder.single("Upsample", opset: 7, dims: [1, 1, 4, 5], attributes).load()
        #expect(
            graph.nodes[0].op
                == .resize(ResizeAttributes(mode: .linear, coordinates: .asymmetric, nearestRounding: .floor)))
        #expect(try ShapeInference.infer(graph)["y"]?.shape == [1, 1, 8, 10])
    }

    @Test func resizeOfOpset10HasNoRegion() throws {
        let graph = try ModelBuilder.single(
            "Resize", opset: 10, dims: [1, 1, 4, 5],
            constants: [ModelBuilder.floats("s", [4], [1, 1, 0.5, 2])], inputs: ["x", "s"], [.text("mode", "nearest")]
        ).load()
        #expect(graph.nodes[0].inputs == ["x", "", "s"])
        #expect(try ShapeInference.infer(graph)["y"]?.shape == [1, 1, 2, 10])
    }

    @Test func softmaxOverTheLastAxisStays() throws {
        let graph = try ModelBuilder.single("Softmax", opset: 9).load()
        #expect(graph.nodes.map(\.op) == [.softmax(axis: -1)])
    }

    @Test func softmaxOverSeveralAxesIsFlattened() throws {
        let graph = try ModelBuilder.single("Softmax", opset: 9, dims: [2, 3, 4]).load()
        #expect(
            graph.nodes.map(\.op)
                == [
                    .shape(start: 0, end: nil), .flatten(axis: 1), .softmax(axis: -1), .reshape(allowZero: false),
                ])
        try graph.validate()
        #expect(try ShapeInference.infer(graph)["y"]?.shape == [2, 3, 4])
    }

    @Test func hardmaxOverSeveralAxesIsFlattened() throws {
        let graph = try ModelBuilder.single("Hardmax", opset: 11, dims: [2, 3, 4]).load()
        #expect(graph.nodes.map(\.op).contains(.normalization(.hardmax(axis: -1))))
        #expect(graph.nodes.count == 4)
        let newest = try ModelBuilder.single("Hardmax", opset: 13, dims: [2, 3, 4]).load()
        #expect(newest.nodes.map(\.op) == [.normalization(.hardmax(axis: -1))])
    }

    @Test func softmaxBeforeAxesOfExtentOneStays() throws {
        let graph = try ModelBuilder.single("LogSoftmax", opset: 9, dims: [2, 3, 1, 1]).load()
        #expect(graph.nodes.map(\.op) == [.logSoftmax(axis: 1)])
    }

    @Test func statisticsPerElementAreRefused() throws {
        let parameters = ["s", "b", "m", "v"].map { ModelBuilder.floats($0, [3], [1, 1, 1]) }
        let model = ModelBuilder.single(
            "BatchNormalization", opset: 7, constants: parameters, inputs: ["x", "s", "b", "m", "v"],
            [.integer("spatial", 0)])
        guard case .unsupportedAttributes(let list) = try model.importError() else {
            Issue.record("not refused")
            return
        }
        #expect(list.map(\.node) == ["n"])
        #expect(list.map(\.attribute) == ["attribute 'spatial'"])
    }

    @Test func attributeThatTheOpsetLacksIsRefused() throws {
        let error = try ModelBuilder.single("Relu", opset: 13, [.number("alpha", 1)]).importError()
        #expect(error?.description.contains("no such attribute in opset 13") == true)
    }
}
