public import Graphs

/// Why a model file could not be imported.
public enum ONNXImportError: Error, Hashable, Sendable {
    /// An operator that Tare does not have, with every node that uses it.
    public struct UnsupportedOperator: Hashable, Sendable {
        /// Domain of the operator; empty for ONNX's own.
        public var domain: String
        /// Name of the operator.
        public var name: String
        /// Opset of the domain; `nil` when the model declares none.
        public var opset: Int?
        /// The nodes, in the order of the file.
        public var nodes: [String]
        /// Why, when it is not simply unknown.
        public var reason: String?

        /// Makes an entry.
        public init(domain: String, name: String, opset: Int?, nodes: [String], reason: String? = nil) {
            self.domain = domain
            self.name = name
            self.opset = opset
            self.nodes = nodes
            self.reason = reason
        }
    }

    /// Something about one node that Tare cannot do or that is wrong.
    public struct UnsupportedAttribute: Hashable, Sendable {
        /// Name of the node.
        public var node: String
        /// Name of the node's operator.
        public var operatorName: String
        /// Name of the attribute, or `input 2`.
        public var attribute: String
        /// What is wrong with it.
        public var reason: String

        /// Makes an entry.
        public init(node: String, operatorName: String, attribute: String, reason: String) {
            self.node = node
            self.operatorName = operatorName
            self.attribute = attribute
            self.reason = reason
        }
    }

    /// The file could not be read.
    case unreadableFile(path: String, reason: String)
    /// The bytes are not an ONNX model.
    case notONNX(source: String, byteCount: Int, reason: String)
    /// The file format is older than what Tare reads.
    case unsupportedIRVersion(Int)
    /// The model declares no ONNX opset, or one that Tare does not read.
    case unsupportedOpset(Int?)
    /// All operators that Tare does not have.
    case unsupportedOperators([UnsupportedOperator])
    /// All attribute values and inputs that Tare does not handle.
    case unsupportedAttributes([UnsupportedAttribute])
    /// A constant is malformed.
    case invalidTensor(name: String, reason: String)
    /// A constant in another file cannot be read.
    case externalData(tensor: String, location: String, reason: String)
    /// A graph input or output is malformed or of a type that Tare does not handle.
    case invalidValue(name: String, reason: String)
    /// The graph is not well formed.
    case invalidGraph(GraphValidationError)
    /// An operator does not take the element types of what it reads, or types contradict each other where they decide how an old one is read.
    case inconsistentTypes(ShapeInferenceError)
}

extension ONNXImportError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .unreadableFile(let path, let reason):
            "Cannot read '\(path)': \(reason)"
        case .notONNX(let source, let byteCount, let reason):
            "\(source) (\(byteCount) bytes) is not an ONNX model: \(reason); "
                + "check that the file is complete and was written by an ONNX exporter"
        case .unsupportedIRVersion(let version):
            "The model has IR version \(version); Tare reads 3 and newer; export the model again with a newer exporter"
        case .unsupportedOpset(nil):
            "The model declares no version of ONNX's operators (opset_import); export it again with opset 7 to 21"
        case .unsupportedOpset(.some(let version)):
            "The model uses opset \(version); Tare reads \(ONNXModel.supportedOpsets.lowerBound) to "
                + "\(ONNXModel.supportedOpsets.upperBound); export it again with opset 21 or convert it with "
                + "onnx.version_converter"
        case .unsupportedOperators(let operators):
            "The model uses operators that Tare does not have: "
                + operators.map(\.description).joined(separator: "; ")
        case .unsupportedAttributes(let attributes):
            "The model uses operators in ways that Tare does not handle: "
                + attributes.map(\.description).joined(separator: "; ")
        case .invalidTensor(let name, let reason):
            "Constant '\(name)': \(reason)"
        case .externalData(let tensor, let location, let reason):
            "Constant '\(tensor)' lies in the file '\(location)': \(reason)"
        case .invalidValue(let name, let reason):
            "Value '\(name)': \(reason)"
        case .invalidGraph(let error):
            error.description
        case .inconsistentTypes(let error):
            error.description
        }
    }
}

extension ONNXImportError.UnsupportedOperator: CustomStringConvertible {
    /// For example `NonZero (opset 13) at 'a', 'b' and 7 more`.
    public var description: String {
        let qualified = domain.isEmpty ? name : "\(domain)::\(name)"
        let version = opset.map { "opset \($0)" } ?? "no opset declared for its domain"
        let shown = nodes.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
        let more = nodes.count > 5 ? " and \(nodes.count - 5) more" : ""
        return "\(qualified) (\(version)) at \(shown)\(more)" + (reason.map { ": \($0)" } ?? "")
    }
}

extension ONNXImportError.UnsupportedAttribute: CustomStringConvertible {
    /// For example `node 'a' (Pad), attribute mode: ...`.
    public var description: String {
        "node '\(node)' (\(operatorName)), \(attribute): \(reason)"
    }
}
