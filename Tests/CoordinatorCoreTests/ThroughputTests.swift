import Calibration
import CoordinatorCore
import Testing
import Wire

/// Nothing that a message causes may take time that grows with the shards of a job.
@Suite struct ThroughputTests {
    /// Runs a job of one sample per shard with 300 workers, message by message.
    ///
    /// - Returns: How long it took, and how many messages and answers of the store there were.
    private static func run(shards: Int) throws -> (elapsed: Duration, events: Int) {
        let digest = ContentDigest(of: [1])
        let plan = try CalibrationPlan(
            JobSpecification(
                model: [.init(path: "m.onnx", digest: digest, byteCount: 1)], dataDigest: digest, sampleCount: shards,
                batchSize: 1, batchesPerShard: 1, observedTensors: [], collectsHistograms: true))
        var core = CoordinatorCore(configuration: CoordinatorConfiguration())
        var now = Duration.zero
        var events = 0
        var waiting: [CoordinatorEvent] = [.submitted(CoordinatorJob(id: 1, plan: plan, deliveryDigest: digest))]
        let sessions = (0..<300).map { SessionID(high: 0, low: UInt64($0)) }
        func message(_ message: Message, _ session: SessionID) -> CoordinatorEvent {
            let peer = PeerAddress([UInt8(session.low & 255), UInt8(session.low >> 8)])
            return .received(Envelope(session: session, sequence: 1, message: message), from: peer)
        }
        for session in sessions {
            let hello = Hello(
                build: "b", node: "n\(session.low / 8)", process: 1, localRank: Int(session.low % 8), instructionSet: ""
            )
            waiting += [message(.hello(hello), session), message(.leaseRequest, session)]
        }
        var isOver = false
        let start = ContinuousClock.now
        var next = 0
        while next < waiting.count, !isOver {
            let event = waiting[next]
            next += 1
            if next == 100_000 {
                waiting.removeFirst(next)
                next = 0
            }
            now += .microseconds(50)
            events += 1
            if let deadline = core.nextDeadline, deadline <= now { _ = core.step(.deadline, now: now) }
            for effect in core.step(event, now: now) {
                switch effect {
                case .send(.lease(let lease), let session, _):
                    let progress = ShardProgress(shard: lease.shard, samples: 1, activity: 1)
                    waiting.append(message(.heartbeat(progress: [progress], residentBytes: 1), session))
                    waiting.append(
                        message(
                            .commit(Commit(shard: lease.shard, epoch: 1, digest: digest, size: 1, samples: 1)), session)
                    )
                case .store(let request): waiting.append(.stored(request))
                case .send(.commitAck, let session, _): waiting.append(message(.leaseRequest, session))
                case .finalize: isOver = true
                default: break
                }
            }
        }
        #expect(isOver && core.committedShards(ofJob: 1) == shards)
        return (ContinuousClock.now - start, events)
    }

    @Test(.timeLimit(.minutes(1))) func fiftyThousandShardsAreHandledQuickly() throws {
        let (elapsed, events) = try Self.run(shards: 50_000)
        // The bar is 1,000 shards a second on a quiet machine; this only notices when something grows with the job.
        #expect(elapsed < .seconds(50), "\(events) events in \(elapsed)")
    }
}
