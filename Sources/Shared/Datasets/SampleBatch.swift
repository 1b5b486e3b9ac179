public import Tensors

/// Samples that run at once.
public struct SampleBatch: Sendable, Hashable {
    /// Positions of the samples among those that were laid together, ascending.
    public let positions: [Int]
    /// What the model takes, by the names of the inputs.
    public let inputs: [String: Tensor]
}

extension SampleDecoder {
    /// Lays samples behind each other along the batch axis of each input: 8 of [3, 224, 224] give [8, 3, 224, 224].
    ///
    /// - Returns: The batch by the names of the inputs; empty for no samples.
    /// - Throws: `differingSamples`, naming two samples, when they cannot run at once.
    public func assembleBatch(_ samples: [DecodedSample]) throws(DatasetError) -> [String: Tensor] {
        guard let first = samples.first else { return [:] }
        for other in samples.dropFirst() {
            for signature in signatures {
                let (mine, theirs) = (try tensor(signature, first), try tensor(signature, other))
                guard !fits(mine, theirs, signature) else { continue }
                throw .differingSamples(
                    input: signature.name, sample: first.name, form: Self.form(mine, signature), other: other.name,
                    otherForm: Self.form(theirs, signature))
            }
        }
        var batch: [String: Tensor] = [:]
        for signature in signatures { batch[signature.name] = try joined(samples, signature) }
        return batch
    }

    /// Lays samples together as far as they can run at once: those of one shape, which agree in the inputs that they share.
    ///
    /// - Returns: Batches in the order of their first samples.
    public func assembleBatches(_ samples: [DecodedSample]) throws(DatasetError) -> [SampleBatch] {
        var groups: [[Int]] = []
        for (position, sample) in samples.enumerated() {
            var group: Int?
            for (index, positions) in groups.enumerated() where try fits(samples[positions[0]], sample) {
                group = index
                break
            }
            if let group { groups[group].append(position) } else { groups.append([position]) }
        }
        var batches: [SampleBatch] = []
        for positions in groups {
            batches.append(SampleBatch(positions: positions, inputs: try assembleBatch(positions.map { samples[$0] })))
        }
        return batches
    }

    private func fits(_ first: DecodedSample, _ second: DecodedSample) throws(DatasetError) -> Bool {
        for signature in signatures where !fits(try tensor(signature, first), try tensor(signature, second), signature)
        {
            return false
        }
        return true
    }

    /// Whether tensors of two samples can be in one batch.
    private func fits(_ first: Tensor, _ second: Tensor, _ signature: InputSignature) -> Bool {
        if signature.batchAxis == nil { return first == second }
        return first.shape == second.shape && first.elementType == second.elementType
    }

    private func joined(_ samples: [DecodedSample], _ signature: InputSignature) throws(DatasetError) -> Tensor {
        let first = try tensor(signature, samples[0])
        guard let axis = signature.batchAxis else { return first }
        let extents = first.shape.dimensions
        // A model without a shape for the input takes what the samples are, with one axis more.
        let outer = Array(extents.prefix(axis))
        let inner = Array(extents.dropFirst(axis))
        let slices = outer.reduce(1, *)
        var parts: [Tensor] = []
        parts.reserveCapacity(slices * samples.count)
        if slices == 1 {
            for sample in samples { parts.append(try tensor(signature, sample).reshaped(to: Shape([1] + inner))) }
        } else {
            let flat = try samples.map { sample throws(DatasetError) in
                try tensor(signature, sample).reshaped(to: Shape([slices] + inner))
            }
            for slice in 0..<slices {
                for tensor in flat { parts.append(tensor.slice(outermost: slice..<slice + 1)) }
            }
        }
        let all = parts.isEmpty ? first : Tensor(joining: parts)
        return all.reshaped(to: Shape(outer + [samples.count] + inner))
    }

    private func tensor(_ signature: InputSignature, _ sample: DecodedSample) throws(DatasetError) -> Tensor {
        guard let tensor = sample.tensors[signature.name] else {
            throw .input(name: signature.name, reason: "sample \(sample.name) has no tensor for it")
        }
        return tensor
    }

    private static func form(_ tensor: Tensor, _ signature: InputSignature) -> String {
        "\(tensor.elementType) \(tensor.shape)" + (signature.batchAxis == nil ? ", of which a batch has only one" : "")
    }
}
