import Foundation
import Graphs
import ONNXFormat
import SwiftProtobuf
import Testing

/// Models with `If`, `Loop` or `Scan` that cannot be right are refused, and the node that is wrong is named.
@Suite struct ControlFlowRefusalTests {
    private func loopError(_ change: (inout ModelBuilder) -> Void) throws -> String? {
        var model = ControlFlowModels.doubling()
        change(&model)
        return try model.importError()?.description
    }

    @Test func malformedLoopsAreRefused() throws {
        #expect(try loopError { _ in } == nil)
        let missing = try loopError { $0.proto.graph.node[0].attribute = [] }
        #expect(missing?.contains("attribute 'body': the graph is missing") == true)
        let lacking = try loopError { $0.proto.graph.node[0].input = ["count"] }
        #expect(lacking?.contains("'loop' (Loop), input 2") == true)
        let many = try loopError { $0.proto.graph.node[0].input = ["count", "", "x", "x"] }
        #expect(many?.contains("its body wants 3") == true)
        let outputs = try loopError { $0.proto.graph.node[0].attribute[0].g.output.removeLast(2) }
        #expect(outputs?.contains("should take an iteration and a condition") == true)
        let attribute = try loopError { $0.proto.graph.node[0].attribute.append(.integer("extra", 1)) }
        #expect(attribute?.contains("'extra'") == true)
    }

    /// Each level is gone through several times to learn what its loop carries, so a few more would take for ever.
    @Test(.timeLimit(.minutes(1)), arguments: [5, 6, 25]) func loopsAreNestedOnlySoDeep(depth: Int) throws {
        var model = ModelBuilder(opset: 13)
        model.input("x", [2, 3])
        model.input("count", [], type: 7)
        model.output("y")
        var inner = [ModelBuilder.node("Transpose", ["v"], ["t"])]
        for level in 0..<depth {
            let nodes = inner + [ModelBuilder.node("Identity", ["on"], ["still"])]
            let graph = ControlFlowModels.body(
                nodes, inputs: [("i", 7), ("on", 9), ("v", 1)], outputs: [("still", 9), ("t", 1)])
            let isOutermost = level == depth - 1
            inner = [
                ModelBuilder.node(
                    "Loop", ["count", "", isOutermost ? "x" : "v"], [isOutermost ? "y" : "t"], name: "loop\(level)",
                    [.graph("body", graph)])
            ]
        }
        model.proto.graph.node = inner
        let error = try model.importError()?.description
        #expect(
            depth == 5 ? error == nil : error?.contains("loops are nested more than 5 deep") == true, "\(error ?? "")")
    }

    @Test func malformedScansAreRefused() throws {
        func error(
            opset: Int64 = 13, inputs: [String] = ["x"], of formal: [String] = ["e"],
            _ attributes: [Onnx_AttributeProto]
        ) throws -> String? {
            try ControlFlowModels.scan(opset: opset, inputs: inputs, of: formal, attributes).importError()?.description
        }
        let count = Onnx_AttributeProto.integer("num_scan_inputs", 1)
        #expect(try error([count]) == nil)
        #expect(try error(opset: 8, [count])?.contains("opset 8") == true)
        #expect(try error([])?.contains("num_scan_inputs") == true)
        #expect(try error([.integer("num_scan_inputs", 2)])?.contains("at least 1 and at most 1") == true)
        #expect(try error(inputs: [], of: [], [count])?.contains("at least 1 and at most 0") == true)
        #expect(try error([count, .integers("scan_input_axes", [0, 0])])?.contains("scan_input_axes") == true)
        #expect(try error(inputs: ["x", "x"], [count])?.contains("its body wants 1") == true)
    }

    @Test func nodeOfABodyThatCannotBeConvertedIsNamed() throws {
        let unknown = try loopError { $0.proto.graph.node[0].attribute[0].g.node[1].opType = "Strange" }
        #expect(unknown?.contains("Strange (opset 13) at 'loop/more'") == true)
        let attribute = try loopError {
            $0.proto.graph.node[0].attribute[0].g.node[1].attribute = [.integer("odd", 1)]
        }
        #expect(attribute?.contains("node 'loop/more' (Add), attribute 'odd'") == true)
        let undefined = try loopError { $0.proto.graph.node[0].attribute[0].g.node[1].input[1] = "ghost" }
        #expect(undefined?.contains("ghost") == true)
    }

    /// An addition that changes the type of what is carried.
    @Test func carriedValueThatChangesItsTypeIsRefusedByInference() throws {
        var model = ControlFlowModels.doubling()
        let cast = ModelBuilder.node("Cast", ["t"], ["half"], [.integer("to", 10)])
        model.proto.graph.node[0].attribute[0].g.node.append(cast)
        model.proto.graph.node[0].attribute[0].g.output[1].name = "half"
        let graph = try model.load()
        let error = #expect(throws: ShapeInferenceError.self) { try ShapeInference.infer(graph) }
        #expect(error?.description.contains("float16") == true)
    }
}
