import Conversion
import Graphs
import Quantization
import Tensors
import Testing

@Suite struct OptionTests {
    private func twoConvolutions() -> Graph {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        builder.node(.unary(.relu), ["a"], ["b"])
        builder.conv("b", "y")
        return builder.build(outputs: ["y"])
    }

    @Test func skippedOperatorStaysFloat() throws {
        let plan = try plan(twoConvolutions()) { $0.skippedOperators = ["Conv"] }
        #expect(plan.outcome(of: "a") == .float(.operatorIsSkipped))
        #expect(plan.activations.isEmpty)
    }

    @Test func skippedNodeStaysFloatAndKeepsItsWeight() throws {
        let plan = try plan(twoConvolutions()) { $0.skippedNodes = [NodeNamePattern("y_*")] }
        #expect(plan.outcome(of: "y") == .float(.nodeIsSkipped(pattern: "y_*")))
        #expect(plan.activationNames == ["x", "b"])
        let model = try plan.quantized().graph
        #expect(model.initializers["y.weight"] != nil)
        #expect(model.node("y_node")?.inputs[0] == "b_DequantizeLinear_Output")
    }

    @Test func namesThatMatchNothingAreErrors() throws {
        let graph = twoConvolutions()
        #expect(throws: ConversionError.unmatchedOperator(name: "Con", present: ["Conv", "Relu"])) {
            try plan(graph) { $0.skippedOperators = ["Con"] }
        }
        #expect(throws: ConversionError.unmatchedNodePattern(pattern: "z*", removedNode: nil)) {
            try plan(graph) { $0.skippedNodes = [NodeNamePattern("z*")] }
        }
    }

    private func recipe(
        _ pattern: String, type: QuantizedType = .int8, isSymmetric: Bool = true,
        weights: QuantizationScheme = QuantizationScheme(type: .int8, isSymmetric: true, narrowRange: true)
    ) -> NodeRecipe {
        NodeRecipe(
            pattern: NodeNamePattern(pattern),
            activations: QuantizationScheme(type: type, isSymmetric: isSymmetric), weights: weights, method: .minmax)
    }

    @Test func recipesDecideWhatTheirNodesWriteAndTheWeightsTheyRead() throws {
        let last = recipe("y_*")
        let plan = try plan(twoConvolutions()) {
            $0.recipes = [last, recipe("Conv", type: .uint8, isSymmetric: false)]
        }
        let schemes = plan.observedSchemes
        #expect(schemes["y"]?.recipe == last && schemes["y"]?.scheme == last.activations)
        // The convolution's Relu is absorbed: what is behind it is the convolution's too.
        #expect(schemes["b"]?.recipe?.pattern.text == "Conv" && plan.source(of: "a") == nil)
        #expect(schemes["x"]?.recipe == nil && schemes["x"]?.scheme == plan.options.activations)
        #expect(plan.constants.map(\.initializer) == ["a.weight", "y.weight"])
        #expect(plan.constants.allSatisfy { $0.axis == nil && $0.scheme.narrowRange })

        var parameters: [String: QuantizationParameters] = [:]
        for (name, chosen) in schemes {
            parameters[name] = QuantizationParameters(
                range: TensorRange(minimum: name == "b" ? 0 : -3, maximum: 4), scheme: chosen.scheme)
        }
        let model = try plan.quantize(parameters)
        #expect(model.graph.initializers["y_zero_point"]?.elementType == .int8)
        #expect(model.graph.initializers["b_zero_point"]?.elementType == .uint8)
        #expect(model.report.activations.map(\.recipe) == [nil, "Conv", "y_*"])
        parameters["y"] = parameters["x"]
        #expect(throws: ConversionError.self) { try plan.quantize(parameters) }
    }

    @Test func aSymmetricRecipeKeepsTheActivationFunction() throws {
        let plan = try plan(twoConvolutions()) { $0.recipes = [recipe("Relu"), recipe("x", type: .int16)] }
        #expect(plan.absorbedActivations.isEmpty && plan.source(of: "a") == .observed("b"))
        #expect(plan.observedSchemes["b"]?.scheme.isSymmetric == true)
        #expect(plan.observedSchemes["x"]?.scheme.type == .int16)
        #expect(plan.activations.first { $0.name == "a" }?.scheme.type == .int8)
        // The recipe of the Relu says nothing of convolutions.
        #expect(plan.constants.allSatisfy { $0.scheme == plan.options.weights })
    }

    @Test func aConstantThatTwoRecipesNeedHasTwoForms() throws {
        var builder = GraphBuilder()
        let weight = builder.constant("w", [2, 2, 3, 3])
        let attributes = ConvolutionAttributes(padding: .explicit(before: [1, 1], after: [1, 1]))
        builder.node(.convolution(attributes), ["x", weight], ["a"])
        builder.node(.convolution(attributes), ["a", weight], ["y"])
        let wide = QuantizationScheme(type: .int16, isSymmetric: true)
        let plan = try plan(builder.build(outputs: ["y"])) { $0.recipes = [recipe("y_node", weights: wide)] }
        #expect(plan.constants.map(\.scheme.type) == [.int8, .int16] && Set(plan.constants.map(\.name)).count == 2)
    }

    @Test func recipesThatMatchNothingAreErrors() throws {
        let graph = twoConvolutions()
        #expect(throws: ConversionError.unmatchedRecipe(pattern: "Gemm", removedNode: nil)) {
            try plan(graph) { $0.recipes = [recipe("Gemm")] }
        }
        let perChannel = QuantizationScheme(type: .uint8, isSymmetric: false, granularity: .perChannel)
        let error = #expect(throws: ConversionError.self) {
            try plan(graph) { $0.recipes = [recipe("Conv", weights: perChannel)] }
        }
        #expect(error?.description.contains("'Conv'") == true)
    }

    @Test func operatorsOutsideTheListStayFloat() throws {
        let plan = try plan(twoConvolutions()) { $0.operators = [.relu] }
        #expect(plan.outcome(of: "a") == .float(.operatorIsNotSelected))
    }

    @Test func keptActivationFunctionsStayInTheGraph() throws {
        let plan = try plan(twoConvolutions()) { $0.keepsActivationFunctions = true }
        #expect(plan.absorbedActivations.isEmpty)
        #expect(plan.source(of: "a") == .observed("b"))
    }

    @Test func outputsCanStayFloat() throws {
        let plan = try plan(twoConvolutions()) { $0.quantizesOutputs = false }
        #expect(plan.activationNames == ["x", "b"])
        #expect(try plan.quantized().graph.nodes.last?.outputs == ["y"])
    }

    @Test func impossibleSchemesAreRefused() throws {
        let graph = twoConvolutions()
        #expect(throws: ConversionError.self) {
            try plan(graph) {
                $0.weights = QuantizationScheme(type: .uint8, isSymmetric: false, granularity: .perChannel)
            }
        }
        #expect(throws: ConversionError.self) { try plan(graph) { $0.activations.granularity = .perChannel } }
        #expect(throws: ConversionError.self) { try plan(graph) { $0.activations.type = .int32 } }
    }

    @Test(arguments: [
        ("*", "", true), ("", "", true), ("", "a", false), ("a*b", "ab", true), ("a*b", "axxbxb", true),
        ("a*b", "axxbx", false), ("?", "/", true), ("?", "", false), ("/layer1/*", "/layer1/0/Conv", true),
        ("/layer[1]*", "/layer[1]/Conv", true), ("*/Conv", "/fc/Gemm", false), ("**a", "a", true),
    ])
    func patternsMatchWholeNames(pattern: String, name: String, expected: Bool) {
        #expect(NodeNamePattern(pattern).matches(name) == expected)
    }
}
