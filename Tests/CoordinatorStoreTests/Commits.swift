import Calibration
import CoordinatorStore
import StoreScenario

/// Commits of one job, each prepared from the ones before.
struct Commits {
    let job: UInt64
    var tree: MergeTree<Fold>
    var size = 200

    init(job: UInt64, shards: Int) {
        self.job = job
        tree = MergeTree(count: shards)
    }

    mutating func next(_ shard: Int, device: WorkerDevice = WorkerDevice(node: "a", rank: 0)) throws -> ShardCommit {
        let fold = Fold(leaf: shard, size: size)
        let step = try tree.insert(fold, at: shard, merge: Fold.merge)
        return ShardCommit(
            job: job, shard: shard, attempt: 1, session: StateIdentifier(high: 7, low: UInt64(shard)), device: device,
            digest: ContentDigest(of: fold.bytes), size: fold.bytes.count, samples: 4,
            update: TreeUpdate(step) { $0.bytes })
    }
}
