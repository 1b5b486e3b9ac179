import Conversion
import Execution
import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

/// Models of 16-bit floating-point numbers compute in float32 when they are calibrated.
@Suite struct HalfPrecisionTests {
    /// y is x * w + b and more, with constants of the type; what is inside of a branch has the type as well.
    private static func graph(_ type: ElementType) -> Graph {
        func value(_ name: String, _ type: ElementType) -> Graph.Value {
            Graph.Value(name: name, type: TensorType(elementType: type, dimensions: [.symbol("N"), 4]))
        }
        func constant(_ elements: [Float]) -> Tensor {
            Tensor(shape: [4], elements: elements).converted(to: type)
        }
        func body(_ name: String, _ op: BinaryFunction) -> Graph {
            Graph(
                name: name, inputs: [value("\(name)/m", type)], outputs: [value("\(name)/out", type)],
                initializers: ["\(name)/k": constant([0.5, 2, 3, 4])],
                nodes: [
                    Node(
                        name: "\(name)/op", op: .binary(op), inputs: ["\(name)/m", "\(name)/k"],
                        outputs: ["\(name)/out"])
                ])
        }
        return Graph(
            name: "half",
            inputs: [
                value("x", type), Graph.Value(name: "which", type: TensorType(elementType: .bool, dimensions: [])),
            ],
            outputs: [value("y", type), value("wide", .float32), value("x", type)],
            initializers: ["w": constant([0.1, -0.2, 0.3, 0.7]), "b": constant([1, 0.01, -0.5, 0.25])],
            nodes: [
                Node(name: "Mul", op: .binary(.multiply), inputs: ["x", "w"], outputs: ["p"]),
                Node(name: "Wide", op: .cast(CastAttributes(to: .float32)), inputs: ["p"], outputs: ["wide"]),
                Node(name: "Narrow", op: .cast(CastAttributes(to: type)), inputs: ["wide"], outputs: ["n"]),
                Node(name: "Add", op: .binary(.add), inputs: ["n", "b"], outputs: ["s"]),
                Node(
                    name: "If", op: .control(.conditional(then: body("t", .add), otherwise: body("e", .multiply))),
                    inputs: ["which", "s"], outputs: ["y"]),
            ])
    }

    @Test(arguments: [ElementType.float16, .bfloat16])
    func valuesInsideAreWideAndTheInterfaceStays(type: ElementType) throws {
        let graph = Self.graph(type)
        let wide = HalfPrecisionWidening.apply(to: graph)
        try wide.validate()
        #expect(wide.inputs == graph.inputs && wide.outputs == graph.outputs)
        let outputs = Set(graph.outputs.map(\.name))
        let types = try ShapeInference.infer(wide)
        for (name, found) in types where found.elementType == type {
            #expect(name == "x" || outputs.contains(name), "\(name)")
        }
        #expect(wide.initializers.values.allSatisfy { $0.elementType == .float32 })
        #expect(types["wide"]?.elementType == .float32)

        var random = SeededGenerator(seed: 31)
        let x = Tensor(shape: [3, 4], elements: (0..<12).map { _ in Float(random.normal()) }).converted(to: type)
        for which in [true, false] {
            let inputs = ["x": x, "which": Tensor(shape: [], elements: [which])]
            let expected = try ReferenceExecutor(graph).run(inputs)
            for result in [try ReferenceExecutor(wide).run(inputs), try AcceleratedExecutor(wide).run(inputs)] {
                for output in graph.outputs {
                    let (mine, theirs) = (try #require(result[output.name]), try #require(expected[output.name]))
                    try #require(mine.elementType == output.type.elementType && mine.shape == theirs.shape)
                    let tolerance: Float = type == .float16 ? 0.004 : 0.04
                    let pairs = zip(
                        mine.converted(to: .float32).elements(as: Float.self),
                        theirs.converted(to: .float32).elements(as: Float.self))
                    for (left, right) in pairs { #expect(abs(left - right) <= tolerance * max(1, abs(right))) }
                }
            }
        }
    }

    @Test func otherGraphsStay() {
        let graph = Self.graph(.float32)
        #expect(HalfPrecisionWidening.apply(to: graph) == graph)
    }
}
