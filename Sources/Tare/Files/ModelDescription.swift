import Graphs
import ONNXFormat
import Tensors

/// What `tare inspect` says about a model.
struct ModelDescription: Encodable {
    /// Path of the file.
    let path: String
    /// Version of the file format.
    let irVersion: Int
    /// Version of the operators.
    let opset: Int
    /// Program that wrote the file.
    let producer: String
    /// Type of each input, in order.
    let inputs: [Entry]
    /// Type of each output, in order.
    let outputs: [Entry]
    /// Number of nodes of each operator.
    let operators: [String: Int]
    /// Number of constants.
    let constants: Int
    /// Elements of all constants.
    let parameters: Int
    /// Bytes of all constants.
    let parameterBytes: Int
    /// Names and operators of all nodes, in order.
    let nodes: [Entry]

    /// A name and what it is.
    struct Entry: Encodable {
        /// Name.
        let name: String
        /// Type or operator.
        let type: String
    }

    init(_ model: ImportedModel, path: String) {
        let graph = model.graph
        self.path = path
        irVersion = model.irVersion
        opset = model.opset
        producer = [model.producerName, model.producerVersion].filter { !$0.isEmpty }.joined(separator: " ")
        inputs = graph.inputs.map { Entry(name: $0.name, type: $0.type.description) }
        outputs = graph.outputs.map { Entry(name: $0.name, type: $0.type.description) }
        operators = Dictionary(grouping: graph.nodes, by: \.op.name).mapValues(\.count)
        constants = graph.initializers.count
        parameters = graph.initializers.values.reduce(0) { $0 + $1.elementCount }
        parameterBytes = graph.initializers.values.reduce(0) { $0 + $1.byteCount }
        nodes = graph.nodes.map { Entry(name: $0.name, type: $0.op.name) }
    }

    /// The description as text; node names are left to `--json`.
    var text: String {
        var lines = [
            "\(path): ONNX model, IR version \(irVersion), opset \(opset)"
                + (producer.isEmpty ? "" : ", by \(producer)")
        ]
        lines += inputs.map { "input   \($0.name): \($0.type)" }
        lines += outputs.map { "output  \($0.name): \($0.type)" }
        lines.append("\(constants) constants, \(parameters) elements, \(parameterBytes) bytes")
        var table = TextTable(["operator", "nodes"])
        for (name, count) in operators.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            table.append([name, String(count)])
        }
        return (lines + [""] + table.lines + ["", "node names: tare inspect --json"]).joined(separator: "\n")
    }
}
