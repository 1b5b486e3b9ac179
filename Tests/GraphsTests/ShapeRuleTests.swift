public import Graphs
import Tensors
import Testing

/// The shape rule of each operator, with known and symbolic extents.
@Suite struct ShapeRuleTests {
    private func float(_ dimensions: Dimension...) -> InferredValue {
        InferredValue(TensorType(elementType: .float32, dimensions: dimensions))
    }

    private func integers(_ values: Int...) -> InferredValue {
        InferredValue(Tensor(shape: [values.count], elements: values.map(Int64.init)))
    }

    private func infer(_ op: Operator, _ inputs: InferredValue?...) throws -> [Dimension]? {
        try op.inferOutputTypes(inputs: inputs, outputCount: 1)[0].type.dimensions
    }

    private func reason(_ op: Operator, _ inputs: InferredValue?...) -> String? {
        do throws(ShapeRuleError) {
            _ = try op.inferOutputTypes(inputs: inputs, outputCount: 1)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test func convolutionFollowsSymbols() throws {
        let weight = float(8, 3, 3, 3)
        let same = ConvolutionAttributes(padding: .explicit(before: [1, 1], after: [1, 1]))
        #expect(
            try infer(.convolution(same), float("N", 3, "H", "W"), weight) == ["N", 8, "H", "W"])
        let strided = ConvolutionAttributes(strides: [2, 2], padding: .explicit(before: [1, 1], after: [1, 1]))
        #expect(
            try infer(.convolution(strided), float("N", 3, "H", 7), weight) == ["N", 8, "floor((H+1)/2)", 4])
        #expect(
            try infer(
                .convolution(ConvolutionAttributes(strides: [2, 2], padding: .sameUpper)), float(1, 3, 5, 6), weight)
                == [1, 8, 3, 3])
    }

    @Test func convolutionMistakesAreExplained() {
        let weight = float(8, 3, 3, 3)
        let op = Operator.convolution(ConvolutionAttributes())
        #expect(reason(op, float(1, 4, 5, 5), weight)?.contains("channels") == true)
        #expect(reason(op, float(1, 3, 2, 5), weight)?.contains("exceeds") == true)
        #expect(reason(op, float(1, 3, 5), weight)?.contains("rank 3") == true)
    }

    @Test func transposedConvolutionInvertsTheExtent() throws {
        let attributes = TransposedConvolutionAttributes(
            convolution: ConvolutionAttributes(strides: [2, 2], padding: .explicit(before: [1, 1], after: [1, 1])),
            outputPadding: [1, 1])
        #expect(
            try infer(.transposedConvolution(attributes), float(1, 3, "H", 4), float(3, 5, 3, 3))
                == [1, 5, "H*2", 8])
    }

    @Test func lastPartialWindowCountsInCeilMode() throws {
        var attributes = PoolingAttributes(kernelShape: [2, 2], strides: [2, 2], ceilMode: true)
        #expect(try infer(.maxPool(attributes), float(1, 1, 5, 4)) == [1, 1, 3, 2])
        // The last window would start in the padding.
        attributes = PoolingAttributes(
            kernelShape: [1], strides: [2], padding: .explicit(before: [0], after: [1]), ceilMode: true)
        #expect(try infer(.averagePool(attributes), float(1, 1, 2)) == [1, 1, 1])
    }

    @Test func matrixProductsBroadcast() throws {
        #expect(try infer(.matMul, float("N", 4, 5, 6), float(6, 7)) == ["N", 4, 5, 7])
        #expect(try infer(.matMul, float(6), float(3, 6, 7)) == [3, 7])
        #expect(try infer(.matMul, float(3, 5, 6), float(6)) == [3, 5])
        #expect(try infer(.matMul, float(6), float(6)) == [])
        #expect(reason(.matMul, float(2, 3), float(4, 5))?.contains("3 and 4") == true)
        let gemm = Operator.gemm(GemmAttributes(transposeB: true))
        #expect(try infer(gemm, float("N", 3), float(7, 3), float(7)) == ["N", 7])
    }

    @Test func elementwiseBroadcasts() throws {
        #expect(try infer(.binary(.add), float("N", 1, 5), float(4, 1)) == ["N", 4, 5])
        #expect(reason(.binary(.add), float(2, 3), float(2))?.contains("cannot be broadcast") == true)
        #expect(try infer(.variadic(.sum), float(2, 1), float(3), float(1, 1)) == [2, 3])
    }

    @Test func reductionsDropOrKeepAxes() throws {
        let keep = Operator.reduce(ReductionAttributes(function: .mean))
        let drop = Operator.reduce(ReductionAttributes(function: .mean, keepsAxes: false))
        #expect(try infer(keep, float("N", 3, 4), integers(-1, 1)) == ["N", 1, 1])
        #expect(try infer(drop, float("N", 3, 4), integers(1)) == ["N", 4])
        #expect(try infer(drop, float("N", 3, 4)) == [])
    }

    @Test func reshapeFindsTheMissingExtent() throws {
        let op = Operator.reshape(allowZero: false)
        #expect(try infer(op, float("N", 64, 7, 7), integers(0, -1)) == ["N", 3136])
        #expect(try infer(op, float("N", 64, 7, 7), integers(-1, 3136)) == ["N", 3136])
        #expect(try infer(op, float("N", 6), integers(-1, 2)) == ["N*3", 2])
        #expect(try infer(op, float(2, 6), integers(3, -1)) == [3, 4])
        #expect(reason(op, float(2, 6), integers(5, -1))?.contains("12 elements") == true)
        #expect(reason(op, float(2, 6), integers(-1, -1))?.contains("twice") == true)
        #expect(try infer(.reshape(allowZero: true), float(0, 3), integers(3, 0)) == [3, 0])
    }

    @Test func axesCanBeAddedAndRemoved() throws {
        #expect(try infer(.unsqueeze, float("N", 3), integers(0, -1)) == [1, "N", 3, 1])
        #expect(try infer(.squeeze, float(1, "N", 1), integers(0)) == ["N", 1])
        #expect(try infer(.squeeze, float(1, 5, 1)) == [5])
        #expect(reason(.squeeze, float(2, 5), integers(0))?.contains("extent 2") == true)
        #expect(try infer(.flatten(axis: 2), float("N", 2, 3, 4)) == ["N*2", 12])
        #expect(try infer(.transpose(permutation: [2, 0, 1]), float("N", 2, 3)) == [3, "N", 2])
    }

    @Test func concatenationAndSplittingAreInverse() throws {
        #expect(try infer(.concat(axis: 1), float("N", 2), float("N", 3)) == ["N", 5])
        #expect(try infer(.concat(axis: 0), float("N", 2), float("N", 2)) == ["N*2", 2])
        let parts = try Operator.split(axis: 0, outputCount: 2)
            .inferOutputTypes(inputs: [float(5, 2)], outputCount: 2)
        #expect(parts.map(\.type.dimensions) == [[3, 2], [2, 2]])
        let halves = try Operator.split(axis: 0, outputCount: 2)
            .inferOutputTypes(inputs: [float("N*4")], outputCount: 2)
        #expect(halves.map(\.type.dimensions) == [["N*2"], ["N*2"]])
    }

    @Test(arguments: [
        ([1], [4], [1], 3), ([-3], [Int.max], [1], 3), ([8], [-100], [-2], 4), ([5], [2], [1], 0),
        ([Int.min], [Int.max], [3], 3), ([-1], [Int.min], [-1], 7),
    ]) func sliceClamps(starts: [Int], ends: [Int], steps: [Int], extent: Int) throws {
        let result = try infer(
            .slice, float(7), integers(starts[0]), integers(ends[0]), integers(0), integers(steps[0]))
        #expect(result == [.fixed(extent)])
    }

    @Test func sliceOfASymbolIsNamed() throws {
        #expect(try infer(.slice, float("N"), integers(0), integers(Int.max)) == ["N"])
        #expect(try infer(.slice, float("N"), integers(2), integers(Int.max)) == ["max(N-2,0)"])
        #expect(try infer(.slice, float("N"), integers(0), integers(3)) == ["min(N,3)"])
    }

    @Test func padsAndResizes() throws {
        #expect(try infer(.pad(.constant), float("N", 3), integers(0, 1, 0, 2)) == ["N", 6])
        let axes = integers(1)
        #expect(try infer(.pad(.constant), float("N", 3), integers(1, 2), nil, axes) == ["N", 6])
        let scales = InferredValue(Tensor(shape: [2], elements: [Float(1), 2]))
        #expect(try infer(.resize(ResizeAttributes()), float("N", "H"), nil, scales) == ["N", "H*2"])
        #expect(try infer(.resize(ResizeAttributes()), float(1, 5), nil, nil, integers(1, 9)) == [1, 9])
        let limited = ResizeAttributes(aspectRatio: .notLarger)
        #expect(try infer(.resize(limited), float(4, 8), nil, nil, integers(8, 8)) == [4, 8])
    }

    @Test func recurrentLayersHaveStates() throws {
        let attributes = RecurrentAttributes(hiddenSize: 8, direction: .bidirectional)
        let outputs = try Operator.lstm(attributes).inferOutputTypes(
            inputs: [float("T", "N", 4), float(2, 32, 4), float(2, 32, 8)], outputCount: 3)
        #expect(outputs.map(\.type.dimensions) == [["T", 2, "N", 8], [2, "N", 8], [2, "N", 8]])
    }

    @Test func quantizedTypeFollowsTheZeroPoint() throws {
        let scale = InferredValue(Tensor(scalar: Float(1)))
        let zero = InferredValue(Tensor(scalar: Int8(0)))
        let op = Operator.quantizeLinear(QuantizeLinearAttributes())
        let quantized = try op.inferOutputTypes(inputs: [float("N", 2), scale, zero], outputCount: 1)[0]
        #expect(quantized.type.description == "int8[N, 2]")
        #expect(try op.inferOutputTypes(inputs: [float(2), scale], outputCount: 1)[0].type.elementType == .uint8)
    }

    @Test func shapeComputationsAreFollowed() throws {
        // The chain that exporters write for x.view(x.shape[0], x.shape[1] * 2, -1).
        func node(_ op: Operator, _ inputs: [String], _ output: String) -> Node {
            Node(name: output, op: op, inputs: inputs, outputs: [output])
        }
        let graph = Graph(
            name: "g",
            inputs: [Graph.Value(name: "x", type: TensorType(elementType: .float32, dimensions: ["N", "C", 6, 4]))],
            outputs: [],
            initializers: [
                "zero": Tensor(scalar: Int64(0)), "one": Tensor(scalar: Int64(1)), "two": Tensor(scalar: Int64(2)),
                "axis": Tensor(shape: [1], elements: [Int64(0)]), "rest": Tensor(shape: [1], elements: [Int64(-1)]),
            ],
            nodes: [
                node(.shape(start: 0, end: nil), ["x"], "s"), node(.gather(axis: 0), ["s", "zero"], "n"),
                node(.gather(axis: 0), ["s", "one"], "c"), node(.binary(.multiply), ["c", "two"], "c2"),
                node(.unsqueeze, ["n", "axis"], "n1"), node(.unsqueeze, ["c2", "axis"], "c1"),
                node(.concat(axis: 0), ["n1", "c1", "rest"], "t"), node(.reshape(allowZero: false), ["x", "t"], "y"),
            ])
        #expect(try ShapeInference.infer(graph)["y"]?.description == "float32[N, C*2, 12]")
        let fixed = TensorType(elementType: .float32, shape: [2, 3, 6, 4])
        #expect(try ShapeInference.infer(graph, inputTypes: ["x": fixed])["y"]?.shape == [2, 6, 12])
    }

    @Test func errorsNameNodeAndShapes() {
        let graph = Graph(
            name: "g",
            inputs: [
                Graph.Value(name: "a", type: TensorType(elementType: .float32, dimensions: ["N", 3])),
                Graph.Value(name: "b", type: TensorType(elementType: .float32, shape: [4])),
            ],
            outputs: [], nodes: [Node(name: "sum", op: .binary(.add), inputs: ["a", "b"], outputs: ["c"])])
        #expect(
            throws: ShapeInferenceError.node(
                name: "sum", operatorName: "Add", inputs: ["float32[N, 3]", "float32[4]"],
                reason: "extents 3 and 4 cannot be broadcast")
        ) { try ShapeInference.infer(graph) }
    }

    @Test func equalSymbolsGetOneExtent() throws {
        let type = TensorType(elementType: .float32, dimensions: ["N"])
        let graph = Graph(
            name: "g", inputs: [Graph.Value(name: "a", type: type), Graph.Value(name: "b", type: type)], outputs: [],
            nodes: [Node(name: "sum", op: .binary(.add), inputs: ["a", "b"], outputs: ["c"])])
        let given = TensorType(elementType: .float32, shape: [5])
        let types = try ShapeInference.infer(graph, inputTypes: ["a": given])
        #expect(types["b"]?.shape == [5])
        #expect(throws: ShapeInferenceError.self) {
            let other = TensorType(elementType: .float32, shape: [6])
            return try ShapeInference.infer(graph, inputTypes: ["a": given, "b": other])
        }
    }

    @Test func rangesAndRepeatsDoNotOverflow() throws {
        func range(_ bounds: [Int64]) throws -> InferredValue {
            try Operator.arrangement(.range).inferOutputTypes(
                inputs: bounds.map { InferredValue(Tensor(scalar: $0)) }, outputCount: 1)[0]
        }
        #expect(try range([.min, .max, 1]).type.dimensions == [.unknown])
        #expect(try range([0, .min, -1]).type.dimensions == [.unknown])
        let wide = try range([.min, .max, .max])
        #expect(wide.elements?.map(\.fixedInteger) == [.min, -1, .max - 1])
        #expect(try range([5, -2, -3]).elements?.map(\.fixedInteger) == [5, 2, -1])
        #expect(try range([5, 7, -1]).elements?.isEmpty == true)
        #expect(try infer(.arrangement(.tile), integers(1, 2, 3, 4), integers(1 << 62)) == [.unknown])
        let none = InferredValue(Tensor(zeros: [0, 1], elementType: .int64))
        #expect(try infer(.arrangement(.tile), none, integers(1, 1 << 26)) == [0, .fixed(1 << 26)])
    }
}

extension Dimension: ExpressibleByUnicodeScalarLiteral {}
extension Dimension: ExpressibleByExtendedGraphemeClusterLiteral {}
extension Dimension: ExpressibleByStringLiteral {
    /// A symbol, so that expectations read like shapes.
    public init(stringLiteral name: String) {
        self = .symbol(name)
    }
}
