import Execution
import Foundation
import Graphs
import ONNXFormat
import SwiftProtobuf
import Tensors
import TestSupport
import Testing

/// Functions that a model defines are expanded where they are called.
@Suite struct FunctionTests {
    /// A model from `x` [2] to `y` with one call `call` of the last function that `define` adds.
    private func model(
        _ define: (inout ModelBuilder) -> Void, inputs: [String] = ["x"], outputs: [String] = ["y"],
        _ attributes: [Onnx_AttributeProto] = []
    ) -> ModelBuilder {
        var model = ModelBuilder(opset: 13)
        model.declare(domain: "local", opset: 1)
        model.input("x", [2])
        model.output("y")
        define(&model)
        model.node(
            model.proto.functions.last?.name ?? "", inputs, outputs, name: "call", domain: "local", attributes)
        return model
    }

    private func run(_ model: ModelBuilder, _ values: [Float]) throws -> [Float] {
        let outputs = try ReferenceExecutor(try model.load()).run(["x": Tensor(shape: [2], elements: values)])
        return try #require(outputs["y"]).elements(as: Float.self)
    }

    @Test func bodyTakesThePlaceOfTheCall() throws {
        let model = model { model in
            model.function(
                "Double", ["a"], ["b"],
                nodes: [
                    ModelBuilder.node("Neg", ["a"], ["c"], name: "turn"),
                    ModelBuilder.node("Sub", ["a", "c"], ["b"]),
                ])
        }
        let graph = try model.load()
        #expect(graph.nodes.map(\.name) == ["call/turn", "call/Sub_1"])
        #expect(graph.nodes.map(\.outputs) == [["call/c"], ["y"]])
        #expect(try run(model, [1, -3]) == [2, -6])
    }

    @Test func everyCallHasNamesOfItsOwn() throws {
        var model = model(
            { model in
                model.function("Twice", ["x"], ["y"], nodes: [ModelBuilder.node("Add", ["x", "x"], ["y"])])
            }, outputs: ["half"])
        model.node("Twice", ["half"], ["y"], name: "call", domain: "local")
        let graph = try model.load()
        #expect(graph.nodes.map(\.name) == ["call/Add_0", "call_1/Add_0"])
        #expect(try run(model, [1, 2]) == [4, 8])
    }

