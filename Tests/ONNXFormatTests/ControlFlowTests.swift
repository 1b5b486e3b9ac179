import Conversion
import Execution
import Foundation
import Graphs
import ONNXFormat
import Quantization
import SwiftProtobuf
import Tensors
import TestSupport
import Testing

/// `If`, `Loop` and `Scan`: names, observation, round trips and refusals; what they compute is compared in
/// `ExpandedOperatorTests`.
@Suite struct ControlFlowTests {
    /// Keeps what is observed, in order.
    private final class Record: TensorTap {
        var entries: [(name: String, elements: [Float])] = []

        func observe(_ value: String, elements: Span<Float>) {
            var copy: [Float] = []
            for index in elements.indices { copy.append(elements[index]) }
            entries.append((value, copy))
        }
    }

    private func body(
        _ nodes: [Onnx_NodeProto], inputs: [(String, Int32)] = [], outputs: [(String, Int32)]
    ) -> Onnx_GraphProto {
        func value(_ name: String, _ type: Int32) -> Onnx_ValueInfoProto {
            var info = ModelBuilder.value(name, [], type: type)
            if type == 1 { info.type.tensorType.clearShape() }
            return info
        }
        var graph = Onnx_GraphProto()
        graph.node = nodes
        graph.input = inputs.map(value)
        graph.output = outputs.map(value)
        return graph
    }

    /// `x` doubled as often as `count` says, while a counter of the body is below `limit`.
    private func doubling() -> ModelBuilder {
        var model = ModelBuilder(opset: 13)
        model.input("x", [2])
        model.input("count", [], type: 7)
        model.output("y")
        model.output("steps")
        let inner = body(
            [
                ModelBuilder.node("Add", ["v", "v"], ["t"], name: "twice"),
                ModelBuilder.node("Add", ["t", "x"], ["w"], name: "more"),
                ModelBuilder.node("Identity", ["on"], ["still"]),
            ], inputs: [("i", 7), ("on", 9), ("v", 1)], outputs: [("still", 9), ("t", 1), ("w", 1)])
        model.node("Loop", ["count", "", "x"], ["y", "steps"], name: "loop", [.graph("body", inner)])
        return model
    }

    @Test func valuesOfABodyHaveNamesOfTheirOwn() throws {
        let graph = try doubling().load()
        let node = try #require(graph.nodes.first)
        #expect(node.inputs == ["count", "", "x", "x"])
        let inner = try #require(node.bodies.first)
        #expect(inner.inputs.map(\.name) == ["loop/i", "loop/on", "loop/v", "x"])
        #expect(inner.nodes.map(\.name) == ["loop/twice", "loop/more", "loop/Identity_2"])
        #expect(inner.outputs.map(\.name) == ["loop/still", "loop/t", "loop/w"])
    }

    @Test(arguments: ConformanceExecutor.allCases)
    func everyIterationIsObserved(executor: ConformanceExecutor) throws {
        let graph = try doubling().load()
        let inputs = ["x": Tensor(shape: [2], elements: [1, -1] as [Float]), "count": Tensor(scalar: Int64(3))]
        let record = Record()
        let outputs =
            switch executor {
            case .reference: try ReferenceExecutor(graph, observing: ["loop/t", "x"]).run(inputs, tap: record)
            case .accelerated: try AcceleratedExecutor(graph, observing: ["loop/t", "x"]).run(inputs, tap: record)
            }
        #expect(record.entries.map(\.name) == ["x", "loop/t", "loop/t", "loop/t"])
        #expect(record.entries.map(\.elements) == [[1, -1], [2, -2], [4, -4], [8, -8]])
        #expect(outputs["y"]?.elements(as: Float.self) == [8, -8])
        #expect(outputs["steps"]?.elements(as: Float.self) == [3, -3, 5, -5, 9, -9])
        #expect(outputs["steps"]?.shape == [3, 2])
    }

