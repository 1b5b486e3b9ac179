import Execution
import Graphs
import Tensors
import TestSupport
import Testing

@testable import MLU

@Suite struct TracedBackendTests {
    /// relu, add and softmax of which the first two become one kernel.
    private static let graph = Graph(
        [
            Node(name: "sum", op: .binary(.add), inputs: ["x", "x"], outputs: ["s"]),
            Node(name: "relu", op: .unary(.relu), inputs: ["s"], outputs: ["r"]),
            Node(name: "soft", op: .softmax(axis: 1), inputs: ["r"], outputs: ["y"]),
        ], input: [2, 300])

    @Test func aTracedGraphIsOneLaunchAndComputesTheSame() throws {
        var random = SeededGenerator(seed: 4)
        let input = Tensor(random: [2, 300], &random)
        let eager = try EagerBackend(Self.graph, on: MLUDevice()).run(["x": input])
        let device = MLUDevice()
        let traced = try TracedBackend(tracing: Self.graph, on: device, example: ["x": input])
        let outcome = try traced.run(["x": input])
        #expect(try #require(outcome.outputs["y"]).distance(to: #require(eager.outputs["y"])) < 1e-6)
        #expect(traced.kernelCount == 2 && traced.fallbacks.isEmpty)
        #expect(outcome.report.rows.map(\.kind) == [.transfer, .kernel, .kernel, .transfer])
        // Two launches are saved, and one round trip of the fused value through memory.
        #expect(outcome.report.totalCycles < eager.report.totalCycles - device.model.launchCycles)
        #expect(device.memory.blockCount == 0)
    }

    @Test func anotherShapeThanTheTracedOneIsRefused() throws {
        let wanted = Tensor(zeros: [2, 300], elementType: .float32)
        let graph = Graph(
            name: "free",
            inputs: [.init(name: "x", type: TensorType(elementType: .float32, dimensions: [.unknown, 300]))],
            outputs: Self.graph.outputs, nodes: Self.graph.nodes)
        let traced = try TracedBackend(tracing: graph, on: MLUDevice(), example: ["x": wanted])
        #expect {
            try traced.run(["x": Tensor(zeros: [3, 300], elementType: .float32)])
        } throws: { "\($0)".contains("the traced shape [2, 300]") }
    }

    @Test func shapesThatDependOnValuesAreRefusedByName() throws {
        let graph = Graph(
            [
                Node(name: "to", op: .cast(CastAttributes(to: .int64)), inputs: ["x"], outputs: ["size"]),
                Node(
                    name: "full", op: .constantOfShape(value: Tensor(shape: [1], elements: [Float(1)])),
                    inputs: ["size"], outputs: ["y"]),
            ], input: [2])
        #expect {
            try TracedBackend(
                tracing: graph, on: MLUDevice(), example: ["x": Tensor(shape: [2], elements: [Float(2), 3])])
        } throws: { "\($0)".contains("Node 'full' (ConstantOfShape) cannot be traced") }
        // The eager backend runs it.
        let outcome = try EagerBackend(graph, on: MLUDevice()).run(
            ["x": Tensor(shape: [2], elements: [Float(2), 3])])
        #expect(outcome.outputs["y"]?.shape == [2, 3])
    }

    @Test func whatWasNotQuantizedFallsBackToTheHost() throws {
        var random = SeededGenerator(seed: 5)
        let graph = Graph(
            [
                Node(name: "conv", op: .convolution(ConvolutionAttributes()), inputs: ["x", "w"], outputs: ["c"]),
                Node(name: "soft", op: .softmax(axis: 1), inputs: ["c"], outputs: ["y"]),
            ], input: [1, 2, 5, 5], initializers: ["w": Tensor(random: [3, 2, 3, 3], &random)])
        let input = Tensor(random: [1, 2, 5, 5], &random)
        let traced = try TracedBackend(tracing: graph, on: MLUDevice(), example: ["x": input])
        #expect(traced.fallbacks.map(\.node) == ["conv"])
        #expect(try traced.run(["x": input]).report.rows.map(\.kind).contains(.host))
    }

    /// Values that are computed count as constants do.
    @Test func float64RunsOnTheHostOfBothBackends() throws {
        let graph = Graph(
            [
                Node(name: "double", op: .cast(CastAttributes(to: .float64)), inputs: ["x"], outputs: ["d"]),
                Node(name: "wide", op: .unary(.relu), inputs: ["d"], outputs: ["w"]),
                Node(name: "single", op: .cast(CastAttributes(to: .float32)), inputs: ["w"], outputs: ["s"]),
                Node(name: "relu", op: .unary(.relu), inputs: ["s"], outputs: ["y"]),
            ], input: [2, 3])
        var random = SeededGenerator(seed: 6)
        let input = Tensor(random: [2, 3], &random)
        let traced = try TracedBackend(tracing: graph, on: MLUDevice(), example: ["x": input])
        #expect(traced.fallbacks.map(\.node) == ["wide", "single"])
        #expect(traced.fallbacks.allSatisfy { $0.reason.contains("float64") })
        let eager = try EagerBackend(graph, on: MLUDevice()).run(["x": input])
        let outcome = try traced.run(["x": input])
        #expect(outcome.outputs["y"] == eager.outputs["y"])
        for report in [eager.report, outcome.report] {
            #expect(report.rows.filter { $0.kind == .host }.map(\.name) == ["wide", "single"])
        }
    }

    /// The constants of a node that the host computes take no memory of the device.
    @Test func parametersOfFloat64NodesStayOnTheHost() throws {
        let sizes = Tensor(shape: [4], elements: [Float(1), 1, 2, 2])
        let graph = Graph(
            [
                Node(name: "double", op: .cast(CastAttributes(to: .float64)), inputs: ["x"], outputs: ["d"]),
                Node(
                    name: "larger", op: .resize(ResizeAttributes()), inputs: ["d", "", "scales"], outputs: ["l"]),
                Node(name: "single", op: .cast(CastAttributes(to: .float32)), inputs: ["l"], outputs: ["y"]),
            ], input: [1, 1, 2, 2], initializers: ["scales": sizes])
        let input = Tensor(shape: [1, 1, 2, 2], elements: [Float(1), 2, 3, 4])
        let devices = [MLUDevice(), MLUDevice()]
        let traced = try TracedBackend(tracing: graph, on: devices[0], example: ["x": input])
        let eager = try EagerBackend(graph, on: devices[1])
        #expect(devices.map(\.memory.blockCount) == [0, 0])
        #expect(try traced.run(["x": input]).outputs["y"] == eager.run(["x": input]).outputs["y"])
    }
}
