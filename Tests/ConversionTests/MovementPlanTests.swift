import Conversion
import Graphs
import Tensors
import Testing

/// Which values become integers around operators that move or choose elements.
@Suite struct MovementPlanTests {
    /// Operators with their inputs behind the data.
    private static let movements: [(op: Operator, inputs: [String])] = [
        (.arrangement(.spaceToDepth(blockSize: 2)), []), (.arrangement(.tile), ["repeats"]),
        (.expand, ["extents"]), (.reduce(ReductionAttributes(function: .maximum)), ["axis"]),
        (.reduce(ReductionAttributes(function: .minimum)), ["axis"]), (.globalMaxPool, []),
        (.ranking(.top(axis: 3, isLargest: true)), ["axis"]), (.selection(.gatherElements(axis: 3)), ["places"]),
    ]

    private static func builder() -> GraphBuilder {
        var builder = GraphBuilder()
        _ = builder.constant("repeats", [4], [Int64](repeating: 2, count: 4))
        _ = builder.constant("extents", [4], [2, 2, 4, 4].map { Int64($0) })
        _ = builder.constant("axis", [1], [Int64(3)])
        _ = builder.constant("places", [1, 2, 4, 1], [Int64](repeating: 1, count: 8))
        return builder
    }

    @Test(arguments: movements.indices)
    func resultHasTheParametersOfTheInput(index: Int) throws {
        let (op, inputs) = Self.movements[index]
        var builder = Self.builder()
        builder.conv("x", "a")
        builder.node(op, ["a"] + inputs, ["y"])
        let quantized = try plan(builder.build(outputs: ["y"]))
        #expect(quantized.source(of: "y") == .shared(with: "a"))
        #expect(quantized.observedTensors == ["a", "x"])
        try quantized.quantized().graph.validate()
    }

    @Test(arguments: movements.indices)
    func floatValueStaysFloat(index: Int) throws {
        let (op, inputs) = Self.movements[index]
        var builder = Self.builder()
        builder.node(op, ["x"] + inputs, ["y"])
        #expect(try plan(builder.build(outputs: ["y"])).outcome(of: "y") == .float(.inputIsNotQuantized))
    }

    @Test func choiceBetweenQuantizedValuesHasARangeOfItsOwn() throws {
        func planned(otherwise second: String) throws -> QuantizationPlan {
            var builder = GraphBuilder()
            _ = builder.constant("exclusion", [], [Float(-1e9)])
            builder.conv("x", "a")
            builder.conv("x", "b")
            builder.node(.logic(.compare(.less)), ["a", "b"], ["less"])
            builder.node(.logic(.select), ["less", "a", second], ["y"])
            return try plan(builder.build(outputs: ["y"]))
        }
        #expect(try planned(otherwise: "b").source(of: "y") == .observed("y"))
        #expect(try planned(otherwise: "exclusion").outcome(of: "y") == .float(.inputIsNotQuantized))
    }
}
