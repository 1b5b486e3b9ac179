import Conversion
import Graphs
import Quantization
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
