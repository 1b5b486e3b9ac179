public import Graphs

/// A model as it came from a file.
public struct ImportedModel: Sendable {
    /// The model in Tare's representation.
    public var graph: Graph
    /// Version of the file format.
    public var irVersion: Int
    /// Version of ONNX's operators that the file declared.
    public var opset: Int
    /// Name of the tool that wrote the file; may be empty.
    public var producerName: String
    /// Version of that tool; may be empty.
    public var producerVersion: String
    /// Free-form entries of the file, in its order.
    public var metadata: [(key: String, value: String)]
    /// The files that constants were read from, as paths relative to the model's folder without `.` components, in
    /// ascending order; the model needs them beside it wherever it is loaded.
    public var externalFiles: [String]
}
