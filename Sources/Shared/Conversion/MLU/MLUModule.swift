public import Quantization

/// A module that `quantizeDynamicMLU` converted.
public struct MLUModule: Sendable, Hashable {
    /// One use of the module in the graph.
    public struct Call: Sendable, Hashable {
        /// Name of the node, in the float graph and in the converted one.
        public var node: String
        /// Name of the activation that it reads.
        public var data: String

        /// Describes a call.
        public init(node: String, data: String) {
            self.node = node
            self.data = data
        }
    }

    /// The path, under which the parameters lie.
    public var path: String
    /// What it is.
    public var kind: MLUModuleKind
    /// Its integers.
    public var dataType: MLUDataType
    /// Whether its weight has one scale per output channel.
    public var isPerChannel: Bool
    /// Where it is called, in node order.
    public var calls: [Call]
}
