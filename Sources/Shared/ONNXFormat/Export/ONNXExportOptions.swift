/// How a graph is written.
public struct ONNXExportOptions: Sendable {
    /// Versions of ONNX's operators that can be written.
    public static let supportedOpsets = 13...21

    /// The lowest opset to write; the graph's own, its operators and its types may need a higher one.
    public var minimumOpset: Int
    /// Version of Tare, for the field that says who wrote the file.
    public var producerVersion: String
    /// Free-form entries, in this order.
    public var metadata: [(key: String, value: String)]
    /// Constants of more than this many bytes altogether go to a second file.
    public var externalDataThreshold: Int

    /// Makes options.
    ///
    /// - Parameters:
    ///   - minimumOpset: The lowest opset to write.
    ///   - producerVersion: Version of Tare, for the field that says who wrote the file.
    ///   - metadata: Free-form entries, in this order.
    ///   - externalDataThreshold: In bytes; the default leaves room for the nodes below the limit of a protobuf message.
    public init(
        minimumOpset: Int = 13, producerVersion: String = "", metadata: [(key: String, value: String)] = [],
        externalDataThreshold: Int = 1 << 30
    ) {
        self.minimumOpset = minimumOpset
        self.producerVersion = producerVersion
        self.metadata = metadata
        self.externalDataThreshold = externalDataThreshold
    }
}
