import Calibration
import StoreScenario
import Testing

@testable import CoordinatorStore

@Suite struct StateStoreTests {
    private static let device = WorkerDevice(node: "a", rank: 1)

    @Test func everyProcessHasItsOwnEpochOfTheSameCluster() throws {
        let folder = try StoreFolder()
        var clusters: Set<StateIdentifier> = []
        for epoch in 1...4 {
            let store = try folder.open()
            #expect(store.epoch == UInt64(epoch))
            clusters.insert(store.cluster)
            #expect(try store.recover().epoch == store.epoch)
        }
        #expect(clusters.count == 1)
        let other = try StoreFolder()
        #expect(try other.open().cluster != clusters.first)
    }

    @Test func aRepeatedSubmissionIsTheSameJob() throws {
        let folder = try StoreFolder()
        var submission = StateStore.submission(shards: 3)
        do {
            let store = try folder.open()
            submission.blobs = [try store.blobs.put([1]), try store.blobs.put([2])]
            #expect(try store.submit(submission) == (1, true))
        }
        let store = try folder.open()
        submission.blobs.reverse()
        #expect(try store.submit(submission) == (1, false))
        var other = submission
        other.request = StateIdentifier(high: 9, low: 9)
        #expect(try store.submit(other) == (2, true))
        other.document = [7]
        #expect(failure { _ = try store.submit(other) } == .refused(.requestReused(job: 2)))
        #expect(try store.jobs().map(\.job) == [1, 2])
        #expect(try store.job(3) == nil)
        #expect(try store.job(.max) == nil)
        submission.blobs.sort()
        #expect(try store.submission(of: 1) == submission)
        #expect(failure { _ = try store.submission(of: 3) } == .refused(.unknownJob(3)))
    }

    @Test func aSubmissionThatCannotBeKeptIsRefused() throws {
        let folder = try StoreFolder()
        let store = try folder.open()
        var submission = StateStore.submission(shards: 3)
        submission.blobs = [ContentDigest(of: [5])]
        #expect(failure { _ = try store.submit(submission) } == .refused(.missingBlobs(submission.blobs)))
        for shards in [0, -1, 1 << 40] {
            guard case .refused(.malformed) = failure({ _ = try store.submit(shards: shards) }) else {
                Issue.record("\(shards) shards")
                continue
            }
        }
        #expect(try store.jobs().isEmpty)
    }

    @Test func aShardIsCountedOnce() throws {
        let folder = try StoreFolder()
        let store = try folder.open()
        var commits = Commits(job: try store.submit(shards: 5), shards: 5)
        let first = try commits.next(0)
        try store.commit([first])
        #expect(failure { try store.commit([first]) } == .refused(.alreadyCommitted(job: 1, shard: 0)))
        let second = try commits.next(3)
        #expect(failure { try store.commit([second, second]) } == .refused(.alreadyCommitted(job: 1, shard: 3)))
        // The group was refused as a whole.
        #expect(try store.shards(of: 1).map(\.shard) == [0])
        try store.commit([second])
        #expect(try store.shards(of: 1).map(\.shard) == [0, 3])
        #expect(try store.shards(of: 1)[1].digest == second.digest)
    }

    @Test func nodesThatAGroupMergesItselfAreNeverAskedFor() throws {
        let folder = try StoreFolder()
        let store = try folder.open()
        let job = try store.submit(shards: 8)
        var commits = Commits(job: job, shards: 8)
        var records: [ShardCommit] = []
        for shard in 0..<7 {
            var record = try commits.next(shard)
            if ![3, 5, 6].contains(shard) {
                record.update.bytes = {
                    Issue.record("The bytes of a merged node were asked for")
                    return []
                }
            }
            records.append(record)
        }
        try store.commit(records)
        let recovered = try #require(try store.recover().unfinished.first)
        #expect(
            recovered.nodes == [
                TreePosition(level: 0, index: 6), TreePosition(level: 1, index: 2), TreePosition(level: 2, index: 0),
            ])
        let tree = try store.tree(of: recovered) { bytes, _ in try #require(Fold(bytes)) }
        #expect(tree.value(at: TreePosition(level: 2, index: 0))?.leaves == [0, 1, 2, 3])
        try store.commit([try commits.next(7)])
        let whole = try store.nodeBytes(job: job, TreePosition(level: 3, index: 0))
        #expect(Fold(whole)?.leaves == Array(0..<8))
        #expect(failure { _ = try store.nodeBytes(job: job, TreePosition(level: 0, index: 6)) } != nil)
        #expect(try store.job(job)?.state == .finalizing)
    }

