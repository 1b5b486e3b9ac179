import Execution
import Graphs
import Tensors
import TestSupport
import Testing

@testable import MLU

/// Remembers the calls in the order in which they begin, indented by nesting.
final class CallRecorder: OperatorObserver {
    private(set) var lines: [String] = []
    private(set) var origins: [String: OperatorResultOrigin] = [:]
    private var depth = 0

    func begin(_ call: OperatorCall) {
        lines.append(String(repeating: "  ", count: depth) + call.name)
        depth += 1
    }

    func end(
        _ call: OperatorCall, result: OperatorValue, origin: OperatorResultOrigin, onHost: () throws -> OperatorValue
    ) {
        depth -= 1
        origins[call.name] = origin
    }

    func fail(_ call: OperatorCall, _ error: any Error) {
        depth -= 1
        lines.append("\(call.name) failed")
    }

    var isBalanced: Bool { depth == 0 }
}

extension Graph {
    /// One float32 input `x` of the shape, one output `y`.
    init(_ nodes: [Node], input: Shape, initializers: [String: Tensor] = [:], outputs: [String] = ["y"]) {
        self.init(
            name: "test", inputs: [Value(name: "x", type: TensorType(elementType: .float32, shape: input))],
            outputs: outputs.map { Value(name: $0, type: TensorType(elementType: .float32, dimensions: nil)) },
            initializers: initializers, nodes: nodes)
    }
}

extension Tensor {
    /// Normally distributed enough: sums of uniform numbers.
    init(random shape: Shape, _ random: inout SeededGenerator, scale: Float = 1) {
        let values = (0..<shape.elementCount).map { _ in
            scale * (0..<4).reduce(Float(0)) { sum, _ in sum + Float.random(in: -1...1, using: &random) }
        }
        self.init(shape: shape, elements: values)
    }

    func distance(to other: Tensor) -> Float {
        zip(elements(as: Float.self), other.elements(as: Float.self)).map { abs($0 - $1) }.max() ?? 0
    }
}

@Suite(.serialized) struct EagerBackendTests {
    @Test func everyOperatorIsOneCallInTheOrderOfTheGraph() throws {
        let graph = Graph(
            [
                Node(name: "relu", op: .unary(.relu), inputs: ["x"], outputs: ["r"]),
                Node(name: "add", op: .binary(.add), inputs: ["r", "one"], outputs: ["a"]),
                Node(name: "soft", op: .softmax(axis: 1), inputs: ["a"], outputs: ["y"]),
            ], input: [2, 3], initializers: ["one": Tensor(scalar: Float(1))])
        var random = SeededGenerator(seed: 1)
        let input = Tensor(random: [2, 3], &random)
        let calls = CallRecorder()
        let device = MLUDevice()
        let outcome = try EagerBackend(graph, on: device).run(["x": input], observers: [calls])
        #expect(calls.lines == ["relu", "add", "  fill_", "  local_scalar_dense", "_softmax"])
        #expect(calls.isBalanced)
        let reference = try ReferenceExecutor(graph).run(["x": input])["y"]
        #expect(try #require(outcome.outputs["y"]).distance(to: #require(reference)) < 1e-6)
        #expect(outcome.report.rows.map(\.kind) == [.transfer, .kernel, .kernel, .kernel, .transfer])
        #expect(device.memory.blockCount == 0)
    }

    @Test func whatWasNotQuantizedRunsOnTheHost() throws {
        var random = SeededGenerator(seed: 2)
        let graph = Graph(
            [
                Node(
                    name: "conv", op: .convolution(ConvolutionAttributes()), inputs: ["x", "w"], outputs: ["c"]),
                Node(name: "relu", op: .unary(.relu), inputs: ["c"], outputs: ["y"]),
            ], input: [1, 2, 5, 5], initializers: ["w": Tensor(random: [3, 2, 3, 3], &random)])
        let calls = CallRecorder()
        let outcome = try EagerBackend(graph, on: MLUDevice()).run(
            ["x": Tensor(random: [1, 2, 5, 5], &random)], observers: [calls])
        #expect(calls.origins == ["convolution_overrideable": .host, "relu": .library])
        #expect(outcome.report.rows.map(\.kind) == [.transfer, .transfer, .host, .transfer, .kernel, .transfer])
    }

    @Test func aFailingOperatorLeavesNestingAndMemoryWhole() throws {
        let graph = Graph(
            [
                Node(name: "relu", op: .unary(.relu), inputs: ["x"], outputs: ["r"]),
                Node(name: "view", op: .reshape(allowZero: false), inputs: ["r", "size"], outputs: ["y"]),
            ], input: [2, 3], initializers: ["size": Tensor(shape: [1], elements: [Int64(7)])])
        let calls = CallRecorder()
        let device = MLUDevice()
        let backend = try EagerBackend(graph, on: device)
        var random = SeededGenerator(seed: 3)
        #expect(throws: MLUError.self) {
            try backend.run(["x": Tensor(random: [2, 3], &random)], observers: [calls])
        }
        #expect(calls.lines == ["relu", "view", "view failed"] && calls.isBalanced)
        #expect(device.memory.blockCount == 0)
    }

    @Test func aDeviceThatIsTooSmallSaysSo() throws {
        var model = DeviceModel.edge
        model.memoryBytes = 1 << 20
        let graph = Graph(
            [Node(name: "relu", op: .unary(.relu), inputs: ["x"], outputs: ["y"])], input: [(1 << 17) + 1])
        let device = MLUDevice(model)
        let backend = try EagerBackend(graph, on: device)
        #expect {
            try backend.run(["x": Tensor(zeros: [(1 << 17) + 1], elementType: .float32)])
        } throws: { "\($0)".contains("The device is out of memory: 'y' needs 524292 bytes") }
        #expect(device.memory.blockCount == 0)
    }

    @Test func modulesWithoutScaleAreRefused() throws {
        let graph = Graph(
            [Node(name: "fc", op: .mlu(.linear), inputs: ["x", "w"], outputs: ["y"])], input: [2, 3],
            initializers: ["w": Tensor(zeros: [4, 3], elementType: .float32)])
        #expect(throws: MLUError.notQuantized(node: "fc")) { try EagerBackend(graph, on: MLUDevice()) }
        #expect(throws: MLUError.notQuantized(node: "fc")) {
            try TracedBackend(
                tracing: graph, on: MLUDevice(), example: ["x": Tensor(zeros: [2, 3], elementType: .float32)])
        }
    }
}
