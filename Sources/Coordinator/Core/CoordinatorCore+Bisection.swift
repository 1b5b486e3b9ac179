internal import Calibration
internal import Wire

extension CoordinatorCore {
    /// Looks for the sample that costs workers: from now on only parts of the shard are handed out, whose results are not
    /// counted.
    mutating func bisect(_ j: Int, _ shard: Int) {
        let losses = jobs[j].shards.troubles[shard]?.losses.count ?? 0
        report(.bisectionStarted(job: jobs[j].job.id, shard: shard, losses: losses))
        let samples = jobs[j].job.plan.shard(shard).samples
        jobs[j].shards.hold(shard)
        // A single sample is tried alone too: the losses may be from a time when it had neighbours.
        suspect(jobs[j].sampleCount(shard) == 1 ? [samples] : halves(of: samples, j, shard), j, shard)
    }

    private func isSkipped(_ sample: Int, _ j: Int, _ shard: Int) -> Bool {
        jobs[j].excluded[shard]?.contains(sample) == true
    }

    /// The two halves of a part, without one whose samples are all skipped.
    private func halves(of part: Range<Int>, _ j: Int, _ shard: Int) -> [Range<Int>] {
        let middle = part.lowerBound + part.count / 2
        return [part.lowerBound..<middle, middle..<part.upperBound].filter { jobs[j].sampleCount(shard, in: $0) > 0 }
    }

    private mutating func suspect(_ parts: [Range<Int>], _ j: Int, _ shard: Int) {
        jobs[j].bisections[shard] = .init(suspects: parts)
        jobs[j].openTrials.append(shard)
    }

    /// A worker has survived a part: it is innocent.
    mutating func trialSurvived(_ id: SessionID, now: Duration) {
        guard case .trial(let part)? = sessions[id]?.assignment?.purpose, let assignment = detach(id) else { return }
        sessions[id]?.failuresInARow = 0
        let (j, shard) = (assignment.job, assignment.shard)
        if jobs[j].bisections[shard]?.suspects.first == part, !isAcquittedByResult(j, shard) {
            jobs[j].bisections[shard]?.suspects.removeFirst()
            jobs[j].bisections[shard]?.lossesAlone = 0
            if jobs[j].bisections[shard]?.suspects.isEmpty == true {
                foundNothing(j, shard)
            } else {
                jobs[j].openTrials.append(shard)
            }
        }
        serveWaiting(now: now)
    }

    /// A worker came to no result with a part.
    mutating func trialEnded(_ j: Int, _ shard: Int, _ part: Range<Int>, isLoss: Bool, text: String) {
        guard jobs[j].bisections[shard]?.suspects.first == part, !isAcquittedByResult(j, shard) else { return }
        guard isLoss else {
            jobs[j].openTrials.append(shard)
            return
        }
        if jobs[j].sampleCount(shard, in: part) > 1 {
            suspect(halves(of: part, j, shard), j, shard)
            return
        }
        jobs[j].bisections[shard]?.lossesAlone += 1
        let losses = jobs[j].bisections[shard]?.lossesAlone ?? 0
        if losses >= configuration.lossesBeforeNaming,
            let sample = part.first(where: { !isSkipped($0, j, shard) })
        {
            name(sample, j, shard, losses: losses, text: text)
        } else {
            jobs[j].openTrials.append(shard)
        }
    }

    /// Ends the search when the result of a late attempt at the whole shard is on its way into the store.
    private mutating func isAcquittedByResult(_ j: Int, _ shard: Int) -> Bool {
        guard jobs[j].shards.states[shard] == .storing else { return false }
        jobs[j].bisections[shard] = nil
        jobs[j].openTrials.removeAll { $0 == shard }
        return true
    }