    @Test func attributesComeFromTheCallOrFromTheDefault() throws {
        func slope(_ attributes: [Onnx_AttributeProto], defaults: [Onnx_AttributeProto]) throws -> Operator {
            let names = defaults.isEmpty ? ["slope"] : []
            let model = model(
                { model in
                    model.function(
                        "Leaky", ["a"], ["b"], attributes: names, defaults: defaults,
                        nodes: [
                            ModelBuilder.node(
                                "LeakyRelu", ["a"], ["b"], [.reference("alpha", .float, to: "slope")])
                        ])
                }, attributes)
            return try model.load().nodes[0].op
        }
        #expect(try slope([.number("slope", 0.25)], defaults: []) == .unary(.leakyRelu(slope: 0.25)))
        #expect(try slope([], defaults: [.number("slope", 0.5)]) == .unary(.leakyRelu(slope: 0.5)))
        #expect(
            try slope([.number("slope", 0.25)], defaults: [.number("slope", 0.5)]) == .unary(.leakyRelu(slope: 0.25)))
        // Without either, the node has no such attribute, and its own default holds.
        #expect(try slope([], defaults: []) == .unary(.leakyRelu(slope: 0.01)))
    }

    @Test func attributeOfAnotherTypeIsRefused() throws {
        let model = model(
            { model in
                model.function(
                    "Leaky", ["a"], ["b"], attributes: ["slope"],
                    nodes: [ModelBuilder.node("LeakyRelu", ["a"], ["b"], [.reference("alpha", .float, to: "slope")])])
            }, [.integer("slope", 1)])
        #expect(try model.importError()?.description.contains("should be of type") == true)
    }

    @Test func constantOfAFunctionTakesAnAttribute() throws {
        let model = model(
            { model in
                model.function(
                    "Shift", ["a"], ["b"], attributes: ["by"],
                    nodes: [
                        ModelBuilder.node("Add", ["a", "offset"], ["b"]),
                        ModelBuilder.node("Constant", [], ["offset"], [.reference("value_float", .float, to: "by")]),
                    ])
            }, [.number("by", 3)])
        #expect(try run(model, [1, 2]) == [4, 5])
    }

    @Test func functionsCallFunctionsAndPassAttributesOn() throws {
        let model = model(
            { model in
                model.function(
                    "Inner", ["a"], ["b"], attributes: ["alpha"],
                    nodes: [ModelBuilder.node("Elu", ["a"], ["b"], [.reference("alpha", .float, to: "alpha")])])
                model.function(
                    "Outer", ["a"], ["b"], attributes: ["strength"],
                    nodes: [
                        ModelBuilder.node(
                            "Inner", ["a"], ["t"], name: "first", domain: "local",
                            [.reference("alpha", .float, to: "strength")]),
                        ModelBuilder.node("Inner", ["t"], ["b"], domain: "local", [.number("alpha", 2)]),
                    ])
            }, [.number("strength", 0.5)])
        let graph = try model.load()
        #expect(graph.nodes.map(\.name) == ["call/first/Elu_0", "call/Inner_1/Elu_0"])
        #expect(graph.nodes.map(\.op) == [.unary(.elu(alpha: 0.5)), .unary(.elu(alpha: 2))])
        #expect(graph.nodes.map(\.outputs) == [["call/t"], ["y"]])
    }

    /// Opset 11 had the axes of `Squeeze` in an attribute; the model's own opset is 13.
    @Test func functionHasItsOwnOpset() throws {
        var model = ModelBuilder(opset: 13)
        model.declare(domain: "local", opset: 1)
        model.input("x", [1, 2])
        model.output("y")
        model.function(
            "Drop", opset: 11, ["a"], ["b"],
            nodes: [ModelBuilder.node("Squeeze", ["a"], ["b"], [.integers("axes", [0])])])
        model.node("Drop", ["x"], ["y"], name: "call", domain: "local")
        let graph = try model.load()
        #expect(graph.nodes[0].op == .squeeze)
        #expect(graph.nodes[0].inputs.count == 2)
        model.proto.functions[0].opsetImport[0].version = 5
        #expect(try model.importError() == .unsupportedOpset(5))
    }

    @Test func overloadsAreToldApart() throws {
        var model = model { model in
            for (overload, op) in [("one", "Abs"), ("two", "Neg")] {
                model.function("F", overload: overload, ["a"], ["b"], nodes: [ModelBuilder.node(op, ["a"], ["b"])])
            }
        }
        model.proto.graph.node[0].overload = "two"
        #expect(try model.load().nodes.map(\.op) == [.unary(.negate)])
        model.proto.functions[1].overload = "one"
        #expect(try model.importError()?.description.contains("defines this function twice") == true)
    }

    @Test func absentInputsAreAbsentInTheBody() throws {
        let model = model { model in
            model.function(
                "Bound", ["a", "low", "high"], ["b"], nodes: [ModelBuilder.node("Clip", ["a", "low", "high"], ["b"])])
        }
        #expect(try model.load().nodes[0].inputs == ["x"])
    }

    @Test func inputsThatAreReturnedAndOutputsThatAreReturnedTwiceAreCopied() throws {
        var model = model(
            { model in
                model.function(
                    "Three", ["a"], ["a", "b", "b"], nodes: [ModelBuilder.node("Neg", ["a"], ["b"])])
            }, outputs: ["p", "q", "r"])
        model.node("Sum", ["p", "q", "r"], ["y"])
        #expect(try run(model, [1, 2]) == [-1, -2])
    }

    /// The caller has a value `hidden`, but a function sees only its inputs.
    @Test func bodyDoesNotSeeValuesOfTheCaller() throws {
        var model = model(
            { model in
                model.function("F", ["a"], ["b"], nodes: [ModelBuilder.node("Add", ["a", "hidden"], ["b"])])
            })
        model.node("Neg", ["x"], ["hidden"])
        #expect(try model.importError() == .invalidGraph(.undefinedValue(value: "call/hidden", node: "call/Add_0")))
    }

    @Test func conditionThatACallMakesConstantChoosesTheBranch() throws {
        var branches = [Onnx_GraphProto(), Onnx_GraphProto()]
        for (index, op) in ["LeakyRelu", "Neg"].enumerated() {
            let reference: [Onnx_AttributeProto] = index == 0 ? [.reference("alpha", .float, to: "slope")] : []
            branches[index].node = [ModelBuilder.node(op, ["a"], ["t"], reference)]
            branches[index].output = [ModelBuilder.value("t", [2])]
        }
        var model = model(
            { model in
                model.function(
                    "Choose", ["a", "condition"], ["b"], attributes: ["slope"],
                    nodes: [
                        ModelBuilder.node(
                            "If", ["condition"], ["b"], name: "if",
                            [.graph("then_branch", branches[0]), .graph("else_branch", branches[1])])
                    ])
            }, inputs: ["x", "flag"], [.number("slope", 0.5)])
        model.proto.graph.initializer = [ModelBuilder.flag("flag", true)]
        #expect(try run(model, [2, -2]) == [2, -1])
        #expect(try model.load().nodes[0].name == "call/if/LeakyRelu_0")
        model.proto.graph.initializer = [ModelBuilder.flag("flag", false)]
        #expect(try run(model, [2, -2]) == [-2, 2])
    }

    // MARK: Refusals

    @Test func recursionIsRefusedWithTheFunctionsThatCallEachOther() throws {
        let model = model { model in
            for (name, called) in [("Ping", "Pong"), ("Pong", "Ping")] {
                model.function(
                    name, ["a"], ["b"], nodes: [ModelBuilder.node(called, ["a"], ["b"], domain: "local")])
            }
        }
        let description = try model.importError()?.description
        #expect(description?.contains("calls itself: local::Pong -> local::Ping -> local::Pong") == true)
    }

    /// Thirty functions of two calls each would be a billion nodes.
    @Test func functionsThatMultiplyAreRefused() throws {
        let model = model { model in
            model.function("F0", ["a"], ["b"], nodes: [ModelBuilder.node("Neg", ["a"], ["b"])])
            for level in 1...30 {
                let calls = [("a", "t"), ("t", "b")].map { input, output in
                    ModelBuilder.node("F\(level - 1)", [input], [output], domain: "local")
                }
                model.function("F\(level)", ["a"], ["b"], nodes: calls)
            }
        }
        #expect(try model.importError()?.description.contains("nodes together") == true)
    }

    /// What graphs inside of a function's nodes hold counts as well, before anything is made of it.
    @Test(arguments: [(nodes: 1 << 18, constants: 0), (0, 1 << 18)])
    func functionsWithLargeGraphsAreRefused(nodes: Int, constants: Int) throws {
        let model = model { model in
            var branch = Onnx_GraphProto()
            branch.node = [Onnx_NodeProto](repeating: Onnx_NodeProto(), count: nodes)
            branch.initializer = [Onnx_TensorProto](repeating: Onnx_TensorProto(), count: constants)
            let cast = ModelBuilder.node("Cast", ["a"], ["positive"], [.integer("to", 9)])
            let choice = ModelBuilder.node(
                "If", ["positive"], ["b"], [.graph("then_branch", branch), .graph("else_branch", branch)])
            model.function("F", ["a"], ["b"], nodes: [cast, choice])
        }
        #expect(try model.importError()?.description.contains("nodes together") == true)
    }

    @Test func functionsThatAreNestedTooDeepAreRefused() throws {
        let model = model { model in
            model.function("F0", ["a"], ["b"], nodes: [ModelBuilder.node("Neg", ["a"], ["b"])])
            for level in 1...2000 {
                model.function(
                    "F\(level)", ["a"], ["b"],
                    nodes: [ModelBuilder.node("F\(level - 1)", ["a"], ["b"], domain: "local")])
            }
        }
        #expect(try model.importError()?.description.contains("nested more than") == true)
    }

    @Test func callThatDoesNotFitIsRefused() throws {
        func error(
            inputs: [String] = ["x"], outputs: [String] = ["y"], _ attributes: [Onnx_AttributeProto] = []
        ) throws -> String? {
            let model = model(
                { model in
                    model.function(
                        "F", ["a"], ["b"], attributes: ["known"], nodes: [ModelBuilder.node("Neg", ["a"], ["b"])])
                }, inputs: inputs, outputs: outputs, attributes)
            return try model.importError()?.description
        }
        #expect(try error() == nil)
        #expect(try error(inputs: ["x", "x"])?.contains("takes 1 inputs") == true)
        #expect(try error(outputs: ["y", "z"])?.contains("has 1 outputs") == true)
        #expect(try error([.number("other", 1)])?.contains("'other': the function has no such attribute") == true)
        #expect(try error([.number("known", 1), .number("known", 1)])?.contains("given twice") == true)
    }

    @Test func unsupportedOperatorInABodyIsNamedWithTheCall() throws {
        let model = model { model in
            model.function(
                "F", opset: 12, ["a"], ["b"],
                nodes: [
                    ModelBuilder.node("Strange", ["a"], ["t"], name: "odd"),
                    ModelBuilder.node("Other", ["t"], ["b"], domain: "elsewhere"),
                ])
        }
        #expect(
            try model.importError()
                == .unsupportedOperators([
                    .init(domain: "", name: "Strange", opset: 12, nodes: ["call/odd"]),
                    .init(domain: "elsewhere", name: "Other", opset: nil, nodes: ["call/Other_1"]),
                ]))
    }
}
