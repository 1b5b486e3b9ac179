internal import Calibration
internal import ControlAPI
internal import CoordinatorCore
internal import CoordinatorStore
internal import Dispatch
internal import Wire

extension RequestDesk {
    /// Takes a job; the same submission again is the same job.
    func submit(_ submission: SubmissionDocument) throws -> [UInt8] {
        let id = try submissions.sync { try submitOnce(submission) }
        return try Documents.encode(jobDocument(id))
    }

    private func submitOnce(_ submission: SubmissionDocument) throws -> UInt64 {
        let request = StateIdentifier(high: submission.key.high, low: submission.key.low)
        if let known = try state.job(submittedAs: request) { return known }
        let job: PreparedJob<Factory.Statistics>
        do {
            job = try factory.prepare(submission.arguments, blobs: state.blobs)
        } catch let error as StateStoreError {
            throw error
        } catch let error as ControlError {
            throw error
        } catch {
            throw ControlError(.invalid, "\(error)")
        }
        let specification = try job.plan.specification.canonicalBytes()
        let delivery = try job.delivery.documentBytes()
        // Workers fetch these under their digests too.
        let documents = [try state.blobs.put(specification), try state.blobs.put(delivery)]
        let kept = JobSubmission(
            request: request, name: submission.name, priority: submission.priority, shardCount: job.plan.shardCount,
            document: job.document, specification: specification, delivery: delivery, blobs: job.blobs + documents)
        let (id, isNew) = try state.submit(kept)
        guard isNew else { return id }
        catalog.insert(job, as: id)
        store.post(.begin(job: id, shardCount: job.plan.shardCount))
        control.post(.event(.submitted(job.coordinatorJob(id: id, priority: submission.priority, documents[1]))))
        notify(.jobSubmitted(job: id, name: submission.name, shards: job.plan.shardCount))
        return id
    }

    /// Takes the job that a completed job asks for, if it does; on the queue of submissions.
    ///
    /// Its key follows from that of the job, so it is taken once.
    func followUp(_ id: UInt64) {
        submissions.async { [self] in
            do {
                let summary = try summary(id)
                let submission = try state.submission(of: id)
                var results: [ResultContent.Name: ContentDigest] = [:]
                for result in summary.results {
                    if let name = ResultContent.Name(rawValue: result.name) { results[name] = result.digest }
                }
                guard summary.state == .completed,
                    let next = try factory.followUp(
                        submission.document, job: id, results: results, skipped: state.poisonedSamples(of: id))
                else { return }
                _ = try submitOnce(
                    SubmissionDocument(
                        key: submission.request.followUpKey, name: next.name, priority: submission.priority,
                        arguments: next.words))
            } catch {
                notify(.followUpFailed(job: id, text: "\(error)"))
            }
        }
    }

    /// Ends a job.
    func cancel(_ id: UInt64, reason: String) throws -> [UInt8] {
        let summary = try summary(id)
        // The same wish again, perhaps because the answer was lost.
        if summary.state == .cancelled { return try Documents.encode(jobDocument(id)) }
        guard !summary.state.isEnd else {
            throw ControlError(.conflict, "Job \(id) is \(summary.state.rawValue) already")
        }
        control.post(
            .event(.aborted(job: id, .cancelled(text: reason.isEmpty ? "on request" : reason))))
        return try Documents.encode(jobDocument(id))
    }

    /// Lets workers leave.
    func drain(_ selector: WorkerSelector) throws -> [UInt8] {
        let workers = try snapshot().workers
        switch selector {
        case .all: control.post(.event(.drainRequested(.all)))
        case .session(let prefix):
            let chosen = workers.filter { $0.session.description.hasPrefix(prefix) }
            guard let worker = chosen.first else {
                throw ControlError(.unknown, "There is no worker \(prefix); 'tare workers' lists them")
            }
            guard chosen.count == 1 else {
                throw ControlError(.conflict, "\(chosen.count) workers begin with \(prefix); give more digits")
            }
            control.post(
                .event(.drainRequested(.node(worker.device.node, localRank: worker.device.localRank))))
        }
        // The control thread has taken the change when it answers this.
        return try Documents.encode(PageDocument(Page(), of: snapshot().workers) { WorkerDocument($0) })
    }
}

extension StateIdentifier {
    /// The key of the job that follows the one with this key.
    var followUpKey: Identifier {
        let words = ContentDigest(of: Array("tare follow-up \(high) \(low)".utf8)).bytes.map(UInt64.init)
        return Identifier(
            high: words[..<8].reduce(0) { $0 << 8 | $1 }, low: words[8..<16].reduce(0) { $0 << 8 | $1 })
    }
}

extension PreparedJob {
    /// The job as the core hands it out.
    func coordinatorJob(id: UInt64, priority: Int, _ delivery: ContentDigest) -> CoordinatorJob {
        var job = CoordinatorJob(id: id, plan: plan, deliveryDigest: delivery)
        job.priority = priority
        job.poisonPolicy = policy.skipsPoison ? .skip : .fail
        job.auditPercent = policy.auditPercent
        return job
    }
}
