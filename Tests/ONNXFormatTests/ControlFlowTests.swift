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

/// `If`, `Loop` and `Scan`: names, observation, shapes and round trips; what they compute is compared in
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

    @Test func valuesOfABodyHaveNamesOfTheirOwn() throws {
        let graph = try ControlFlowModels.doubling().load()
        let node = try #require(graph.nodes.first)
        #expect(node.inputs == ["count", "", "x", "x"])
        let inner = try #require(node.bodies.first)
        #expect(inner.inputs.map(\.name) == ["loop/i", "loop/on", "loop/v", "x"])
        #expect(inner.nodes.map(\.name) == ["loop/twice", "loop/more", "loop/Identity_2"])
        #expect(inner.outputs.map(\.name) == ["loop/still", "loop/t", "loop/w"])
    }

    /// Exporters of functions write no types of what a branch gives, and branches for other ranks than the data's.
    @Test(arguments: ConformanceExecutor.allCases)
    func branchThatDoesNotFitHasTheTypesOfTheOther(executor: ConformanceExecutor) throws {
        var model = ModelBuilder(opset: 13)
        model.input("x", [2, 3])
        model.output("y")
        model.proto.graph.initializer = [ModelBuilder.integers("three", [3]), ModelBuilder.integers("first", [0])]
        func branch(_ nodes: [Onnx_NodeProto], _ output: String) -> Onnx_GraphProto {
            var graph = ControlFlowModels.body(nodes, outputs: [(output, 1)])
            graph.output[0].clearType()
            return graph
        }
        let spatial = branch(
            [ModelBuilder.node("Transpose", ["x"], ["turned"], [.integers("perm", [2, 1, 0])])], "turned")
        let planar = branch([ModelBuilder.node("Neg", ["x"], ["negative"])], "negative")
        model.node("Shape", ["x"], ["shape"])
        model.node("Shape", ["shape"], ["rank"])
        model.node("Equal", ["rank", "three"], ["equal"])
        model.node("Squeeze", ["equal", "first"], ["is_spatial"])
        model.node("If", ["is_spatial"], ["y"], [.graph("then_branch", spatial), .graph("else_branch", planar)])
        let x = Tensor(shape: [2, 3], elements: [1, 2, 3, 4, 5, 6] as [Float])
        let outputs = try executor.run(try model.load(), ["x": x])
        #expect(outputs["y"]?.elements(as: Float.self) == [-1, -2, -3, -4, -5, -6])
    }

    @Test(arguments: ConformanceExecutor.allCases)
    func everyIterationIsObserved(executor: ConformanceExecutor) throws {
        let graph = try ControlFlowModels.doubling().load()
        let inputs = ["x": Tensor(shape: [2], elements: [1, -1] as [Float]), "count": Tensor(scalar: Int64(3))]
        let record = Record()
        let observed = ["loop/t", "loop/v", "x"]
        let outputs =
            switch executor {
            case .reference: try ReferenceExecutor(graph, observing: observed).run(inputs, tap: record)
            case .accelerated: try AcceleratedExecutor(graph, observing: observed).run(inputs, tap: record)
            }
        #expect(record.entries.map(\.name) == ["x", "loop/v", "loop/t", "loop/v", "loop/t", "loop/v", "loop/t"])
        #expect(
            record.entries.map(\.elements) == [[1, -1], [1, -1], [2, -2], [2, -2], [4, -4], [4, -4], [8, -8]])
        #expect(outputs["y"]?.elements(as: Float.self) == [8, -8])
        #expect(outputs["steps"]?.elements(as: Float.self) == [3, -3, 5, -5, 9, -9])
        #expect(outputs["steps"]?.shape == [3, 2])
    }

    @Test func valueThatIsNeitherOutsideNorInABodyIsUnknown() throws {
        let graph = try ControlFlowModels.doubling().load()
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
                attribute, ControlFlowModels.body([ModelBuilder.node(op, ["x"], ["r"])], outputs: [("r", 1)]))
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
        let inner = ControlFlowModels.body(
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
        var model = ControlFlowModels.doubling()
        model.proto.graph.node[0].input[2] = "z"
        model.proto.graph.node.insert(ModelBuilder.node("Identity", ["x"], ["z"]), at: 0)
        let graph = try ConstantFolding.apply(to: try model.load()).graph
        #expect(graph.nodes.map(\.name) == ["loop"])
        let inputs = ["x": Tensor(shape: [2], elements: [1, -1] as [Float]), "count": Tensor(scalar: Int64(2))]
        #expect(try ReferenceExecutor(graph).run(inputs)["y"]?.elements(as: Float.self) == [4, -4])
    }

    /// What nodes of bodies read and write is observed, also what they carry and what comes from outside, but no constants and
    /// nothing that is no float32.
    @Test func planNamesTheValuesOfBodies() throws {
        var model = ControlFlowModels.doubling()
        let plan = try QuantizationPlan(try PreparedGraph(try model.load()), options: QuantizationOptions())
        #expect(plan.bodyTensors == ["loop/t", "loop/v", "loop/w", "x"])
        #expect(plan.activations.isEmpty)
        model.proto.graph.node[0].attribute[0].g.node[1].input[1] = "constant"
        model.proto.graph.initializer = [ModelBuilder.floats("constant", [2], [1, 2])]
        let other = try QuantizationPlan(try PreparedGraph(try model.load()), options: QuantizationOptions())
        #expect(other.bodyTensors == ["loop/t", "loop/v", "loop/w"])
    }

    /// As in ONNX Runtime: what the file declares has its shape also when there is none of it; a symbol counts as 0.
    @Test(arguments: ConformanceExecutor.allCases)
    func loopThatNeverRunsHasResultsOfTheDeclaredShape(executor: ConformanceExecutor) throws {
        let inputs = ["x": Tensor(shape: [2], elements: [1, -1] as [Float]), "count": Tensor(scalar: Int64(0))]
        var model = ControlFlowModels.doubling()
        #expect(try executor.run(try model.load(), inputs)["steps"]?.shape == [0])
        for (extent, shape) in [(2, [0, 2]), (-1, [0, 0])] as [(Int64, Shape)] {
            model.proto.graph.node[0].attribute[0].g.output[2] = ModelBuilder.value("w", [extent])
            let graph = try model.load()
            for graph in [graph, try ONNXModel.load(from: ONNXModel.serialize(graph), baseDirectory: nil).graph] {
                let outputs = try executor.run(graph, inputs)
                #expect(outputs["y"]?.elements(as: Float.self) == [1, -1])
                #expect(outputs["steps"]?.shape == shape)
            }
        }
    }

    @Test(arguments: ConformanceExecutor.allCases, [Int64(0), 1, -1])
    func scanOfNothingHasResultsOfTheRightShape(executor: ConformanceExecutor, axis: Int64) throws {
        var model = ControlFlowModels.scan([.integer("num_scan_inputs", 1), .integers("scan_output_axes", [axis])])
        model.proto.graph.input[0].type.tensorType.clearShape()
        let outputs = try executor.run(try model.load(), ["x": Tensor(zeros: [0, 3], elementType: .float32)])
        #expect(outputs["y"]?.shape == (axis == 0 ? [0, 3] : [3, 0]))
    }

    /// A loop stays as it is in a model whose other nodes become integers.
    @Test func quantizedModelKeepsItsLoop() throws {
        var model = ControlFlowModels.doubling()
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
}
