public import Quantization

/// The statistics of every observed tensor of a model: what one shard, or any number of merged shards, contributes.
///
/// Merging is exact, associative and commutative, and the encoding is canonical: the same batches give the same bytes,
/// however they were split and in whatever order the parts were merged.
public struct CalibrationStatistics: Sendable, Hashable {
    /// Digest of the model that was run.
    public let modelDigest: String
    /// Digest of the plan that defines the batches.
    public let planDigest: String
    /// The statistics by the tensor's name in the model; all of the same batches.
    public let tensors: [String: TensorStatistics]
    /// The batches that were counted, in increasing order.
    public let batchIndices: [UInt64]

    /// Makes statistics and checks that every tensor saw the same batches.
    public init(
        modelDigest: String, planDigest: String, tensors: [String: TensorStatistics]
    ) throws(CalibrationStatisticsError) {
        let names = tensors.keys.sorted()
        guard let first = names.first, let batches = tensors[first]?.batches.map(\.batchIndex) else {
            throw .noTensors
        }
        for name in names {
            guard !name.isEmpty else { throw .unnamedTensor }
            guard tensors[name]?.batches.map(\.batchIndex) == batches else {
                throw .batchesDiffer(tensor: name, other: first)
            }
        }
        self.init(modelDigest: modelDigest, planDigest: planDigest, checked: tensors, batchIndices: batches)
    }

    private init(
        modelDigest: String, planDigest: String, checked tensors: [String: TensorStatistics], batchIndices: [UInt64]
    ) {
        self.modelDigest = modelDigest
        self.planDigest = planDigest
        self.tensors = tensors
        self.batchIndices = batchIndices
    }

    /// The statistics of the batches of both.
    ///
    /// - Throws: When model, plan or observed tensors differ, or a batch occurs in both.
    public func merging(_ other: CalibrationStatistics) throws(CalibrationStatisticsError) -> CalibrationStatistics {
        guard modelDigest == other.modelDigest else { throw .modelsDiffer(modelDigest, other.modelDigest) }
        guard planDigest == other.planDigest else { throw .plansDiffer(planDigest, other.planDigest) }
        let names = Set(tensors.keys).union(other.tensors.keys).sorted()
        var merged: [String: TensorStatistics] = [:]
        merged.reserveCapacity(names.count)
        for name in names {
            guard let left = tensors[name], let right = other.tensors[name] else { throw .tensorInOneOnly(name) }
            do {
                merged[name] = try left.merging(right)
            } catch {
                throw .tensor(name, error)
            }
        }
        // Both sides have the same batches in every tensor, so their union is the same in every tensor too.
        let batches = names.first.flatMap { merged[$0] }?.batches.map(\.batchIndex) ?? []
        return CalibrationStatistics(
            modelDigest: modelDigest, planDigest: planDigest, checked: merged, batchIndices: batches)
    }
}
