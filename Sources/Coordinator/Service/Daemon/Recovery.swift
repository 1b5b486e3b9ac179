internal import Calibration
internal import CoordinatorCore
internal import CoordinatorStore
internal import Wire

/// What a state directory says to a coordinator that starts.
struct Recovery {
    /// For the core.
    let core: RecoveredState
    /// Jobs whose trees the store's thread takes up.
    let unfinished: [StoredJob]

    /// Reads the state and makes its unfinished jobs again.
    ///
    /// - Throws: `StateStoreError`; `CoordinatorServiceError` that names the job that cannot go on here.
    init<Factory: JobFactory>(
        state: StateStore, factory: Factory, catalog: JobCatalog<Factory.Statistics>
    ) throws {
        let kept = try state.recover()
        var core = RecoveredState()
        core.quarantined = kept.quarantined.map { Device($0.device) }
        for job in kept.unfinished {
            let id = job.summary.job
            let plan = try CalibrationPlan(JobSpecification(canonicalBytes: job.submission.specification))
            do {
                let prepared = try factory.restore(job.submission.document, plan: plan, blobs: state.blobs)
                catalog.insert(prepared, as: id)
                let delivery = ContentDigest(of: job.submission.delivery)
                core.jobs.append(
                    RecoveredJob(
                        job,
                        as: prepared.coordinatorJob(id: id, priority: job.submission.priority, delivery)))
            } catch {
                throw CoordinatorServiceError.start(text: "job \(id) ('\(job.summary.name)') cannot go on: \(error)")
            }
        }
        for summary in kept.finished {
            core.jobs.append(try Self.finished(summary, state: state))
        }
        core.jobs.sort { $0.job.id < $1.job.id }
        self.core = core
        unfinished = kept.unfinished
    }

    /// A job that has ended: workers that join may still load its model.
    private static func finished(_ summary: JobSummary, state: StateStore) throws -> RecoveredJob {
        let submission = try state.submission(of: summary.job)
        let plan = try CalibrationPlan(JobSpecification(canonicalBytes: submission.specification))
        let outcome: JobOutcome
        if summary.state == .completed {
            let model = try summary.results.first { $0.name == ResultContent.Name.model.rawValue }.map {
                JobModel(digest: $0.digest, size: try state.blobs.size($0.digest) ?? 0)
            }
            outcome = .completed(model)
        } else {
            outcome = .failed(.data(text: summary.end?.text ?? "", sample: nil))
        }
        return RecoveredJob(
            job: CoordinatorJob(
                id: summary.job, plan: plan, deliveryDigest: ContentDigest(of: submission.delivery)),
            outcome: outcome)
    }
}

extension StoredJob {
    /// What people are told about a job that goes on.
    var resumption: ClusterNotice {
        .jobResumed(
            job: summary.job, name: summary.name, shardsDone: shards.count, shards: submission.shardCount)
    }
}

extension RecoveredJob {
    /// A job that goes on, as the core takes it up.
    init(_ kept: StoredJob, as job: CoordinatorJob) {
        self.init(job: job)
        committed = kept.shards.map { shard in
            Shard(
                index: shard.shard, digest: shard.digest,
                device: shard.device.node.isEmpty ? nil : Device(shard.device))
        }
        skipped = kept.poisoned.map(\.sample)
        decisions =
            kept.losses.map { loss in
                .blamed(
                    job: job.id, shard: loss.shard,
                    session: SessionID(high: loss.session.high, low: loss.session.low), device: Device(loss.device))
            }
            + kept.witnesses.map { witness in
                .disputed(job: job.id, shard: witness.shard, device: Device(witness.device), digest: witness.digest)
            }
        resets = kept.restarts.count
    }
}
