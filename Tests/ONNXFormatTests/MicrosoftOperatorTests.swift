import Conversion
import Foundation
import Graphs
import ONNXFormat
import SwiftProtobuf
import Tensors
import TestSupport
import Testing

/// What fused operators become, and what of them is refused; what they compute is compared in `ExpandedOperatorTests`.
@Suite struct MicrosoftOperatorTests {
    private typealias Attributes = [Onnx_AttributeProto]

    /// A node of `com.microsoft` that reads float inputs of the given extents and writes `y` and more.
    private func model(
        _ op: String, _ extents: [[Int64]], inputs: [String]? = nil, outputs: [String] = ["y"],
        _ attributes: Attributes = []
    ) -> ModelBuilder {
        var model = ModelBuilder(opset: 17)
        model.declare(domain: "com.microsoft", opset: 1)
        let names = extents.indices.map { "i\($0)" }
        for (name, dims) in zip(names, extents) { model.input(name, dims) }
        for output in outputs where !output.isEmpty { model.output(output) }
        model.node(op, inputs ?? names, outputs, name: "n", domain: "com.microsoft", attributes)
        return model
    }

    private func reason(
        _ op: String, _ extents: [[Int64]], inputs: [String]? = nil, outputs: [String] = ["y"],
        _ attributes: Attributes = []
    ) throws -> String {
        try model(op, extents, inputs: inputs, outputs: outputs, attributes).importError()?.description ?? "imported"
    }

    private static let attention: [[Int64]] = [[1, 2, 4], [4, 12], [12]]
    private static let heads: [Onnx_AttributeProto] = [.integer("num_heads", 2)]

    @Test func productsOfAttentionAreQuantized() throws {
        var model = model("Attention", [[1, 2, 4]], inputs: ["i0", "w", "b"], Self.heads)
        model.proto.graph.initializer = [
            ModelBuilder.floats("w", [4, 12], (0..<48).map { Float($0) / 48 }),
            ModelBuilder.floats("b", [12], [Float](repeating: 0.5, count: 12)),
        ]
        let graph = try model.load()
        let products = graph.nodes.filter { $0.op == .matMul }.map(\.name)
        #expect(products == ["n/product", "n/scores", "n/context"])
        #expect(graph.nodes.last?.name == "n")
        #expect(graph.nodes.last?.outputs == ["y"])
        let plan = try QuantizationPlan(try PreparedGraph(graph), options: QuantizationOptions())
        let quantized = plan.decisions.filter { products.contains($0.node) && $0.outcome == .quantized }.map(\.node)
        #expect(quantized == products)
    }

    @Test func partsOfEveryNodeHaveNamesOfTheirOwn() throws {
        var model = model("QuickGelu", [[2]], outputs: ["h"])
        model.node("QuickGelu", ["h"], ["z"], name: "n", domain: "com.microsoft")
        model.output("z")
        let graph = try model.load()
        #expect(Set(graph.nodes.map(\.name)).count == 6)
        #expect(Set(graph.nodes.flatMap(\.outputs)).count == 6)
    }

    /// A model in float16 has constants of float16 in the nodes that stand for its own.
    @Test func constantsTakeTheTypeOfTheData() throws {
        var model = model("QuickGelu", [])
        model.proto.graph.input = [ModelBuilder.value("x", [2], type: 10)]
        model.proto.graph.output[0].type.tensorType.elemType = 10
        model.proto.graph.node[0].input = ["x"]
        let graph = try model.load()
        #expect(graph.initializers.values.map(\.elementType) == [.float16])
        #expect(try ShapeInference.infer(graph)["y"]?.elementType == .float16)
    }

    @Test func domainMustBeDeclared() throws {
        var model = model("Gelu", [[2]])
        model.proto.opsetImport.removeLast()
        #expect(try model.importError()?.description.contains("no opset declared for its domain") == true)
    }

    @Test func operatorOfTheDomainThatIsUnknownIsNamed() throws {
        #expect(try reason("MoE", [[2]]).contains("com.microsoft::MoE (opset 1) at 'n'"))
    }

