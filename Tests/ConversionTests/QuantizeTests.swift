import Conversion
import Graphs
import Quantization
import Tensors
import Testing

@Suite struct QuantizeTests {
    private func convolution() -> Graph {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        builder.conv("a", "y")
        return builder.build(outputs: ["y"])
    }

    @Test func namesAreThoseOfONNXRuntime() throws {
        let model = try plan(convolution()).quantized().graph
        try model.validate()
        #expect(
            model.nodes.map(\.name) == [
                "x_QuantizeLinear", "x_DequantizeLinear", "a.weight_DequantizeLinear", "a.bias_DequantizeLinear",
                "a_node",
                "a_QuantizeLinear", "a_DequantizeLinear", "y.weight_DequantizeLinear", "y.bias_DequantizeLinear",
                "y_node",
                "y_QuantizeLinear", "y_DequantizeLinear",
            ])
        #expect(
            model.node("a_node")?.inputs == [
                "x_DequantizeLinear_Output", "a.weight_DequantizeLinear_Output", "a.bias",
            ])
        #expect(model.node("a_QuantizeLinear")?.outputs == ["a_QuantizeLinear_Output"])
        #expect(model.node("y_node")?.outputs == ["y_QuantizeLinear_Input"])
        #expect(model.node("y_DequantizeLinear")?.outputs == ["y"])
        var expected: Set<String> = []
        for name in ["x", "a", "y"] { expected.formUnion(["\(name)_scale", "\(name)_zero_point"]) }
        for name in ["a", "y"] {
            expected.formUnion(["", "_scale", "_zero_point"].map { "\(name).bias_quantized\($0)" })
            expected.formUnion(["_quantized", "_scale", "_zero_point"].map { "\(name).weight\($0)" })
        }
        #expect(Set(model.initializers.keys) == expected)
    }

    @Test func storedTypesAreInt8WeightsAndInt32Biases() throws {
        let model = try plan(convolution()).quantized().graph
        #expect(model.initializers["a.weight_quantized"]?.elementType == .int8)
        #expect(model.initializers["a.weight_zero_point"] == Tensor(shape: [2], elements: [Int8(0), 0]))
        #expect(model.initializers["a.bias_quantized"]?.elementType == .int32)
        #expect(model.initializers["x_zero_point"]?.elementType == .uint8)
        #expect(model.initializers["x_zero_point"]?.shape == [])
        #expect(model.node("a.weight_DequantizeLinear")?.op == .dequantizeLinear(DequantizeLinearAttributes(axis: 0)))
    }

    @Test func graphOutputThatNodesReadKeepsItsNameForBoth() throws {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        builder.conv("a", "y")
        let model = try plan(builder.build(outputs: ["a", "y"])).quantized().graph
        try model.validate()
        #expect(model.node("a_node")?.outputs == ["a_QuantizeLinear_Input"])
        #expect(model.node("y_node")?.inputs[0] == "a")
    }

    @Test func graphInputThatIsAnOutputIsReturnedUnquantized() throws {
        var builder = GraphBuilder()
        builder.conv("x", "y")
        let model = try plan(builder.build(outputs: ["x", "y"])).quantized().graph
        try model.validate()
        #expect(model.node("y_node")?.inputs[0] == "x_DequantizeLinear_Output")
    }

    @Test func namesThatAreTakenGetANumber() throws {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        builder.node(.unary(.tanh), ["a"], ["x_scale"])
        let model = try plan(builder.build(outputs: ["x_scale"])).quantized().graph
        try model.validate()
        #expect(model.node("x_QuantizeLinear")?.inputs[1] == "x_scale0")
    }

    @Test func missingParametersNameTensorAndNode() throws {
        let plan = try plan(convolution())
        #expect(throws: ConversionError.missingParameters(tensor: "x", node: "a_node")) { try plan.quantize([:]) }
    }

    @Test func parametersOfAnotherTypeAreRefused() throws {
        let plan = try plan(convolution())
        let wrong = QuantizationParameters(type: .int8, scale: 1, zeroPoint: 0)
        #expect(throws: ConversionError.self) { try plan.quantize(["x": wrong, "a": wrong, "y": wrong]) }
    }

    @Test func parametersThatUndoAnAbsorbedReluAreRefused() throws {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        builder.node(.unary(.relu), ["a"], ["y"])
        let plan = try plan(builder.build(outputs: ["y"]))
        let centred = QuantizationParameters(type: .uint8, scale: 0.1, zeroPoint: 128)
        #expect(throws: ConversionError.self) { try plan.quantize(["x": centred, "y": centred]) }
    }

    @Test func weightsWithNaNAreRefusedByName() throws {
        var graph = convolution()
        graph.initializers["a.weight"] = Tensor(
            shape: [2, 2, 3, 3], elements: [Float](repeating: .nan, count: 36))
        let plan = try plan(graph)
        let error = #expect(throws: ConversionError.self) { try plan.quantized() }
        #expect(error.map { "\($0)".contains("'a.weight'") && "\($0)".contains("'a_node'") } == true)
    }

    @Test func weightScaleGrowsUntilTheBiasFits() throws {
        var builder = GraphBuilder(input: [1, 2])
        let weight = builder.constant("w", [2, 2], [Float(1e-9), 0.5, 1e-9, 0.5])
        let bias = builder.constant("b", [2], [Float(10), 1])
        builder.node(.gemm(GemmAttributes()), ["x", weight, bias], ["y"])
        let graph = builder.build(outputs: ["y"])
        let raised = try plan(graph).quantized(range: 0...1)
        let integers = try #require(raised.graph.initializers["b_quantized"]).elements(as: Int32.self)
        #expect(integers[0] > 2_147_000_000 && integers[0] < Int32.max)
        #expect(raised.report.warnings.count == 1)
        let kept = try plan(graph) { $0.raisesWeightScalesForBias = false }.quantized(range: 0...1)
        #expect(kept.graph.initializers["b_quantized"]?.elements(as: Int32.self)[0] == Int32.max)
        #expect(kept.report.warnings == [.saturatedBias(bias: "b", elements: 1)])
    }

    @Test func samePlanGivesTheSameGraph() throws {
        let plan = try plan(convolution())
        let (first, second) = (try plan.quantized(), try plan.quantized())
        #expect(first.graph.nodes == second.graph.nodes)
        #expect(first.graph.initializers == second.graph.initializers)
    }

    @Test func reportNamesEveryTensorAndNode() throws {
        let report = try plan(convolution()).quantized().report
        #expect(report.activations.map(\.name) == ["x", "a", "y"])
        #expect(report.constants.map(\.quantizedName) == ["a.weight_quantized", "y.weight_quantized"])
        #expect(report.biases.map(\.quantizedName) == ["a.bias_quantized", "y.bias_quantized"])
        #expect(report.decisions.map(\.description) == ["a_node (Conv): quantized", "y_node (Conv): quantized"])
    }
}