    @Test func valueThatIsNeitherOutsideNorInABodyIsUnknown() throws {
        let graph = try doubling().load()
        #expect(throws: ExecutionError.unknownValue(name: "loop/z")) {
            try ReferenceExecutor(graph, observing: ["loop/z"])
        }
        #expect(throws: ExecutionError.unknownValue(name: "loop/z")) {
            try AcceleratedExecutor(graph, observing: ["loop/z"])
        }
    }

    /// Only the branch that is taken is observed.
    @Test func branchThatIsNotTakenIsNotObserved() throws {
        var model = ModelBuilder(opset: 13)
        model.input("x", [2])
        model.input("condition", [], type: 9)
        model.output("y")
        let branches = [("then_branch", "Abs"), ("else_branch", "Neg")].map { attribute, op in
            Onnx_AttributeProto.graph(
                attribute, body([ModelBuilder.node(op, ["x"], ["r"])], outputs: [("r", 1)]))
        }
        model.node("If", ["condition"], ["y"], name: "if", branches)
        let graph = try model.load()
        let observed = ["if/then_branch/r", "if/else_branch/r"]
        let record = Record()
        let inputs = ["x": Tensor(shape: [2], elements: [1, -2] as [Float]), "condition": Tensor(scalar: false)]
        let outputs = try ReferenceExecutor(graph, observing: observed).run(inputs, tap: record)
        #expect(outputs["y"]?.elements(as: Float.self) == [-1, 2])
        #expect(record.entries.map(\.name) == ["if/else_branch/r"])
    }

    @Test func outputsThatABodyOnlyPassesOnAreCopied() throws {
        var model = ModelBuilder(opset: 13)
        model.input("x", [2])
        model.output("y")
        model.output("all")
        let inner = body(
            [ModelBuilder.node("Relu", ["v"], ["t"])], inputs: [("i", 7), ("on", 9), ("v", 1)],
            outputs: [("on", 9), ("v", 1), ("x", 1)])
        model.node("Loop", ["two", "", "x"], ["y", "all"], name: "loop", [.graph("body", inner)])
        var two = ModelBuilder.integers("two", [2])
        two.dims = []
        model.proto.graph.initializer = [two]
        let graph = try model.load()
        #expect(graph.nodes[0].bodies[0].outputs.map(\.name) == ["loop/result_0", "loop/result_1", "loop/result_2"])
        let outputs = try ReferenceExecutor(graph).run(["x": Tensor(shape: [2], elements: [1, -2] as [Float])])
        #expect(outputs["y"]?.elements(as: Float.self) == [1, -2])
        #expect(outputs["all"]?.elements(as: Float.self) == [1, -2, 1, -2])
    }

    /// Preparation leaves bodies alone, and follows renamed values into them.
    @Test func preparedGraphComputesTheSame() throws {
        var model = doubling()
        model.proto.graph.node[0].input[2] = "z"
        model.proto.graph.node.insert(ModelBuilder.node("Identity", ["x"], ["z"]), at: 0)
        let graph = try ConstantFolding.apply(to: try model.load()).graph
        #expect(graph.nodes.map(\.name) == ["loop"])
        let inputs = ["x": Tensor(shape: [2], elements: [1, -1] as [Float]), "count": Tensor(scalar: Int64(2))]
        #expect(try ReferenceExecutor(graph).run(inputs)["y"]?.elements(as: Float.self) == [4, -4])
    }

    /// What nodes of bodies read and write is observed, but not what comes from outside or is no float32.
    @Test func planNamesTheValuesOfBodies() throws {
        let graph = try doubling().load()
        let plan = try QuantizationPlan(try PreparedGraph(graph), options: QuantizationOptions())
        #expect(plan.bodyTensors == ["loop/t", "loop/w"])
        #expect(plan.activations.isEmpty)
    }

    /// A loop stays as it is in a model whose other nodes become integers.
    @Test func quantizedModelKeepsItsLoop() throws {
        var model = doubling()
        model.proto.graph.node[0].input[2] = "z"
        model.proto.graph.initializer = [ModelBuilder.floats("w", [2, 2], [1, 0.5, -0.5, 1])]
        model.proto.graph.node.insert(ModelBuilder.node("MatMul", ["x", "w"], ["z"], name: "product"), at: 0)
        let graph = try model.load()
        let plan = try QuantizationPlan(try PreparedGraph(graph), options: QuantizationOptions())
        let range = TensorRange(minimum: -8, maximum: 8)
        let parameters = Dictionary(
            uniqueKeysWithValues: plan.observedTensors.map {
                ($0, QuantizationParameters(range: range, scheme: plan.options.activations))
            })
        let quantized = try plan.quantize(parameters).graph
        let again = try ONNXModel.load(from: try ONNXModel.serialize(quantized), baseDirectory: nil).graph
        #expect(again.nodes.last?.bodies.count == 1)
        let inputs = ["x": Tensor(shape: [2], elements: [1, -1] as [Float]), "count": Tensor(scalar: Int64(1))]
        let wanted = try #require(try ReferenceExecutor(graph).run(inputs)["y"]).elements(as: Float.self)
        let actual = try #require(try AcceleratedExecutor(again).run(inputs)["y"]).elements(as: Float.self)
        for (left, right) in zip(wanted, actual) { #expect((left - right).magnitude < 0.2) }
    }

    // MARK: Refusals

    private func loopError(_ change: (inout ModelBuilder) -> Void) throws -> String? {
        var model = doubling()
        change(&model)
        return try model.importError()?.description
    }

    @Test func malformedLoopsAreRefused() throws {
        #expect(try loopError { _ in } == nil)
        let missing = try loopError { $0.proto.graph.node[0].attribute = [] }
        #expect(missing?.contains("attribute 'body': the graph is missing") == true)
        let lacking = try loopError { $0.proto.graph.node[0].input = ["count"] }
        #expect(lacking?.contains("'loop' (Loop), input 2") == true)
        let many = try loopError { $0.proto.graph.node[0].input = ["count", "", "x", "x"] }
        #expect(many?.contains("its body wants 3") == true)
        let outputs = try loopError { $0.proto.graph.node[0].attribute[0].g.output.removeLast(2) }
        #expect(outputs?.contains("should take an iteration and a condition") == true)
        let attribute = try loopError { $0.proto.graph.node[0].attribute.append(.integer("extra", 1)) }
        #expect(attribute?.contains("'extra'") == true)
    }

    /// Each level is gone through several times to learn what its loop carries, so a few more would take for ever.
    @Test(.timeLimit(.minutes(1)), arguments: [5, 6, 25]) func loopsAreNestedOnlySoDeep(depth: Int) throws {
        var model = ModelBuilder(opset: 13)
        model.input("x", [2, 3])
        model.input("count", [], type: 7)
        model.output("y")
        var inner = [ModelBuilder.node("Transpose", ["v"], ["t"])]
        for level in 0..<depth {
            let nodes = inner + [ModelBuilder.node("Identity", ["on"], ["still"])]
            let graph = body(nodes, inputs: [("i", 7), ("on", 9), ("v", 1)], outputs: [("still", 9), ("t", 1)])
            let isOutermost = level == depth - 1
            inner = [
                ModelBuilder.node(
                    "Loop", ["count", "", isOutermost ? "x" : "v"], [isOutermost ? "y" : "t"], name: "loop\(level)",
                    [.graph("body", graph)])
            ]
        }
        model.proto.graph.node = inner
        let error = try model.importError()?.description
        #expect(
            depth == 5 ? error == nil : error?.contains("loops are nested more than 5 deep") == true, "\(error ?? "")")
    }

    @Test func malformedScansAreRefused() throws {
        func error(opset: Int64 = 13, inputs: [String] = ["x"], _ attributes: [Onnx_AttributeProto]) throws -> String? {
            var model = ModelBuilder(opset: opset)
            model.input("x", [2])
            model.output("y")
            let inner = body(
                [ModelBuilder.node("Relu", ["e"], ["r"])], inputs: [("e", 1)], outputs: [("r", 1)])
            model.node("Scan", inputs, ["y"], name: "scan", attributes + [.graph("body", inner)])
            return try model.importError()?.description
        }
        let count = Onnx_AttributeProto.integer("num_scan_inputs", 1)
        #expect(try error([count]) == nil)
        #expect(try error(opset: 8, [count])?.contains("opset 8") == true)
        #expect(try error([])?.contains("num_scan_inputs") == true)
        #expect(try error([.integer("num_scan_inputs", 2)])?.contains("within 1...1") == true)
        #expect(try error([count, .integers("scan_input_axes", [0, 0])])?.contains("scan_input_axes") == true)
        #expect(try error(inputs: ["x", "x"], [count])?.contains("its body wants 1") == true)
    }

    @Test func nodeOfABodyThatCannotBeConvertedIsNamed() throws {
        let unknown = try loopError { $0.proto.graph.node[0].attribute[0].g.node[1].opType = "Strange" }
        #expect(unknown?.contains("Strange (opset 13) at 'loop/more'") == true)
        let attribute = try loopError {
            $0.proto.graph.node[0].attribute[0].g.node[1].attribute = [.integer("odd", 1)]
        }
        #expect(attribute?.contains("node 'loop/more' (Add), attribute 'odd'") == true)
        let undefined = try loopError { $0.proto.graph.node[0].attribute[0].g.node[1].input[1] = "ghost" }
        #expect(undefined?.contains("ghost") == true)
    }

    /// An addition that changes the type of what is carried.
    @Test func carriedValueThatChangesItsTypeIsRefusedByInference() throws {
        var model = doubling()
        let cast = ModelBuilder.node("Cast", ["t"], ["half"], [.integer("to", 10)])
        model.proto.graph.node[0].attribute[0].g.node.append(cast)
        model.proto.graph.node[0].attribute[0].g.output[1].name = "half"
        let graph = try model.load()
        let error = #expect(throws: ShapeInferenceError.self) { try ShapeInference.infer(graph) }
        #expect(error?.description.contains("float16") == true)
    }
}
