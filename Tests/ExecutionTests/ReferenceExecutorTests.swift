import Execution
import Graphs
import Kernels
import Tensors
import Testing

@Suite struct ReferenceExecutorTests {
    /// y = relu(x + b), z = y * y.
    private func graph() -> Graph {
        let type = TensorType(elementType: .float32, dimensions: [.symbol("N"), 2])
        return Graph(
            name: "test", inputs: [.init(name: "x", type: type)], outputs: [.init(name: "z", type: type)],
            initializers: ["b": Tensor(shape: [2], elements: [Float(1), -1])],
            nodes: [
                Node(name: "add", op: .binary(.add), inputs: ["x", "b"], outputs: ["s"]),
                Node(name: "relu", op: .unary(.relu), inputs: ["s"], outputs: ["y"]),
                Node(name: "square", op: .binary(.multiply), inputs: ["y", "y"], outputs: ["z"]),
            ])
    }

    private final class Recorder: TensorTap {
        var seen: [(String, [Float])] = []

        func observe(_ value: String, elements: Span<Float>) {
            seen.append((value, elements.indices.map { elements[$0] }))
        }
    }

    @Test func computesOutputsAndTapsObservedValues() throws {
        let executor = try ReferenceExecutor(graph(), observing: ["y", "x", "b", "z"])
        let recorder = Recorder()
        let result = try executor.run(["x": Tensor(shape: [1, 2], elements: [Float(2), -3])], tap: recorder)
        #expect(result == ["z": Tensor(shape: [1, 2], elements: [Float(9), 0])])
        #expect(recorder.seen.map(\.0) == ["x", "b", "y", "z"])
        #expect(recorder.seen.map(\.1) == [[2, -3], [1, -1], [3, 0], [9, 0]])
    }

    @Test func refusesInputsThatDoNotFit() throws {
        let executor = try ReferenceExecutor(graph())
        let right = Tensor(shape: [3, 2], elements: [Float](repeating: 0, count: 6))
        #expect(try executor.run(["x": right])["z"]?.shape == [3, 2])
        #expect(throws: ExecutionError.missingInput(name: "x", available: ["y"])) { try executor.run(["y": right]) }
        #expect(throws: ExecutionError.inputMismatch(name: "x", expected: "float32[N, 2]", actual: "float32[6]")) {
            try executor.run(["x": right.reshaped(to: [6])])
        }
        #expect(throws: ExecutionError.inputMismatch(name: "x", expected: "float32[N, 2]", actual: "float32[2, 3]")) {
            try executor.run(["x": right.reshaped(to: [2, 3])])
        }
        #expect(throws: ExecutionError.inputMismatch(name: "x", expected: "float32[N, 2]", actual: "int64[1, 2]")) {
            try executor.run(["x": Tensor(shape: [1, 2], elements: [Int64(1), 2])])
        }
    }

    @Test func refusesUnknownValues() {
        #expect(throws: ExecutionError.unknownValue(name: "q")) { try ReferenceExecutor(graph(), observing: ["q"]) }
        var broken = graph()
        broken.nodes.swapAt(0, 1)
        #expect(throws: ExecutionError.unknownValue(name: "s")) { try ReferenceExecutor(broken) }
        broken = graph()
        broken.outputs[0].name = "nowhere"
        #expect(throws: ExecutionError.unknownValue(name: "nowhere")) { try ReferenceExecutor(broken) }
    }

    @Test func namesTheNodeThatFails() throws {
        var broken = graph()
        broken.initializers["b"] = Tensor(shape: [3], elements: [Float(1), 2, 3])
        let executor = try ReferenceExecutor(broken)
        do {
            _ = try executor.run(["x": Tensor(shape: [1, 2], elements: [Float(2), -3])])
            Issue.record("the shapes do not broadcast")
        } catch {
            guard case .node(let name, let operatorName, .shapeMismatch) = error else {
                Issue.record("unexpected error \(error)")
                return
            }
            #expect(name == "add" && operatorName == "Add")
        }
    }
}
