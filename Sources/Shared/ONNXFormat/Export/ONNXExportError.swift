public import Graphs
public import Tensors

/// Why a graph could not be written as ONNX.
public enum ONNXExportError: Error, Hashable, Sendable {
    /// The graph is not well formed.
    case invalidGraph(GraphValidationError)
    /// The types of its values contradict each other.
    case inconsistentTypes(ShapeInferenceError)
    /// An operator has attributes that no supported opset can express.
    case inexpressible(node: String, operatorName: String, reason: String)
    /// Nothing newer than the newest opset can be asked for.
    case unsupportedOpset(Int)
    /// The model is larger than one protobuf message can be; write it to a file, with external data.
    case tooLargeForOneMessage(byteCount: Int)
    /// The message could not be encoded.
    case encoding(reason: String)
    /// A file could not be written.
    case file(TensorFileError)
}

extension ONNXExportError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .invalidGraph(let error): error.description
        case .inconsistentTypes(let error): error.description
        case .inexpressible(let node, let operatorName, let reason): "Node '\(node)' (\(operatorName)): \(reason)"
        case .unsupportedOpset(let opset):
            "Opset \(opset) was asked for; Tare writes \(ONNXExportOptions.supportedOpsets.lowerBound) to "
                + "\(ONNXExportOptions.supportedOpsets.upperBound)"
        case .tooLargeForOneMessage(let byteCount):
            "The model's constants take \(byteCount) bytes, more than one ONNX message can hold; "
                + "write it to a file, which puts them into a second file"
        case .encoding(let reason): "The model could not be encoded: \(reason)"
        case .file(let error): error.description
        }
    }
}
