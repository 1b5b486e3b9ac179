import Calibration
import CoordinatorCore
import Wire
import WorkerCore

extension World {
    /// The samples that a lease asks for.
    func samples(of lease: Lease) -> [Int] {
        let plan = settings.jobs[Int(lease.shard.job) - 1].job.plan
        let all = plan.shard(lease.shard.shard).samples
        let part = if case .trial(let part) = lease.purpose { part } else { all }
        let left = Set(lease.excluded)
        return all.clamped(to: part).filter { !left.contains($0) }
    }

    func lastLease(_ worker: Int) -> Lease? { leases[worker] }

    func begin(_ worker: Int, _ lease: Lease) {
        taskCount += 1
        leases[worker] = lease
        let input = lease.inputDigest.flatMap { store.job(lease.shard.job)?.input($0) }
        processes[worker].task = Task(
            number: taskCount, lease: lease, samples: samples(of: lease), input: input, seed: cluster)
    }

    /// The compute thread takes a shard.
    func compute(_ worker: Int, _ lease: Lease) {
        if processes[worker].isStuck { return }
        begin(worker, lease)
        processes[worker].last = nil
        guard let task = processes[worker].task else { return }
        if lease.inputDigest != nil, task.input == nil {
            fail(worker, .internal, nil)  // Of a round so long ago that its input is not offered any more.
            return
        }
        let generation = processes[worker].generation
        let duration = random.pick(20...220) * settings.workers[worker].slowness
        queue.add(at: now + 1, .progress(worker, generation: generation, task: task.number, samples: 0))
        let poison = settings.jobs[Int(lease.shard.job) - 1].poison
        if let index = task.samples.firstIndex(where: { poison[$0] != nil }) {
            let time = now + 2 + duration * (index + 1) / (task.samples.count + 1)
            queue.add(
                at: time,
                .poisoned(worker, generation: generation, task: task.number, sample: task.samples[index]))
            return
        }
        for part in 1...3 {
            let done = task.samples.count * part / 4
            queue.add(
                at: now + duration * part / 4 + 1,
                .progress(worker, generation: generation, task: task.number, samples: done))
        }
        queue.add(at: now + duration + 2, .computed(worker, generation: generation, task: task.number))
    }

    /// The compute thread comes upon a sample that it cannot compute.
    func poisoned(_ worker: Int, _ sample: Int) {
        guard let task = processes[worker].task else { return }
        let generation = processes[worker].generation
        switch settings.jobs[Int(task.lease.shard.job) - 1].poison[sample] {
        case .crash: kill(worker)
        case .hang:
            processes[worker].isStuck = true
            // Somebody ends it some time.
            queue.add(at: now + 1500, .kill(worker, generation: generation))
        case .memory: fail(worker, .memory, nil)
        case .data: fail(worker, .data, sample)
        case nil: problem("sample \(sample) is no poison")
        }
    }

    private func fail(_ worker: Int, _ failureClass: FailureClass, _ sample: Int?) {
        guard let task = processes[worker].task else { return }
        processes[worker].task = nil
        // A coordinator that was started again does not know whose shard it was, and reports none as taken back.
        excuses += 1
        work(
            worker,
            .failed(
                ShardFailure(shard: task.lease.shard, failureClass: failureClass, text: "simulated", sample: sample)))
    }

    /// The compute thread has a result.
    func computed(_ worker: Int) {
        guard let task = processes[worker].task else { return }
        if !isHealed, random.chance(settings.failureRate) {
            fail(worker, .device, nil)
            return
        }
        let job = settings.jobs[Int(task.lease.shard.job) - 1].job
        var value = SimulatedStore.value(job, task.samples)
        if let input = task.input { value = SimulatedStore.value(value, with: input, seed: task.seed) }
        let liar = settings.workers[worker]
        if liar.lieRate > 0, random.chance(liar.lieRate), !task.lease.purpose.isTrial {
            outcome.tally[.lies] += 1
            value = Randomness.mix(value &+ (liar.liesConsistently ? 1 : random.next()))
        }
        let result = Upload(value: value, input: task.lease.inputDigest)
        processes[worker].last = (task.lease.shard, result, task.samples.count)
        switch task.lease.purpose {
        case .count:
            outcome.tally[.executions] += 1
            upload(worker)
        case .compare, .trial: deliver(worker)
        }
    }

    /// Uploads the statistics as soon as the coordinator can be reached.
    func upload(_ worker: Int) {
        guard let task = processes[worker].task, let last = processes[worker].last else { return }
        guard isCoordinatorUp, !isCut[worker].from, !isCut[worker].to else {
            let generation = processes[worker].generation
            queue.add(at: now + 150, .upload(worker, generation: generation, task: task.number))
            return
        }
        uploads[SimulatedStore.digest(last.result.value)] = last.result
        deliver(worker)
    }

    private func deliver(_ worker: Int) {
        guard let task = processes[worker].task, let last = processes[worker].last else { return }
        processes[worker].task = nil
        processes[worker].unanswered = task.lease.shard
        let digest = SimulatedStore.digest(last.result.value)
        work(worker, .computed(last.shard, digest: digest, size: 8, samples: last.samples))
    }
}