    @Test func updatesThatDoNotFitTheTreeAreRefused() throws {
        let folder = try StoreFolder()
        let store = try folder.open()
        let job = try store.submit(shards: 6)
        var commits = Commits(job: job, shards: 6)
        try store.commit([try commits.next(0)])
        let good = try commits.next(1)
        func refusal(_ change: (inout ShardCommit) -> Void) -> StateStoreError? {
            var record = good
            change(&record)
            return failure { try store.commit([record]) }
        }
        func isMerge(_ error: StateStoreError?) -> Bool {
            if case .refused(.merge(job: 1, shard: _, reason: _)) = error { true } else { false }
        }
        #expect(isMerge(refusal { $0.update.removed = [] }))
        #expect(isMerge(refusal { $0.update.removed = [TreePosition(level: 0, index: 2)] }))
        #expect(isMerge(refusal { $0.update.removed = [TreePosition(level: 0, index: 1)] }))
        #expect(isMerge(refusal { $0.update.position = TreePosition(level: 2, index: 1) }))
        #expect(isMerge(refusal { $0.update.position = TreePosition(level: -1, index: 7) }))
        // Kept beside its neighbour instead of merged with it.
        #expect(
            isMerge(
                refusal {
                    $0.update.removed = []
                    $0.update.position = TreePosition(level: 0, index: 1)
                }))
        // Merges a node that was never kept.
        #expect(
            isMerge(
                refusal {
                    $0.shard = 2
                    $0.update.removed = [TreePosition(level: 0, index: 3)]
                    $0.update.position = TreePosition(level: 1, index: 1)
                }))
        #expect(refusal { $0.shard = 6 } == .refused(.unknownShard(job: 1, shard: 6)))
        #expect(refusal { $0.shard = -1 } == .refused(.unknownShard(job: 1, shard: -1)))
        #expect(refusal { $0.job = 2 } == .refused(.unknownJob(2)))
        #expect(refusal { $0.job = .max } == .refused(.unknownJob(.max)))
        struct Unwritable: Error {}
        #expect(
            refusal { $0.update.bytes = { throw Unwritable() } }
                == .encoding(job: 1, position: TreePosition(level: 1, index: 0), reason: "Unwritable()"))
        #expect(try store.recover().unfinished[0].nodes == [TreePosition(level: 0, index: 0)])
        try store.commit([good])
    }

    @Test func severalJobsShareATransaction() throws {
        let folder = try StoreFolder()
        let store = try folder.open()
        var first = Commits(job: try store.submit(shards: 2, request: 1), shards: 2)
        var second = Commits(job: try store.submit(shards: 3, request: 2), shards: 3)
        try store.commit([try second.next(2), try first.next(1), try second.next(0), try first.next(0)])
        let state = try store.recover()
        #expect(state.unfinished.map(\.summary.state) == [.finalizing, .running])
        #expect(state.unfinished.map { $0.shards.map(\.shard) } == [[0, 1], [0, 2]])
    }

    @Test func anEndIsFinal() throws {
        let folder = try StoreFolder()
        let store = try folder.open()
        let job = try store.submit(shards: 2)
        var commits = Commits(job: job, shards: 2)
        let (first, second) = (try commits.next(0), try commits.next(1))
        try store.commit([first])
        let blob = try store.blobs.put([1, 2])
        #expect(
            failure { try store.recordFinalized(job: job, results: []) }
                == .refused(.jobIncomplete(1, committed: 1, shards: 2)))
        try store.commit([second])
        let absent = ContentDigest(of: [4])
        #expect(
            failure { try store.recordFinalized(job: job, results: [JobResult(name: "model", digest: absent)]) }
                == .refused(.missingBlobs([absent])))
        let results = [JobResult(name: "manifest", digest: blob), JobResult(name: "model", digest: blob)]
        #expect(failure { try store.recordFinalized(job: job, results: results + results) } != nil)
        try store.recordFinalized(job: job, results: results.reversed(), text: "conflict", exitStatus: 70)
        let ended = StateStoreError.refused(.jobEnded(1, .completed))
        #expect(failure { try store.recordEnd(job: job, JobEnd(state: .cancelled, exitStatus: 70)) } == ended)
        #expect(failure { try store.commit([first]) } == ended)
        #expect(failure { try store.recordPoison(job: job, sample: 1, reason: "") } == ended)
        #expect(failure { try store.resetJob(job, without: Self.device, reason: "") } == ended)
        let summary = try #require(try store.recover().finished.first)
        #expect(summary.state == .completed && summary.results == results && summary.committedCount == 2)
        #expect(summary.end == JobEnd(state: .completed, text: "conflict", exitStatus: 70))
        #expect(summary.submitted == 1_000_000 && summary.ended == 1_000_000)
        #expect(try store.shards(of: job).count == 2)
        guard
            case .refused(.malformed) = failure({
                try store.recordEnd(job: store.submit(shards: 1, request: 2), JobEnd(state: .running, exitStatus: 0))
            })
        else {
            Issue.record("A job ended as running")
            return
        }
    }

    @Test func aJobStartsOverWithoutAFaultyDevice() throws {
        let folder = try StoreFolder()
        let store = try folder.open()
        let job = try store.submit(shards: 4)
        var commits = Commits(job: job, shards: 4)
        let faulty = WorkerDevice(node: "b", rank: 2)
        try store.commit([try commits.next(0), try commits.next(1, device: faulty), try commits.next(3)])
        #expect(try store.shards(committedBy: faulty).map { [$0.job, UInt64($0.shard.shard)] } == [[1, 1]])
        let witness = ShardWitness(
            shard: 1, session: StateIdentifier(high: 1, low: 1), device: Self.device, digest: ContentDigest(of: [2]))
        try store.recordWitness(job: job, witness)
        #expect(try store.recover().unfinished[0].witnesses == [witness])
        try store.resetJob(job, without: faulty, reason: "shard 1 differs")
        let state = try folder.reopened(store)
        let recovered = state.unfinished[0]
        #expect(recovered.shards.isEmpty && recovered.nodes.isEmpty && recovered.witnesses.isEmpty)
        #expect(recovered.restarts.map(\.device) == [faulty] && recovered.restarts.map(\.discarded) == [3])
        #expect(state.quarantined == [QuarantinedDevice(device: faulty, reason: "shard 1 differs")])
        commits = Commits(job: job, shards: 4)
        try store.commit([try commits.next(1)])
    }

    @Test func decisionsAreKeptOnceEach() throws {
        let folder = try StoreFolder()
        let store = try folder.open()
        let job = try store.submit(shards: 4)
        let loss = ShardLoss(
            shard: 2, session: StateIdentifier(high: 3, low: 3), device: Self.device, reason: "silent")
        for _ in 0..<2 {
            try store.recordLoss(job: job, loss)
            try store.recordPoison(job: job, sample: 17, reason: "crashes")
            try store.recordQuarantine(Self.device, reason: "differs")
        }
        #expect(failure { try store.recordLoss(job: 5, loss) } == .refused(.unknownJob(5)))
        // Nothing of a refused group is kept.
        let sample = PoisonedSample(sample: 3, reason: "")
        #expect(failure { try store.record([.poison(job: job, sample), .loss(job: 5, loss)]) } != nil)
        let state = try folder.reopened(store)
        #expect(state.unfinished[0].losses == [loss])
        #expect(state.unfinished[0].poisoned == [PoisonedSample(sample: 17, reason: "crashes")])
        #expect(state.quarantined == [QuarantinedDevice(device: Self.device, reason: "differs")])
        try store.record([.release(Self.device)])
        #expect(try folder.reopened(store).quarantined == [])
    }

    @Test func sevenErrorsNameThingReasonAndRemedy() {
        let errors: [StateStoreError] = [
            .locked(directory: "/s", holder: 7), .locked(directory: "/s", holder: nil),
            .foreign(file: "/s/f", reason: "x"), .newer(file: "/s/f", found: 2, known: 1),
            .damaged(file: "/s/f", reason: "x"), .full(path: "/s", reason: "x"),
            .broken(operation: "write", path: "/s", reason: "x"),
        ]
        #expect(errors.map(\.exitStatus) == [75, 75, 78, 78, 65, 75, 74])
        for error in errors { #expect("\(error)".contains("/s"), "\(error)") }
        #expect("\(errors[0])".contains("process id 7"))
    }
}

extension StoreFolder {
    /// What a copy of the files says, as if the process had been killed now.
    func reopened(_ store: StateStore) throws -> StoredState {
        let copy = try StoreFolder()
        try copy.copyState(of: self)
        return try withExtendedLifetime(store) { try copy.open().recover() }
    }
}
