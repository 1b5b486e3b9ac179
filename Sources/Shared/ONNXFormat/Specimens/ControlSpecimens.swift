internal import Tensors

/// The specimens of operators that run graphs of their own.
enum ControlSpecimens {
    static let all: [String: OperatorSpecimen] = [
        "If": .init(
            .other(.bool, []), .captured([2, 4]),
            attributes: [
                "then_branch": .graph(copying(["input_1"], to: ["then"])),
                "else_branch": .graph(copying(["input_1"], to: ["else"])),
            ]),
        "Loop": .init(
            .number(Int64(2)), .absent, .data(2, 4),
            attributes: [
                "body": .graph(
                    copying(["goes", "state"], to: ["goes_on", "next"], inputs: ["step", "goes", "state"]))
            ]),
        "Scan": .init(
            .data(2, 4),
            attributes: [
                "num_scan_inputs": .integer(1), "body": .graph(copying(["row"], to: ["copy"], inputs: ["row"])),
            ]),
    ]

    /// A graph that gives values as they are.
    private static func copying(_ values: [String], to outputs: [String], inputs: [String] = []) -> Onnx_GraphProto {
        func value(_ name: String) -> Onnx_ValueInfoProto {
            var value = Onnx_ValueInfoProto()
            value.name = name
            return value
        }
        var graph = Onnx_GraphProto()
        graph.input = inputs.map(value)
        graph.output = outputs.map(value)
        graph.node = zip(values, outputs).map { source, target in
            var node = Onnx_NodeProto()
            node.opType = "Identity"
            node.input = [source]
            node.output = [target]
            return node
        }
        return graph
    }
}
