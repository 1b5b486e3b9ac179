import Conversion
import Graphs
import Tensors
import Testing

@Suite struct PreparationTests {
    // MARK: Constants

    @Test func constantSubgraphBecomesOneInitializer() throws {
        var builder = GraphBuilder(input: [2, 6])
        let data = builder.constant("data", [4], [Int64(2), 3, 4, 5])
        let indices = builder.constant("indices", [1], [Int64(0)])
        let rest = builder.constant("rest", [2], [Int64(3), 2])
        builder.node(.gather(axis: 0), [data, indices], ["first"])
        builder.node(.concat(axis: 0), ["first", rest], ["shape"])
        builder.node(.reshape(allowZero: false), ["x", "shape"], ["y"])
        let prepared = try PreparedGraph(builder.build(outputs: ["y"]))
        #expect(prepared.graph.operatorNames == ["Reshape"])
        #expect(prepared.graph.initializers == ["shape": Tensor(shape: [3], elements: [Int64(2), 3, 2])])
        #expect(prepared.rewrites.map(\.action) == [.evaluated, .evaluated])
    }

    @Test func fixedExtentsOfSymbolicShapesAreConstants() throws {
        var builder = GraphBuilder(input: [.symbol("N"), 2, 4, 4])
        builder.conv("x", "a")
        builder.node(.shape(start: 0, end: nil), ["a"], ["shape"])
        let (batch, channel) = (builder.constant("zero", [1], [Int64(0)]), builder.constant("one", [1], [Int64(1)]))
        builder.node(.gather(axis: 0), ["shape", batch], ["n"])
        builder.node(.gather(axis: 0), ["shape", channel], ["c"])
        let rest = builder.constant("rest", [1], [Int64(-1)])
        builder.node(.concat(axis: 0), ["n", "c", rest], ["target"])
        builder.node(.reshape(allowZero: false), ["a", "target"], ["y"])
        let prepared = try PreparedGraph(builder.build(outputs: ["y"])).graph
        #expect(prepared.operatorNames == ["Conv", "Shape", "Gather", "Concat", "Reshape"])
        #expect(prepared.initializers["c"] == Tensor(shape: [1], elements: [Int64(2)]))
        builder.graph.inputs[0].type.dimensions = [1, 2, 4, 4]
        #expect(try PreparedGraph(builder.build(outputs: ["y"])).graph.operatorNames == ["Conv", "Reshape"])
    }

    @Test func contradictingShapesAreNamed() throws {
        var builder = GraphBuilder()
        builder.conv("x", "y", from: 3)
        let error = #expect(throws: ConversionError.self) { try PreparedGraph(builder.build(outputs: ["y"])) }
        #expect(error.map { "\($0)".contains("'y_node'") } == true)
    }

    @Test func identityOfAnInitializerIsAnAlias() throws {
        var builder = GraphBuilder(input: [1, 3])
        let weight = builder.constant("w", [3, 3])
        builder.node(.identity, [weight], ["alias"])
        builder.node(.identity, ["alias"], ["second"])
        builder.node(.matMul, ["x", "second"], ["y"])
        let prepared = try PreparedGraph(builder.build(outputs: ["y"]))
        #expect(prepared.graph.nodes.map(\.inputs) == [["x", "w"]])
        #expect(prepared.graph.initializers.keys.sorted() == ["w"])
    }

    @Test func bypassedNodeThatWritesAnOutputKeepsTheOutputsName() throws {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        builder.node(.identity, ["a"], ["y"])
        builder.node(.unary(.relu), ["a"], ["z"])
        let prepared = try PreparedGraph(builder.build(outputs: ["y", "z"]))
        #expect(prepared.graph.nodes.map(\.outputs) == [["y"], ["z"]])
        #expect(prepared.graph.nodes[1].inputs == ["y"])
        try prepared.graph.validate()
    }

    @Test func identityOfAnInputToAnOutputStays() throws {
        var builder = GraphBuilder()
        builder.node(.identity, ["x"], ["y"])
        builder.node(.identity, ["x"], ["z"])
        let prepared = try PreparedGraph(builder.build(outputs: ["y", "z"]))
        #expect(prepared.graph.operatorNames == ["Identity", "Identity"])
    }

    @Test func constantOutputStaysAnOutputOfANode() throws {
        var builder = GraphBuilder()
        let data = builder.constant("data", [2])
        builder.node(.unary(.relu), [data], ["a"])
        builder.node(.unary(.relu), ["a"], ["y"])
        let prepared = try PreparedGraph(builder.build(outputs: ["y"]))
        #expect(prepared.graph.nodes.map(\.outputs) == [["y"]])
        try prepared.graph.validate()
    }

