import Conversion
import Graphs
import Tensors
import Testing

/// A few bytes of constants do not keep preparation busy: what they ask for stays a node.
@Suite struct FoldingLimitTests {
    private func operators(_ build: (inout GraphBuilder) -> String) throws -> [String] {
        var builder = GraphBuilder()
        let result = build(&builder)
        builder.node(.binary(.add), ["x", result], ["y"])
        return try PreparedGraph(builder.build(outputs: ["y"]), fusesOperators: false).graph.operatorNames
    }

    @Test func rangesOfNumbersAreFoldedUnlessTheyAreLong() throws {
        func range(_ limit: Float) -> (inout GraphBuilder) -> String {
            { builder in
                let inputs = [("start", Float(0)), ("limit", limit), ("step", 1)].map {
                    builder.constant($0.0, [], [$0.1])
                }
                builder.node(.arrangement(.range), inputs, ["range"])
                return builder.node(
                    .reduce(ReductionAttributes(function: .sum, keepsAxes: false)), ["range"], ["total"])
            }
        }
        #expect(try operators(range(4)) == ["Add"])
        #expect(try operators(range(1e6)) == ["Range", "ReduceSum", "Add"])
    }

    @Test func productsOfManyTensorsAreFoldedUnlessTheyAreLarge() throws {
        let equation = try #require(EinsumEquation("a,b,c,d->"))
        func product(_ count: Int) -> (inout GraphBuilder) -> String {
            { builder in
                let inputs = (0..<4).map { builder.constant("v\($0)", [count]) }
                return builder.node(.algebra(.einsum(equation)), inputs, ["product"])
            }
        }
        #expect(try operators(product(4)) == ["Add"])
        #expect(try operators(product(1000)) == ["Einsum", "Add"])
    }

    @Test func emptyTensorsOfManyRowsStay() throws {
        func rows(_ count: Int) -> (inout GraphBuilder) -> String {
            { builder in
                let empty = builder.constant("empty", [count, 0], [Float]())
                builder.node(.unary(.relu), [empty], ["none"])
                return builder.node(
                    .reduce(ReductionAttributes(function: .sum, keepsAxes: false)), ["none"], ["total"])
            }
        }
        #expect(try operators(rows(3)) == ["Add"])
        #expect(try operators(rows(1 << 20)) == ["Relu", "ReduceSum", "Add"])
    }

    /// Its window has as many places as an attribute says, and the table of what each of them reads would be large.
    @Test func windowsOverConstantsStay() throws {
        let pads = [60_000]
        let attributes = PoolingAttributes(kernelShape: [110_000], padding: .explicit(before: pads, after: pads))
        let names = try operators { builder in
            let data = builder.constant("data", [1, 1, 4])
            builder.node(.maxPool(attributes), [data], ["pooled"])
            return builder.node(
                .reduce(ReductionAttributes(function: .maximum, keepsAxes: false)), ["pooled"], ["largest"])
        }
        #expect(names == ["MaxPool", "ReduceMax", "Add"])
    }
}
