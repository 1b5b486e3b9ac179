import Graphs
import Tensors
import Testing

/// Validation, order and look-up of graphs.
@Suite struct GraphStructureTests {
    private func value(_ name: String) -> Graph.Value {
        Graph.Value(name: name, type: TensorType(elementType: .float32, shape: [2]))
    }

    private func relu(_ name: String, _ input: String, _ output: String) -> Node {
        Node(name: name, op: .unary(.relu), inputs: [input], outputs: [output])
    }

    private func chain(_ nodes: [Node], output: String = "c") -> Graph {
        Graph(name: "g", inputs: [value("x")], outputs: [value(output)], nodes: nodes)
    }

    @Test func sortedGraphStaysAsItIs() throws {
        let graph = chain([relu("p", "x", "a"), relu("r", "x", "b"), relu("q", "a", "c")])
        try graph.validate()
        #expect(try graph.topologicallySorted().nodes == graph.nodes)
    }

    @Test func unsortedGraphIsFoundAndSorted() throws {
        let graph = chain([relu("q", "a", "c"), relu("p", "x", "a")])
        #expect(throws: GraphValidationError.notInTopologicalOrder(node: "q", value: "a", producer: "p")) {
            try graph.validate()
        }
        #expect(try graph.topologicallySorted().nodes.map(\.name) == ["p", "q"])
    }

    @Test func everyValueDiesAtItsLastUseUnlessItLeavesTheGraph() {
        let graph = Graph(
            name: "g", inputs: [value("x")], outputs: [value("a"), value("e")],
            nodes: [
                Node(name: "p", op: .unary(.relu), inputs: ["x"], outputs: ["a"]),
                // Nobody reads the second output.
                Node(name: "q", op: .dropout, inputs: ["a", "", "x"], outputs: ["b", "unread"]),
                Node(name: "r", op: .binary(.add), inputs: ["b", "a"], outputs: ["e"]),
            ])
        #expect(graph.lastReads() == [[], ["unread", "x"], ["b"]])
        #expect(graph.lastReads(of: [["x", "a"], ["b", "x", "e"]]) == [[], ["b", "x"]])
    }

    @Test func longChainBackwardsIsSorted() throws {
        let count = 100_000
        let nodes = (0..<count).reversed().map { relu("n\($0)", $0 == 0 ? "x" : "v\($0 - 1)", "v\($0)") }
        let sorted = try chain(nodes, output: "v\(count - 1)").topologicallySorted()
        #expect(sorted.nodes.first?.name == "n0")
        try sorted.validate()
    }

    @Test func selfLoopIsACycle() {
        #expect(throws: GraphValidationError.cycle(nodes: ["p"])) {
            try chain([relu("p", "c", "c")]).topologicallySorted()
        }
    }

    @Test func mistakesAreNamed() {
        func error(_ nodes: [Node], output: String = "c") -> GraphValidationError? {
            do throws(GraphValidationError) {
                try chain(nodes, output: output).validate()
                return nil
            } catch {
                return error
            }
        }
        #expect(error([relu("p", "x", "c"), relu("p", "x", "d")]) == .duplicateNodeName(name: "p"))
        #expect(error([relu("", "x", "c")]) == .emptyNodeName(position: 0, operatorName: "Relu"))
        #expect(error([relu("p", "y", "c")]) == .undefinedValue(value: "y", node: "p"))
        #expect(error([relu("p", "x", "c")], output: "d") == .undefinedOutput(value: "d"))
        #expect(
            error([relu("p", "x", "x")]) == .duplicateProducer(value: "x", first: "a graph input", second: "node 'p'"))
        let lonely = Node(name: "p", op: .binary(.add), inputs: ["x"], outputs: ["c"])
        #expect(
            error([lonely])
                == .wrongArity(
                    node: "p", operatorName: "Add", reason: "lacks input 1; the operator needs 2"))
    }

    @Test func indexKnowsProducersAndReaders() {
        var graph = chain([
            relu("p", "x", "a"), Node(name: "q", op: .binary(.add), inputs: ["a", "a"], outputs: ["b"]),
            Node(name: "r", op: .binary(.add), inputs: ["a", "w"], outputs: ["c"]),
        ])
        graph.initializers["w"] = Tensor(scalar: Float(1))
        let index = GraphIndex(graph)
        #expect(index.producer(of: "x") == .input(0))
        #expect(index.producer(of: "w") == .initializer)
        #expect(index.producer(of: "b") == .node(1, output: 0))
        #expect(index.producer(of: "none") == nil)
        #expect(index.producingNode(of: "a") == 0)
        #expect(
            index.readers(of: "a")
                == [NodeInput(node: 1, input: 0), NodeInput(node: 1, input: 1), NodeInput(node: 2, input: 0)])
        #expect(index.soleReader(of: "a") == nil)
        #expect(index.soleReader(of: "w") == NodeInput(node: 2, input: 1))
        #expect(index.isGraphInput("x") && !index.isGraphInput("a"))
        #expect(index.isGraphOutput("c"))
        #expect(index.readers(of: "b").isEmpty && !index.isGraphOutput("b"))
    }

    @Test func unusedNodesAndConstantsGo() {
        var graph = chain([relu("p", "x", "a"), relu("q", "x", "b"), relu("r", "a", "c")])
        graph.initializers["w"] = Tensor(scalar: Float(1))
        let pruned = graph.removingUnusedNodes()
        #expect(pruned.nodes.map(\.name) == ["p", "r"])
        #expect(pruned.initializers.isEmpty)
    }
}
