extension ResultManifest.Plan {
    /// Describes a plan.
    public init(_ plan: CalibrationPlan) {
        self.init(
            sha256: plan.digest.hexadecimal, batchSize: plan.specification.batchSize,
            batchesPerShard: plan.specification.batchesPerShard, shards: plan.shardCount)
    }
}