    @Test func dropoutIsBypassedUnlessItsMaskIsRead() throws {
        var builder = GraphBuilder()
        builder.node(.dropout, ["x"], ["a", "mask"])
        builder.node(.unary(.relu), ["a"], ["y"])
        let graph = builder.build(outputs: ["y"])
        #expect(try PreparedGraph(graph).graph.operatorNames == ["Relu"])
        var withMask = graph
        withMask.outputs.append(
            Graph.Value(name: "mask", type: TensorType(elementType: .bool, dimensions: nil)))
        #expect(try PreparedGraph(withMask).graph.operatorNames == ["Dropout", "Relu"])
    }

    @Test func castToTheSameTypeIsBypassed() throws {
        var builder = GraphBuilder()
        builder.node(.cast(CastAttributes(to: .float32)), ["x"], ["a"])
        builder.node(.unary(.relu), ["a"], ["y"])
        #expect(try PreparedGraph(builder.build(outputs: ["y"])).graph.operatorNames == ["Relu"])
    }

    @Test func largeResultsAreNotStored() throws {
        var builder = GraphBuilder(input: [1000, 1000])
        let shape = builder.constant("shape", [2], [Int64(1000), 1000])
        builder.node(.constantOfShape(value: Tensor(scalar: Float(1))), [shape], ["ones"])
        builder.node(.binary(.add), ["x", "ones"], ["y"])
        let prepared = try PreparedGraph(builder.build(outputs: ["y"]))
        #expect(prepared.graph.operatorNames == ["ConstantOfShape", "Add"])
    }

    @Test func failingConstantNodeIsNamed() throws {
        var builder = GraphBuilder()
        let (left, right) = (builder.constant("left", [2, 3]), builder.constant("right", [2, 3]))
        builder.node(.matMul, [left, right], ["a"])
        builder.node(.binary(.add), ["x", "a"], ["y"])
        let error = #expect(throws: ConversionError.self) { try PreparedGraph(builder.build(outputs: ["y"])) }
        #expect(error.map { "\($0)".contains("'a_node'") } == true)
    }

    @Test func deadNodesAndConstantsAreRemoved() throws {
        var builder = GraphBuilder()
        builder.conv("x", "unused")
        builder.node(.unary(.relu), ["x"], ["y"])
        let prepared = try PreparedGraph(builder.build(outputs: ["y"]))
        #expect(prepared.graph.operatorNames == ["Relu"])
        #expect(prepared.graph.initializers.isEmpty)
        #expect(prepared.rewrites.map(\.action) == [.unused])
    }

    // MARK: Batch normalization

    private static func addNormalization(
        _ builder: inout GraphBuilder, _ input: String, _ output: String, channels: Int
    ) {
        let names = ["scale", "shift", "mean"].map { builder.constant("\(output).\($0)", [channels]) }
        let variance = builder.constant(
            "\(output).variance", [channels], (0..<channels).map { Float($0) * 0.7 + 0.1 })
        builder.node(
            .batchNormalization(BatchNormalizationAttributes()), [input] + names + [variance], [output])
    }

