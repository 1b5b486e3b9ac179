import Calibration
import CoordinatorCore
import Wire
import WorkerCore

extension World {
    /// Carries a message, or loses, doubles or delays it.
    func transmit(_ envelope: Envelope, isCut: Bool, _ event: (Envelope) -> Event) {
        if isCut || !isHealed && random.chance(settings.lossRate) {
            outcome.tally[.dropped] += 1
            return
        }
        let isDoubled = !isHealed && random.chance(settings.duplicationRate)
        if isDoubled { outcome.tally[.duplicated] += 1 }
        var envelope = envelope
        if settings.usesCodec {
            do {
                envelope = try PacketCodec.packet(PacketCodec.frames(Packet(envelope))).envelope
            } catch {
                problem("\(envelope.message) cannot be sent: \(error)")
            }
        }
        for _ in 0..<(isDoubled ? 2 : 1) {
            var time = now + random.pick(1...settings.latency)
            if !isHealed, random.chance(0.02) {
                outcome.tally[.delayed] += 1
                time += random.pick(0...3000)
            }
            queue.add(at: time, event(envelope))
        }
        if !isHealed, random.chance(settings.garbageRate) { sendGarbage() }
    }

    /// Keeps a message to deliver it again when nobody expects it.
    func keep(_ envelope: Envelope, _ peer: PeerAddress) {
        if oldMessages.count < 64 {
            oldMessages.append((envelope, peer))
        } else {
            oldMessages[random.pick(0...63)] = (envelope, peer)
        }
    }

    func deliverOldMessage() {
        guard !oldMessages.isEmpty else { return }
        let (envelope, peer) = oldMessages[random.pick(0...oldMessages.count - 1)]
        if case .goodbye = envelope.message { return }
        outcome.tally[.lateMessages] += 1
        queue.add(at: now + 1, .toCoordinator(envelope, peer, cluster: cluster))
    }

    /// A message that makes no sense, of a stranger or of a worker.
    private func sendGarbage() {
        outcome.tally[.garbage] += 1
        let worker = random.pick(0...processes.count - 1)
        let isStranger = random.chance(0.5)
        let session = isStranger ? SessionID(high: 1, low: random.next()) : processes[worker].core.session
        if let claim = closedRoundClaim(worker) {
            outcome.tally[.closedClaims] += 1
            queue.add(at: now + 1, claim)  // Later its round might be open.
            return
        }
        let shard = ShardReference(job: UInt64(random.pick(0...5)), shard: random.pick(100...900), attempt: 1)
        let message: Message =
            switch random.pick(0...7) {
            case 0:
                .welcome(
                    Welcome(
                        cluster: session, epoch: 9, heartbeatInterval: .seconds(1), leaseDuration: .seconds(2),
                        dataEndpoint: ""))
            case 1: .commit(Commit(shard: shard, epoch: 1, digest: SimulatedStore.digest(1), size: 1, samples: 1))
            case 2: .heartbeat(progress: [.init(shard: shard, samples: 1, activity: 1)], residentBytes: 1)
            case 3: .fail(ShardFailure(shard: shard, failureClass: .data, text: "?", sample: 1))
            case 4: .modelLoaded(job: shard.job, digest: SimulatedStore.digest(77), failure: nil)
            case 5:
                .commit(
                    Commit(shard: shard, epoch: 1, digest: SimulatedStore.digest(1), size: 1, samples: 1, isTrial: true)
                )
            case 6: .error(text: "?", aboutSequence: 1)
            default: isStranger ? .leaseRequest : .drain
            }
        let peer = PeerAddress([UInt8(worker), 255, 255])
        queue.add(
            at: now + random.pick(1...settings.latency),
            .toCoordinator(Envelope(session: session, sequence: 1, message: message), peer, cluster: cluster))
    }

    func fault() {
        guard !isHealed else { return }
        let worker = random.pick(0...processes.count - 1)
        let choice = random.pick(0...settings.killWeight + 7)
        switch choice {
        case 0:
            // What a job of rounds has come to is not kept: it begins anew, unless its workers may have left for good.
            if settings.hasRounds, store.jobs.allSatisfy({ $0.outcome != nil }) { break }
            killCoordinator()
        case 1: cut(worker)
        case 2:
            outcome.tally[.pauses] += 1
            if random.chance(0.2) {
                coordinatorPausedUntil = now + random.pick(0...2500)
            } else {
                processes[worker].pausedUntil = now + random.pick(0...2500)
            }
        case 3: isCut = isCut.map { _ in (false, false) }
        case 4: diskFullUntil = max(diskFullUntil, now + random.pick(0...800))
        case 5: drain(worker)
        case 6, 7: break
        default: if random.chance(0.7) { kill(worker) }
        }
        queue.add(at: now + random.pick(30...430), .fault)
    }

    private func cut(_ worker: Int) {
        let direction = random.pick(0...2)
        if direction != 1 {
            isCut[worker].to.toggle()
            if isCut[worker].to { outcome.tally[.cuts] += 1 }
        }
        if direction != 2 {
            isCut[worker].from.toggle()
            if isCut[worker].from { outcome.tally[.cuts] += 1 }
        }
    }

    /// Somebody wants a worker to leave: by a signal, or through the coordinator.
    private func drain(_ worker: Int) {
        guard processes[worker].isUp else { return }
        outcome.tally[.drains] += 1
        if random.chance(0.5) {
            if processes[worker].pausedUntil <= now {
                work(worker, random.chance(0.2) ? .stopRequested : .drainRequested)
            }
        } else if isCoordinatorUp, coordinatorPausedUntil <= now {
            let device = settings.workers[worker].device
            step(.drainRequested(.node(device.node, localRank: random.chance(0.5) ? device.localRank : nil)))
        }
    }

    func heal() {
        isHealed = true
        isCut = isCut.map { _ in (false, false) }
        diskFullUntil = 0
        coordinatorPausedUntil = min(coordinatorPausedUntil, now)
        for worker in processes.indices {
            processes[worker].pausedUntil = min(processes[worker].pausedUntil, now)
            if let time = processes[worker].timerAt, time > now {
                // Its timer may have been put off to the end of a pause that is over.
                processes[worker].timerAt = now + 1
                queue.add(at: now + 1, .workerTimer(worker, generation: processes[worker].generation))
            }
        }
        if isCoordinatorUp {
            coordinatorTimerAt = now + 1
            queue.add(at: now + 1, .coordinatorTimer(generation: coordinatorGeneration))
        }
    }
}
