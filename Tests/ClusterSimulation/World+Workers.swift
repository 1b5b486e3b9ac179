import Calibration
import CoordinatorCore
import Wire
import WorkerCore

extension World {
    func makeWorker(_ index: Int) -> WorkerCore {
        var configuration = WorkerConfiguration(
            hello: hello(of: index), session: SessionID(high: random.next(), low: UInt64(index)))
        configuration.retryInterval = .milliseconds(100)
        configuration.drainGrace = settings.drainGrace
        configuration.farewellTimeout = .milliseconds(300)
        configuration.lifetime = isHealed ? nil : settings.lifetimes[index].map { .milliseconds($0) }
        return WorkerCore(configuration: configuration)
    }

    /// What a worker says first.
    func hello(of worker: Int) -> Hello {
        let device = settings.workers[worker].device
        return Hello(
            build: "simulated", node: device.node, process: 1, localRank: device.localRank, instructionSet: "any")
    }

    private func time(of worker: Int) -> Duration {
        .microseconds(settings.workers[worker].clockOffset + now * settings.workers[worker].clockRate)
    }

    func startWorker(_ worker: Int) {
        guard !processes[worker].isUp, !processes[worker].isAlienated else { return }
        let generation = processes[worker].generation + 1
        processes[worker] = Process(core: makeWorker(worker), isUp: true, generation: generation)
        work(worker, .started)
    }

    func kill(_ worker: Int) {
        guard processes[worker].isUp else { return }
        outcome.tally[.kills] += 1
        leave(worker, restartAfter: random.pick(50...1500))
        if random.chance(0.5), isCoordinatorUp, coordinatorPausedUntil <= now {
            // A parent on the same machine tells the coordinator.
            let device = settings.workers[worker].device
            step(.workerExited(node: device.node, process: 1, text: "killed"))
        }
    }

    private func leave(_ worker: Int, restartAfter time: Int?) {
        processes[worker].isUp = false
        if processes[worker].unanswered != nil || processes[worker].task != nil { excuses += 1 }
        processes[worker].task = nil
        processes[worker].unanswered = nil
        if let time { queue.add(at: now + time, .startWorker(worker)) }
    }

    func handleInWorker(_ event: Event) {
        switch event {
        case .toWorker(let worker, let generation, let envelope, let cluster):
            guard cluster == self.cluster, isReady(worker, generation, event) else { return }
            receive(worker, envelope)
        case .workerTimer(let worker, let generation):
            guard processes[worker].generation == generation, processes[worker].timerAt == now else { return }
            guard isReady(worker, generation, event) else {
                processes[worker].timerAt = processes[worker].pausedUntil
                return
            }
            processes[worker].timerAt = nil
            work(worker, .deadline)
        case .progress(let worker, let generation, let task, let samples):
            guard isReady(worker, generation, event), let current = processes[worker].task, current.number == task,
                !processes[worker].isStuck
            else { return }
            work(
                worker,
                .progressed(ShardProgress(shard: current.lease.shard, samples: samples, activity: now + 1)))
        case .computed(let worker, let generation, let task):
            guard isReady(worker, generation, event), processes[worker].task?.number == task else { return }
            computed(worker)
        case .poisoned(let worker, let generation, let task, let sample):
            guard isReady(worker, generation, event), processes[worker].task?.number == task else { return }
            poisoned(worker, sample)
        case .upload(let worker, let generation, let task):
            guard isReady(worker, generation, event), processes[worker].task?.number == task else { return }
            upload(worker)
        case .modelLoaded(let worker, let generation, let digest):
            guard isReady(worker, generation, event) else { return }
            outcome.tally[.models] += 1
            processes[worker].loadedModel = digest
            work(worker, .modelLoaded(digest, failure: nil))
        default: break
        }
    }

    /// Whether a process is there to take an event; a stopped one gets it later.
    private func isReady(_ worker: Int, _ generation: Int, _ event: Event) -> Bool {
        guard processes[worker].isUp, processes[worker].generation == generation else { return false }
        guard processes[worker].pausedUntil > now else { return true }
        queue.add(at: processes[worker].pausedUntil, event)
        return false
    }