    /// Every part is innocent: chance, or the parts do it together.
    private mutating func foundNothing(_ j: Int, _ shard: Int) {
        jobs[j].bisections[shard] = nil
        let losses = jobs[j].shards.troubles[shard]?.losses.count ?? 0
        jobs[j].shards.trouble(shard) { $0.fruitlessBisections += 1 }
        if jobs[j].shards.troubles[shard]?.fruitlessBisections == configuration.maximumFruitlessBisections {
            let samples = jobs[j].job.plan.shard(shard).samples
            fail(j, .losses(index: shard, samples: samples, losses: losses))
            return
        }
        acquit(j, shard)
        jobs[j].shards.release(shard)
    }

    /// One more lost worker makes the shard suspicious again.
    private mutating func acquit(_ j: Int, _ shard: Int) {
        let limit = configuration.lossesBeforeBisection - 1
        jobs[j].shards.trouble(shard) { $0.losses = Array($0.losses.suffix(limit)) }
    }

    /// A sample is to blame.
    private mutating func name(_ sample: Int, _ j: Int, _ shard: Int, losses: Int, text: String) {
        jobs[j].bisections[shard] = nil
        jobs[j].openTrials.removeAll { $0 == shard }
        if jobs[j].job.poisonPolicy == .fail {
            fail(j, .poison(sample: sample, losses: losses, text: text))
        } else {
            skipOrFail(j, shard, sample, text: text)
        }
    }

    /// Leaves a sample out, unless too many are left out already.
    ///
    /// The shard waits until that is recorded.
    mutating func skipOrFail(_ j: Int, _ shard: Int, _ sample: Int, text: String) {
        guard jobs[j].skipped.count < configuration.maximumSkippedSamples,
            (jobs[j].excluded[shard]?.count ?? 0) < WireLimits.excludedSamples
        else {
            let count = jobs[j].skipped.count
            fail(
                j,
                .data(text: "\(text); \(count) samples were skipped before it, and more are too many", sample: sample))
            return
        }
        stopAttempts(j, shard)
        jobs[j].shards.hold(shard)
        let decision = Decision.skipped(job: jobs[j].job.id, sample: sample, text: text)
        if !isPending(decision) { record(decision) }
    }

    /// Stops whoever computes a shard that is about to have one sample less.
    private mutating func stopAttempts(_ j: Int, _ shard: Int) {
        jobs[j].bisections[shard] = nil
        jobs[j].openTrials.removeAll { $0 == shard }
        for id in sessionOrder {
            guard let assignment = sessions[id]?.assignment, assignment.job == j, assignment.shard == shard else {
                continue
            }
            cancel(id)
        }
    }

    /// A sample is left out, durably.
    mutating func skip(_ sample: Int, _ text: String, _ job: UInt64, now: Duration) {
        guard let j = jobPositions[job], !jobs[j].hasEnded else { return }
        exclude(sample, j)
        report(.sampleSkipped(job: job, sample: sample, text: text))
        guard jobs[j].isRunning else { return }
        let shard = jobs[j].shard(ofSample: sample)
        guard jobs[j].shards.states[shard] == .held, !hasPendingSkip(j, shard) else { return }
        acquit(j, shard)
        jobs[j].shards.trouble(shard) { $0.failedSessions = [] }
        jobs[j].shards.release(shard)
        storeIfEmpty(j, shard)
        serveWaiting(now: now)
    }

    private func hasPendingSkip(_ j: Int, _ shard: Int) -> Bool {
        pendingRecords.contains { pending in
            guard case .skipped(jobs[j].job.id, let sample, _) = pending.decision else { return false }
            return jobs[j].shard(ofSample: sample) == shard
        }
    }

    mutating func exclude(_ sample: Int, _ j: Int) {
        guard !jobs[j].skipped.contains(sample) else { return }
        jobs[j].skipped.append(sample)
        let shard = jobs[j].shard(ofSample: sample)
        var samples = jobs[j].excluded[shard] ?? []
        samples.insert(sample, at: samples.firstIndex { $0 > sample } ?? samples.count)
        jobs[j].excluded[shard] = samples
    }
}
