public import Tensors

/// One sample as a model takes it: a tensor without batch axis for each input.
public struct DecodedSample: Sendable, Hashable {
    /// Where the sample comes from, for messages.
    public let name: String
    /// The tensors by the names of the inputs.
    public let tensors: [String: Tensor]

    /// Makes a sample.
    public init(name: String, tensors: [String: Tensor]) {
        self.name = name
        self.tensors = tensors
    }
}
