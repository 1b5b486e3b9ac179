import Conversion
import Graphs
import Quantization
import Tensors
import Testing

@Suite struct PlanTests {
    @Test func convolutionQuantizesInputOutputWeightAndBias() throws {
        var builder = GraphBuilder()
        builder.conv("x", "y")
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.activationNames == ["x", "y"])
        #expect(plan.observedTensors == ["x", "y"])
        #expect(plan.constants.map(\.name) == ["y.weight"])
        #expect(plan.constants.map(\.axis) == [0])
        #expect(plan.biases.map(\.name) == ["y.bias"])
        #expect(plan.biases.first?.channelCount == 2)
        #expect(plan.outcome(of: "y") == .quantized)
    }

    @Test func convolutionWithoutBiasHasNone() throws {
        var builder = GraphBuilder()
        builder.conv("x", "y", bias: false)
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.biases.isEmpty)
        #expect(plan.constants.count == 1)
    }

    @Test func perTensorWeightsHaveNoAxis() throws {
        var builder = GraphBuilder()
        builder.conv("x", "y")
        let plan = try plan(builder.build(outputs: ["y"])) { $0.weights.granularity = .perTensor }
        #expect(plan.constants.map(\.axis) == [nil])
        #expect(plan.biases.first?.channelCount == nil)
    }

    @Test func reluBehindConvolutionIsAbsorbed() throws {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        builder.node(.unary(.relu), ["a"], ["b"])
        builder.conv("b", "y")
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.activationNames == ["x", "b", "y"])
        #expect(plan.outcome(of: "b") == .absorbed(producer: "a_node"))
        #expect(plan.bounds == ["b": 0...Float.infinity])
    }

    @Test func chainOfReluAndClipIsAbsorbedByTheConvolution() throws {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        builder.node(.unary(.relu), ["a"], ["b"])
        let six = builder.constant("six", [], [Float(6)])
        builder.node(.clip, ["b", "", six], ["c"])
        builder.conv("c", "y")
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.activationNames == ["x", "c", "y"])
        #expect(plan.outcome(of: "c") == .absorbed(producer: "a_node"))
        #expect(plan.bounds == ["c": 0...6])
        let nodes = try plan.quantized().graph.nodes
        #expect(nodes.contains { $0.op.name == "Conv" && $0.outputs == ["c"] })
    }

    @Test func reluStaysWhenItsInputHasAnotherReader() throws {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        builder.node(.unary(.relu), ["a"], ["b"])
        builder.node(.binary(.add), ["a", "b"], ["y"])
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.activationNames == ["x", "a", "b", "y"])
        #expect(plan.outcome(of: "b") == .quantized)
        #expect(plan.source(of: "a") == .observed("a"))
    }

    @Test func reluStaysWhenItsInputLeavesTheGraph() throws {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        builder.node(.unary(.relu), ["a"], ["b"])
        let plan = try plan(builder.build(outputs: ["a", "b"]))
        #expect(plan.outcome(of: "b") == .quantized)
        #expect(plan.source(of: "a") == .observed("a"))
    }

    @Test func symmetricActivationsKeepReluAndTakeItsRange() throws {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        builder.node(.unary(.relu), ["a"], ["y"])
        let plan = try plan(builder.build(outputs: ["y"])) {
            $0.activations = QuantizationScheme(type: .int8, isSymmetric: true)
        }
        #expect(plan.outcome(of: "y") == .quantized)
        #expect(plan.source(of: "a") == .observed("y"))
        #expect(plan.observedTensors == ["x", "y"])
    }

    @Test func clipThatExcludesZeroStays() throws {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        let low = builder.constant("low", [], [Float(0.5)])
        builder.node(.clip, ["a", low], ["y"])
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.outcome(of: "y") == .quantized)
        #expect(plan.absorbedActivations.isEmpty)
    }

    @Test func reluOfAFloatValueStaysFloat() throws {
        var builder = GraphBuilder()
        builder.node(.unary(.tanh), ["x"], ["a"])
        builder.node(.unary(.relu), ["a"], ["y"])
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.activations.isEmpty)
        #expect(plan.outcome(of: "a") == .float(.operatorIsNotQuantizable))
        #expect(plan.outcome(of: "y") == .float(.inputIsNotQuantized))
    }

    @Test func passThroughChainSharesTheParametersOfItsSource() throws {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        builder.node(.maxPool(PoolingAttributes(kernelShape: [2, 2])), ["a"], ["b"])
        builder.node(.transpose(permutation: nil), ["b"], ["c"])
        let shape = builder.constant("shape", [1], [Int64(-1)])
        builder.node(.reshape(allowZero: false), ["c", shape], ["y"])
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.observedTensors == ["a", "x"])
        #expect(plan.source(of: "y") == .shared(with: "c"))
        let model = try plan.quantized().graph
        #expect(model.node("y_QuantizeLinear")?.inputs.dropFirst() == ["a_scale", "a_zero_point"])
        #expect(model.initializers["b_scale"] == nil)
    }

    @Test func passThroughOfAFloatValueStaysFloat() throws {
        var builder = GraphBuilder()
        builder.node(.transpose(permutation: [0, 1, 3, 2]), ["x"], ["a"])
        builder.conv("a", "y")
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.outcome(of: "a") == .float(.inputIsNotQuantized))
        #expect(plan.activationNames == ["a", "y"])
    }

    @Test func residualAdditionHasThreeRanges() throws {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        builder.node(.unary(.relu), ["a"], ["b"])
        builder.conv("b", "c")
        builder.node(.binary(.add), ["b", "c"], ["d"])
        builder.node(.unary(.relu), ["d"], ["y"])
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.activationNames == ["x", "b", "c", "y"])
        #expect(plan.outcome(of: "y") == .absorbed(producer: "d_node"))
    }

    @Test func concatenationHasARangeForEachInputAndTheOutput() throws {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        builder.conv("x", "b")
        builder.node(.concat(axis: 1), ["a", "b"], ["y"])
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.observedTensors == ["a", "b", "x", "y"])
    }

    @Test func softmaxHasAFixedRange() throws {
        var builder = GraphBuilder(input: [1, 4])
        builder.node(.softmax(axis: -1), ["x"], ["y"])
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.source(of: "y") == .fixed(TensorRange(minimum: 0, maximum: 1)))
        #expect(plan.observedTensors == ["x"])
        let model = try plan.quantized().graph
        #expect(model.initializers["y_scale"] == Tensor(scalar: Float(1.0 / 255)))
    }

    @Test func constantOperandsUseTheActivationScheme() throws {
        var builder = GraphBuilder(input: [1, 4])
        let factor = builder.constant("factor", [], [Float(0.5)])
        builder.node(.binary(.multiply), ["x", factor], ["y"])
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.constants.map(\.role) == [.operand])
        let model = try plan.quantized().graph
        #expect(model.initializers["factor_quantized"] == Tensor(scalar: UInt8(255)))
    }

    @Test func gemmTakesItsAxisFromTheTransposition() throws {
        for transposed in [false, true] {
            var builder = GraphBuilder(input: [1, 3])
            let weight = builder.constant("w", transposed ? [5, 3] : [3, 5])
            let bias = builder.constant("b", [5])
            builder.node(.gemm(GemmAttributes(transposeB: transposed)), ["x", weight, bias], ["y"])
            let plan = try plan(builder.build(outputs: ["y"]))
            #expect(plan.constants.map(\.axis) == [transposed ? 0 : 1])
            #expect(plan.biases.first?.channelCount == 5)
            let model = try plan.quantized().graph
            #expect(model.initializers["w_scale"]?.shape == [5])
            #expect(model.initializers["b_quantized"]?.elementType == .int32)
            #expect(model.initializers["b_quantized_scale"]?.shape == [5])
        }
    }

    @Test func gemmBiasThatDiffersByRowStaysFloat() throws {
        var builder = GraphBuilder(input: [2, 3])
        let weight = builder.constant("w", [3, 5])
        let bias = builder.constant("b", [2, 5])
        builder.node(.gemm(GemmAttributes()), ["x", weight, bias], ["y"])
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.biases.isEmpty)
        #expect(plan.warnings.count == 1)
    }

    @Test func transposedConvolutionTakesAxisOne() throws {
        var builder = GraphBuilder(input: [1, 4, 3, 3])
        let weight = builder.constant("w", [4, 3, 2, 2])
        let bias = builder.constant("b", [6])
        let attributes = TransposedConvolutionAttributes(convolution: ConvolutionAttributes(groups: 2))
        builder.node(.transposedConvolution(attributes), ["x", weight, bias], ["y"])
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.constants.map(\.axis) == [1])
        #expect(plan.biases.first?.channelCount == 6)
        let model = try plan.quantized().graph
        #expect(model.initializers["w_scale"]?.shape == [3])
        #expect(model.initializers["b_quantized_scale"]?.shape == [6])
    }

    @Test func matMulOfTwoActivationsHasNoWeight() throws {
        var builder = GraphBuilder(input: [2, 2])
        builder.node(.unary(.tanh), ["x"], ["a"])
        builder.node(.matMul, ["a", "x"], ["y"])
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.activationNames == ["a", "x", "y"])
        #expect(plan.constants.isEmpty)
    }

    @Test func matMulWeightTakesItsLastAxisAndALeftConstantOneScale() throws {
        var builder = GraphBuilder(input: [2, 3, 4])
        let right = builder.constant("right", [2, 4, 5])
        let left = builder.constant("left", [6, 3])
        builder.node(.matMul, ["x", right], ["a"])
        builder.node(.matMul, [left, "a"], ["y"])
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.constants.map(\.axis) == [2, nil])
    }

    @Test func sharedWeightIsQuantizedOnceWhenTheFormsAgree() throws {
        var builder = GraphBuilder(input: [1, 3])
        let weight = builder.constant("w", [3, 3])
        builder.node(.gemm(GemmAttributes()), ["x", weight], ["a"])
        builder.node(.gemm(GemmAttributes()), ["a", weight], ["y"])
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.constants.count == 1)
        let model = try plan.quantized().graph
        #expect(model.operatorNames.count { $0 == "DequantizeLinear" } == 4)
    }

    @Test func sharedWeightIsDuplicatedWhenTheFormsDiffer() throws {
        var builder = GraphBuilder(input: [1, 3])
        let weight = builder.constant("w", [3, 3])
        builder.node(.gemm(GemmAttributes()), ["x", weight], ["a"])
        builder.node(.gemm(GemmAttributes(transposeB: true)), ["a", weight], ["y"])
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.constants.map(\.name) == ["w", "w0"])
        #expect(plan.constants.map(\.axis) == [1, 0])
        #expect(plan.warnings == [.duplicatedConstant(initializer: "w", copy: "w0", node: "y_node")])
    }

    @Test func sharedBiasGetsOneCopyForEachNode() throws {
        var builder = GraphBuilder(input: [1, 3])
        let (first, second) = (builder.constant("w1", [3, 3]), builder.constant("w2", [3, 3]))
        let bias = builder.constant("b", [3])
        builder.node(.gemm(GemmAttributes()), ["x", first, bias], ["a"])
        builder.node(.gemm(GemmAttributes()), ["a", second, bias], ["y"])
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.biases.map(\.name) == ["b", "b0"])
        try plan.quantized().graph.validate()
    }

    @Test func weightThatAFloatNodeReadsTooKeepsItsFloatForm() throws {
        var builder = GraphBuilder(input: [3, 3])
        let weight = builder.constant("w", [3, 3])
        builder.node(.matMul, ["x", weight], ["a"])
        builder.node(.binary(.subtract), ["a", weight], ["y"])
        let model = try plan(builder.build(outputs: ["y"])).quantized().graph
        #expect(model.initializers["w"] != nil)
        #expect(model.initializers["w_quantized"] != nil)
        #expect(model.node("y_node")?.inputs == ["a_DequantizeLinear_Output", "w"])
        try model.validate()
    }

    @Test func unsupportedElementTypesStayFloat() throws {
        var builder = GraphBuilder(input: [1, 4])
        builder.node(.cast(CastAttributes(to: .float64)), ["x"], ["a"])
        builder.node(.binary(.add), ["a", "a"], ["y"])
        let plan = try plan(builder.build(outputs: ["y"], type: .float64))
        #expect(plan.outcome(of: "y") == .float(.elementType(.float64)))
    }

    @Test func gatherQuantizesItsTable() throws {
        var builder = GraphBuilder(input: [2])
        builder.graph.inputs[0].type.elementType = .int64
        let table = builder.constant("table", [10, 4])
        builder.node(.gather(axis: 0), [table, "x"], ["y"])
        let plan = try plan(builder.build(outputs: ["y"]))
        #expect(plan.constants.map(\.name) == ["table"])
        #expect(plan.source(of: "y") == .shared(with: "table"))
        let model = try plan.quantized().graph
        #expect(model.node("y_QuantizeLinear")?.inputs.dropFirst() == ["table_scale", "table_zero_point"])
    }
}
