import Foundation
import ONNXFormat
import SwiftProtobuf

/// Models with graphs inside of their nodes.
enum ControlFlowModels {
    /// A graph inside of a node; floating-point values of it have no shape.
    static func body(
        _ nodes: [Onnx_NodeProto], inputs: [(String, Int32)] = [], outputs: [(String, Int32)]
    ) -> Onnx_GraphProto {
        func value(_ name: String, _ type: Int32) -> Onnx_ValueInfoProto {
            var info = ModelBuilder.value(name, [], type: type)
            if type == 1 { info.type.tensorType.clearShape() }
            return info
        }
        var graph = Onnx_GraphProto()
        graph.node = nodes
        graph.input = inputs.map(value)
        graph.output = outputs.map(value)
        return graph
    }

    /// `x` doubled as often as `count` says, while a counter of the body is below `limit`.
    static func doubling() -> ModelBuilder {
        var model = ModelBuilder(opset: 13)
        model.input("x", [2])
        model.input("count", [], type: 7)
        model.output("y")
        model.output("steps")
        let inner = body(
            [
                ModelBuilder.node("Add", ["v", "v"], ["t"], name: "twice"),
                ModelBuilder.node("Add", ["t", "x"], ["w"], name: "more"),
                ModelBuilder.node("Identity", ["on"], ["still"]),
            ], inputs: [("i", 7), ("on", 9), ("v", 1)], outputs: [("still", 9), ("t", 1), ("w", 1)])
        model.node("Loop", ["count", "", "x"], ["y", "steps"], name: "loop", [.graph("body", inner)])
        return model
    }

    /// The elements of `x` without their negative parts; a body that gets nothing reads `x` itself.
    static func scan(
        opset: Int64 = 13, inputs: [String] = ["x"], of formal: [String] = ["e"], _ attributes: [Onnx_AttributeProto]
    ) -> ModelBuilder {
        var model = ModelBuilder(opset: opset)
        model.input("x", [2])
        model.output("y")
        let inner = body(
            [ModelBuilder.node("Relu", [formal.first ?? "x"], ["r"])], inputs: formal.map { ($0, 1) },
            outputs: [("r", 1)])
        model.node("Scan", inputs, ["y"], name: "scan", attributes + [.graph("body", inner)])
        return model
    }
}