    @Test func refusalsNameWhatIsWrong() throws {
        #expect(try reason("FusedMatMul", [[2, 2], [2, 2]], [.integer("transBatchA", 1)]).contains("transBatchA"))
        #expect(
            try reason("FusedGemm", [[2, 2], [2, 2]], [.text("activation", "Sinus")]).contains("not 'Sinus'"))
        #expect(
            try reason("FusedGemm", [[2, 2], [2, 2]], [.text("activation", "LeakyRelu")])
                .contains("needs 1 parameters"))
        #expect(
            try reason("SkipLayerNormalization", [[1, 2, 4], [1, 2, 4], [4]], outputs: ["y", "mean"])
                .contains("output 1"))
        #expect(try reason("SkipLayerNormalization", [[1, 2, 4]]).contains("data and skip must be present"))
        #expect(try reason("Gelu", [[2]], [.number("odd", 1)]).contains("no such attribute"))
    }

    @Test func attentionThatIsNotHandledIsRefused() throws {
        let (extents, heads) = (Self.attention, Self.heads)
        #expect(try reason("Attention", extents, heads) == "imported")
        #expect(try reason("Attention", extents).contains("num_heads"))
        #expect(
            try reason("Attention", extents + [[2, 1, 2, 3, 2]], inputs: ["i0", "i1", "i2", "", "i3"], heads)
                .contains("input 4"))
        #expect(try reason("Attention", extents, outputs: ["y", "present"], heads).contains("output 1"))
        #expect(try reason("Attention", extents, heads + [.integer("do_rotary", 1)]).contains("do_rotary"))
        #expect(
            try reason("Attention", extents, heads + [.integers("qkv_hidden_sizes", [4, 4, 5])])
                .contains("do not fit 12 columns"))
        #expect(try reason("Attention", extents + [[1, 1, 2, 2]], heads).contains("mask of rank 4"))
        #expect(try reason("Attention", extents + [[5]], heads).contains("a list of 5 for 1 samples"))
        #expect(try reason("MultiHeadAttention", [[1, 2, 3, 2, 4]], heads).contains("input 1"))
        #expect(
            try reason("MultiHeadAttention", [[1, 2, 5], [1, 2, 5], [1, 2, 5]], heads)
                .contains("no multiple of 2 heads"))
        #expect(try reason("RotaryEmbedding", [[2, 4], [1], [9, 1], [9, 1]], heads).contains("rank"))
    }

    /// Without its rank there is no telling which axes to exchange.
    @Test func unknownRankIsRefused() throws {
        var model = model("FusedMatMul", [[2, 2], [2, 2]], [.integer("transA", 1)])
        model.proto.graph.input[0].type.tensorType.clearShape()
        #expect(try model.importError()?.description.contains("input 0: its rank must be known") == true)
    }

    // MARK: Attention of ONNX

    private func standard(
        _ extents: [[Int64]], opset: Int64 = 23, op: String = "Attention", inputs: [String]? = nil,
        _ attributes: Attributes = []
    ) throws -> String {
        var model = ModelBuilder(opset: opset)
        let names = extents.indices.map { "i\($0)" }
        for (name, dims) in zip(names, extents) { model.input(name, dims) }
        model.output("y")
        model.node(op, inputs ?? names, ["y"], name: "n", attributes)
        return try model.importError()?.description ?? "imported"
    }

    @Test func standardAttentionThatIsNotHandledIsRefused() throws {
        let whole: [[Int64]] = [[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4]]
        #expect(try standard(whole) == "imported")
        #expect(try standard(whole, opset: 22).contains("Attention (opset 22)"))
        #expect(try standard(Array(whole.prefix(2))).contains("input 2: it is missing"))
        #expect(try standard([[3, 4], [3, 4], [3, 4]]).contains("rank should be 3 or 4"))
        #expect(try standard([[1, 3, 4], [1, 3, 4], [1, 3, 4]]).contains("q_num_heads"))
        #expect(try standard([[1, 3, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4]]).contains("no multiple of 2"))
        #expect(try standard(whole, [.integer("qk_matmul_output_mode", 4)]).contains("0...3"))
        #expect(try standard(whole, [.integer("softmax_precision", 7)]).contains("softmax_precision"))
        #expect(
            try standard(whole + [[1, 2, 5, 4]], inputs: ["i0", "i1", "i2", "", "i3"])
                .contains("past keys and past values come together"))
        #expect(try standard(whole, [.integer("left_window_size", 1)]).contains("no such attribute in opset 23"))
        let tables: [[Int64]] = [[1, 2, 3, 4], [1, 3, 2], [1, 3, 2]]
        #expect(try standard(tables, op: "RotaryEmbedding") == "imported")
        #expect(
            try standard(tables, op: "RotaryEmbedding", [.integer("rotary_embedding_dim", 3)])
                .contains("no even number"))
    }
}