    private func receive(_ worker: Int, _ envelope: Envelope) {
        switch envelope.message {
        case .commitAck(let shard, let result, _, _) where shard == processes[worker].unanswered:
            if result != .retry { processes[worker].unanswered = nil }
        case .done: processes[worker].unanswered = nil
        case .welcome(let welcome) where welcome.cluster != processes[worker].cluster:
            processes[worker].cluster = welcome.cluster
            processes[worker].unanswered = nil  // It is nothing to this coordinator.
        case .unknown where mutation == .dropsResultAtRejoin && processes[worker].unanswered != nil:
            var configuration = processes[worker].core
            configuration = WorkerCore(configuration: self.configuration(of: configuration, worker))
            processes[worker].core = configuration
            work(worker, .started)
            return
        default: break
        }
        work(worker, .received(envelope))
    }

    private func configuration(of core: WorkerCore, _ worker: Int) -> WorkerConfiguration {
        var configuration = WorkerConfiguration(hello: hello(of: worker), session: core.session)
        configuration.retryInterval = .milliseconds(100)
        return configuration
    }

    /// Lets a worker take in an event, and does what it wants.
    func work(_ worker: Int, _ event: WorkerEvent) {
        let effects = processes[worker].core.step(event, now: time(of: worker))
        if isChecking {
            for text in processes[worker].core.checkInvariants() { problem("worker \(worker): \(text)") }
        }
        if let trace {
            for effect in effects {
                if case .send(let message) = effect {
                    trace("\(now) \(worker) sends \(message.summary)")
                } else {
                    trace("\(now) \(worker) \(effect)")
                }
            }
        }
        for effect in effects { carryOut(effect, of: worker) }
        guard processes[worker].isUp, let deadline = processes[worker].core.nextDeadline else { return }
        let clock = settings.workers[worker]
        let micros = Self.microseconds(deadline) - clock.clockOffset
        let time = max(now + 1, (micros + clock.clockRate - 1) / clock.clockRate)
        if processes[worker].timerAt.map({ time < $0 }) ?? true {
            processes[worker].timerAt = time
            queue.add(at: time, .workerTimer(worker, generation: processes[worker].generation))
        }
    }

    private func carryOut(_ effect: WorkerEffect, of worker: Int) {
        switch effect {
        case .send(let message):
            if case .leaseRequest = message, let shard = processes[worker].unanswered {
                problem("worker \(worker) asks for work although nobody has spoken about its result of \(shard)")
            }
            let generation = processes[worker].generation
            let envelope = Envelope(session: processes[worker].core.session, sequence: 1, message: message)
            let peer = PeerAddress([UInt8(worker), UInt8(generation >> 8 & 255), UInt8(generation & 255)])
            if random.chance(0.02) || oldMessages.count < 8 { keep(envelope, peer) }
            let isHello = if case .hello = message { true } else { false }
            let addressee = isHello ? cluster : Int(processes[worker].cluster.low)
            transmit(envelope, isCut: isCut[worker].from) { .toCoordinator($0, peer, cluster: addressee) }
        case .compute(let lease): compute(worker, lease)
        case .upload(let shard):
            guard let last = processes[worker].last, last.shard == shard, let lease = lastLease(worker) else {
                problem("worker \(worker) is to upload \(shard), which it has not")
                return
            }
            begin(worker, lease)
            let task = processes[worker].task?.number ?? 0
            queue.add(at: now + 5, .upload(worker, generation: processes[worker].generation, task: task))
        case .abandon:
            if processes[worker].task != nil, !processes[worker].isStuck {
                processes[worker].task = nil
                excuses += 1
            }
        case .loadModel(let model, _):
            if processes[worker].isStuck { break }
            let time = now + random.pick(10...200)
            queue.add(at: time, .modelLoaded(worker, generation: processes[worker].generation, model.digest))
        case .stop(let exit): stopped(worker, exit)
        case .connectData: break
        }
    }

    private func stopped(_ worker: Int, _ exit: WorkerExit) {
        switch exit {
        case .done:
            if !settings.coordinator.dismissesWorkers || !store.jobs.allSatisfy({ $0.outcome != nil }) {
                problem("worker \(worker) was told that there is no more work")
            }
            leave(worker, restartAfter: nil)
        case .drained: leave(worker, restartAfter: random.pick(50...1000))
        case .rejected(.quarantined, _):
            processes[worker].isAlienated = true
            leave(worker, restartAfter: nil)
        case .rejected, .unreachable, .coordinatorLost:
            problem("worker \(worker) left: \(exit)")
            leave(worker, restartAfter: nil)
        }
    }
}
