/// A calibration job cut into logical shards: a function of the job alone, whoever works on it.
public struct CalibrationPlan: Hashable, Sendable {
    /// A part of the job that one worker computes at a time.
    public struct Shard: Hashable, Sendable {
        /// Position in the job, from 0.
        public let index: Int
        /// Batches of the job.
        public let batches: Range<Int>
        /// Samples of the job.
        public let samples: Range<Int>
    }

    /// The job.
    public let specification: JobSpecification
    /// SHA-256 of the canonical bytes of the specification.
    public let specificationDigest: ContentDigest
    /// SHA-256 over the specification's digest and the way it is cut.
    public let digest: ContentDigest
    /// Number of batches.
    public let batchCount: Int
    /// Number of shards.
    public let shardCount: Int

    /// Cuts a job.
    ///
    /// - Throws: `JobSpecificationError` when the specification has no canonical form.
    public init(_ specification: JobSpecification) throws(JobSpecificationError) {
        self.specification = specification
        specificationDigest = try specification.digest()
        batchCount = Self.quotient(specification.sampleCount, specification.batchSize)
        shardCount = Self.quotient(batchCount, specification.batchesPerShard)
        let cut = "tare plan 1\n\(specificationDigest.hexadecimal)\n\(batchCount) \(shardCount)\n"
        digest = ContentDigest(of: Array(cut.utf8))
    }

    /// The shard at an index.
    ///
    /// - Precondition: `index` is in `0..<shardCount`.
    public func shard(_ index: Int) -> Shard {
        precondition((0..<shardCount).contains(index), "Shard \(index) of \(shardCount)")
        let first = index * specification.batchesPerShard
        let batches = first..<min(first + specification.batchesPerShard, batchCount)
        return Shard(
            index: index, batches: batches,
            samples: samples(ofBatch: batches.lowerBound)
                .lowerBound..<samples(ofBatch: batches.upperBound - 1).upperBound)
    }

    /// The samples of a batch.
    ///
    /// - Precondition: `batch` is in `0..<batchCount`.
    public func samples(ofBatch batch: Int) -> Range<Int> {
        precondition((0..<batchCount).contains(batch), "Batch \(batch) of \(batchCount)")
        let first = batch * specification.batchSize
        return first..<min(first + specification.batchSize, specification.sampleCount)
    }

    /// `dividend / divisor`, rounded up.
    private static func quotient(_ dividend: Int, _ divisor: Int) -> Int {
        (dividend + divisor - 1) / divisor
    }
}