    private static func expectFolded(
        _ graph: Graph, input: Shape, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let prepared = try PreparedGraph(graph)
        #expect(!prepared.graph.operatorNames.contains("BatchNormalization"), sourceLocation: sourceLocation)
        try prepared.graph.validate()
        let data = randomTensor(input, seed: 7)
        let (before, after) = (try evaluate(graph, data), try evaluate(prepared.graph, data))
        for name in graph.outputs.map(\.name) {
            let difference = relativeDifference(try #require(before[name]), try #require(after[name]))
            #expect(difference < 1e-5, sourceLocation: sourceLocation)
        }
    }

    @Test(arguments: [true, false]) func normalizationFoldsIntoConvolution(hasBias: Bool) throws {
        var builder = GraphBuilder()
        builder.conv("x", "a", to: 5, bias: hasBias)
        Self.addNormalization(&builder, "a", "y", channels: 5)
        try Self.expectFolded(builder.build(outputs: ["y"]), input: [1, 2, 4, 4])
    }

    @Test(arguments: [1, 2]) func normalizationFoldsIntoTransposedConvolution(groups: Int) throws {
        var builder = GraphBuilder(input: [1, 4, 3, 3])
        let weight = builder.constant("w", [4, 3, 2, 2])
        let attributes = TransposedConvolutionAttributes(convolution: ConvolutionAttributes(groups: groups))
        builder.node(.transposedConvolution(attributes), ["x", weight], ["a"])
        Self.addNormalization(&builder, "a", "y", channels: 3 * groups)
        try Self.expectFolded(builder.build(outputs: ["y"]), input: [1, 4, 3, 3])
    }

    @Test func normalizationFoldsIntoDepthwiseConvolution() throws {
        var builder = GraphBuilder()
        let weight = builder.constant("w", [4, 1, 3, 3])
        builder.node(.convolution(ConvolutionAttributes(groups: 2)), ["x", weight], ["a"])
        Self.addNormalization(&builder, "a", "y", channels: 4)
        try Self.expectFolded(builder.build(outputs: ["y"]), input: [1, 2, 4, 4])
    }

    @Test(arguments: [true, false]) func normalizationFoldsIntoGemm(isTransposed: Bool) throws {
        var builder = GraphBuilder(input: [3, 4])
        let weight = builder.constant("w", isTransposed ? [5, 4] : [4, 5])
        let bias = builder.constant("b", [1, 5])
        let attributes = GemmAttributes(alpha: 0.5, beta: 2, transposeB: isTransposed)
        builder.node(.gemm(attributes), ["x", weight, bias], ["a"])
        Self.addNormalization(&builder, "a", "y", channels: 5)
        try Self.expectFolded(builder.build(outputs: ["y"]), input: [3, 4])
    }

    @Test func twoNormalizationsInARowFoldIntoTheSameConvolution() throws {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        Self.addNormalization(&builder, "a", "b", channels: 2)
        Self.addNormalization(&builder, "b", "y", channels: 2)
        try Self.expectFolded(builder.build(outputs: ["y"]), input: [1, 2, 4, 4])
    }

    @Test func sharedWeightIsDuplicatedForTheFoldedReader() throws {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        Self.addNormalization(&builder, "a", "b", channels: 2)
        let attributes = ConvolutionAttributes(padding: .explicit(before: [1, 1], after: [1, 1]))
        builder.node(.convolution(attributes), ["b", "a.weight", "a.bias"], ["y"])
        let graph = builder.build(outputs: ["y"])
        try Self.expectFolded(graph, input: [1, 2, 4, 4])
        let prepared = try PreparedGraph(graph).graph
        #expect(prepared.initializers["a.weight"] == graph.initializers["a.weight"])
        #expect(prepared.initializers["a.weight_folded"] != nil)
    }

    @Test func normalizationStaysWhenTheValueBeforeItIsReadElsewhere() throws {
        var builder = GraphBuilder()
        builder.conv("x", "a")
        Self.addNormalization(&builder, "a", "b", channels: 2)
        builder.node(.binary(.add), ["a", "b"], ["y"])
        #expect(try PreparedGraph(builder.build(outputs: ["y"])).graph.operatorNames.contains("BatchNormalization"))
        #expect(try PreparedGraph(builder.build(outputs: ["b"])).graph.operatorNames == ["Conv"])
        #expect(try PreparedGraph(builder.build(outputs: ["a", "b"])).graph.operatorNames.count == 2)
    }

    @Test func biasOfAFoldedConvolutionIsNamedAfterItsWeight() throws {
        var builder = GraphBuilder()
        builder.conv("x", "a", bias: false)
        Self.addNormalization(&builder, "a", "y", channels: 2)
        let prepared = try PreparedGraph(builder.build(outputs: ["y"])).graph
        #expect(prepared.nodes.map(\.inputs) == [["x", "a.weight", "a.bias"]])
    }

    @Test func gemmCoefficientsMoveIntoConstants() throws {
        var builder = GraphBuilder(input: [3, 4])
        let (weight, bias) = (builder.constant("w", [4, 5]), builder.constant("b", [5]))
        builder.node(.gemm(GemmAttributes(alpha: 0.5, beta: 2)), ["x", weight, bias], ["y"])
        let graph = builder.build(outputs: ["y"])
        let prepared = try PreparedGraph(graph).graph
        #expect(prepared.nodes.map(\.op) == [.gemm(GemmAttributes())])
        let data = randomTensor([3, 4], seed: 3)
        let (before, after) = (try evaluate(graph, data)["y"], try evaluate(prepared, data)["y"])
        #expect(relativeDifference(try #require(before), try #require(after)) < 1e-6)
    }
}
