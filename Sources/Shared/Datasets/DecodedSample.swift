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

    /// Lays samples behind each other along a new outermost axis: 8 of [3, 224, 224] give [8, 3, 224, 224].
    ///
    /// - Returns: The batch by the names of the inputs; empty for no samples.
    /// - Throws: `differingSamples`, naming two samples, when they have different shapes or types.
    public static func assembleBatch(_ samples: [DecodedSample]) throws(DatasetError) -> [String: Tensor] {
        guard let first = samples.first else { return [:] }
        var batch: [String: Tensor] = [:]
        for (name, tensor) in first.tensors.sorted(by: { $0.key < $1.key }) {
            var parts: [Tensor] = []
            for sample in samples {
                guard let part = sample.tensors[name] else {
                    throw .input(name: name, reason: "sample \(sample.name) has no tensor for it")
                }
                guard part.shape == tensor.shape, part.elementType == tensor.elementType else {
                    throw .differingSamples(
                        input: name, sample: first.name, form: "\(tensor.elementType) \(tensor.shape)",
                        other: sample.name, otherForm: "\(part.elementType) \(part.shape)")
                }
                parts.append(part.reshaped(to: Shape([1] + part.shape.dimensions)))
            }
            batch[name] = Tensor(joining: parts)
        }
        return batch
    }
}
