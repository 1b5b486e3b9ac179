import Graphs
import Tensors
import Testing

/// What follows for the outputs of nodes that run graphs of their own, and which of these are malformed.
@Suite struct ControlShapeTests {
    private static let counter = Graph.Value(name: "i", type: TensorType(elementType: .int64, dimensions: []))
    private static let condition = Graph.Value(name: "on", type: TensorType(elementType: .bool, dimensions: []))

    private func open(_ name: String, _ type: ElementType = .float32) -> Graph.Value {
        Graph.Value(name: name, type: TensorType(elementType: type, dimensions: nil))
    }

    private func float(_ dimensions: Dimension...) -> InferredValue {
        InferredValue(TensorType(elementType: .float32, dimensions: dimensions))
    }

    /// A loop over `v` that gives it as `next` and as a part of a scan output.
    private func loop(_ nodes: [Node], next: String, part: String, captured: [String] = []) -> Operator {
        let body = Graph(
            name: "body", inputs: [Self.counter, Self.condition, open("v")] + captured.map { open($0) },
            outputs: [Self.condition, open(next), open(part)], nodes: nodes)
        return .control(.loop(body: body, carriedCount: 1))
    }

    private func types(_ op: Operator, _ inputs: [InferredValue?]) throws -> [[Dimension]?] {
        try op.inferOutputTypes(inputs: inputs, outputCount: 2).map(\.type.dimensions)
    }

    @Test func loopKeepsExtentsThatStayAsTheyAre() throws {
        let op = loop(
            [Node(name: "n", op: .unary(.relu), inputs: ["v"], outputs: ["t"])], next: "t", part: "t")
        #expect(try types(op, [nil, nil, float("N", 3)]) == [["N", 3], [.unknown, "N", 3]])
    }

    /// The carried value grows along axis 0 in each iteration.
    @Test func loopForgetsExtentsThatChange() throws {
        let op = loop(
            [Node(name: "n", op: .concat(axis: 0), inputs: ["v", "c"], outputs: ["t"])], next: "t", part: "t",
            captured: ["c"])
        #expect(
            try types(op, [nil, nil, float(2, 3), float(1, 3)]) == [[.unknown, 3], [.unknown, .unknown, 3]])
    }

    @Test func loopForgetsTheRankOfWhatGainsAnAxis() throws {
        let axes = Node(name: "u", op: .unsqueeze, inputs: ["v", "axes"], outputs: ["t"])
        var op = loop([axes], next: "t", part: "t")
        if case .control(.loop(var body, let count)) = op {
            body.initializers["axes"] = Tensor(shape: [1], elements: [Int64(0)])
            op = .control(.loop(body: body, carriedCount: count))
        }
        #expect(try types(op, [nil, nil, float(2)]) == [nil, nil])
    }

    @Test func branchesHaveInCommonWhatIsEqual() throws {
        func branch(_ op: Operator) -> Graph {
            Graph(
                name: "branch", inputs: [open("x"), open("z")], outputs: [open("r")],
                nodes: [Node(name: "n", op: op, inputs: ["x", "z"], outputs: ["r"])])
        }
        let flag = InferredValue(TensorType(elementType: .bool, dimensions: []))
        let op = Operator.control(
            .conditional(then: branch(.concat(axis: 0)), otherwise: branch(.concat(axis: 1))))
        let result = try op.inferOutputTypes(inputs: [flag, float(2, 3), float(2, 3)], outputCount: 1)
        #expect(result[0].type.dimensions == [.unknown, .unknown])
        // A branch that does not fit is one that is never taken.
        let odd = Operator.control(.conditional(then: branch(.matMul), otherwise: branch(.concat(axis: 0))))
        let other = try odd.inferOutputTypes(inputs: [flag, float(2, 3), float(2, 3)], outputCount: 1)
        #expect(other[0].type == TensorType(elementType: .float32, dimensions: nil))
    }

    @Test func scanTakesAnAxisOffAndPutsOneOn() throws {
        let body = Graph(
            name: "body", inputs: [open("s"), open("e")], outputs: [open("t"), open("r")],
            nodes: [
                Node(name: "a", op: .binary(.add), inputs: ["s", "e"], outputs: ["t"]),
                Node(name: "b", op: .unary(.relu), inputs: ["t"], outputs: ["r"]),
            ])
        let op = Operator.control(
            .scan(
                ScanAttributes(
                    body: body, stateCount: 1, inputAxes: [1], reversesInputs: [false], outputAxes: [-1],
                    reversesOutputs: [true])))
        #expect(try types(op, [float(2, 4), float(2, 7, 4)]) == [[2, 4], [2, 4, 7]])
        #expect(throws: ShapeRuleError.self) { try types(op, [float(2, 4), float(2)]) }
    }

    @Test func errorsOfABodyNameIt() throws {
        let op = loop(
            [Node(name: "inner", op: .matMul, inputs: ["v", "v"], outputs: ["t"])], next: "t", part: "t")
        let error = #expect(throws: ShapeRuleError.self) { try types(op, [nil, nil, float(2, 3)]) }
        #expect(error?.reason.contains("'body'") == true)
        #expect(error?.reason.contains("inner") == true)
    }

    @Test func nodesThatDoNotFitTheirGraphsAreInvalid() throws {
        let op = loop(
            [Node(name: "n", op: .unary(.relu), inputs: ["v"], outputs: ["t"])], next: "t", part: "t")
        func graph(_ op: Operator, _ inputs: [String]) -> Graph {
            Graph(
                name: "g", inputs: [open("x")], outputs: [open("y")],
                nodes: [Node(name: "loop", op: op, inputs: inputs, outputs: ["y"])])
        }
        try graph(op, ["", "", "x"]).validate()
        #expect(throws: GraphValidationError.self) { try graph(op, ["", ""]).validate() }
        #expect(throws: GraphValidationError.self) { try graph(op, ["", "", "x", "x"]).validate() }
        let undefined = loop(
            [Node(name: "n", op: .unary(.relu), inputs: ["ghost"], outputs: ["t"])], next: "t", part: "t")
        #expect(throws: GraphValidationError.undefinedValue(value: "ghost", node: "n")) {
            try graph(undefined, ["", "", "x"]).validate()
        }
    }
}
