import Calibration
import TestSupport
import Testing
import Wire

@testable import CoordinatorCore

@Suite struct CoordinatorScenarioTests {
    @Test(arguments: try Scenario.all(beside: #filePath).map(\.name))
    func eventsHaveTheEffectsOfTheFile(name: String) throws {
        let scenario = try #require(try Scenario.all(beside: #filePath).first { $0.name == name })
        var configuration = CoordinatorConfiguration()
        configuration.dataEndpoint = "ipc://data"
        configuration.maximumWorkers = 4
        var core = CoordinatorCore(configuration: configuration)
        var recorded: [[String]] = []
        for step in scenario.steps {
            let effects = core.step(try CoordinatorScript.event(step), now: step.time).map(CoordinatorScript.text)
            recorded.append(effects)
            if !Scenario.records {
                #expect(effects == step.effects, "\(name).txt:\(step.line) \(step.words.joined(separator: " "))")
            }
            #expect(core.checkInvariants() == [], "\(name).txt:\(step.line)")
        }
        if Scenario.records { try scenario.record(recorded) }
    }
}

/// The words of coordinator scenarios.
enum CoordinatorScript {
    static func event(_ step: Scenario.Step) throws -> CoordinatorEvent {
        let words = step.words
        switch words[0] {
        case "job": return .submitted(try job(words))
        case "stored": return .stored(try request(words))
        case "missing": return .storeFailed(try request(words), .missing)
        case "later": return .storeFailed(try request(words), .later(text: "the disk is full"))
        case "invalid": return .storeFailed(try request(words), .invalid(text: "not statistics"))
        case "exited": return .workerExited(node: "node-\(words[1])", process: number(words[1]), text: "killed")
        case "abort": return .aborted(.cancelled(text: words[1]))
        case "drain": return .drainRequested
        case "tick": return .deadline
        default:
            let message = try message(words)
            return .received(
                Envelope(session: session(words[0]), sequence: 1, message: message),
                from: PeerAddress(Array(words[0].utf8)))
        }
    }

    private static func message(_ words: [String]) throws -> Message {
        switch words[1] {
        case "hello":
            var hello = Hello(
                build: "test", node: "node-\(words[0])", process: number(words[0]), localRank: 0,
                instructionSet: "avx512")
            for option in words.dropFirst(2) {
                let (key, value) = try pair(option, "=")
                switch key {
                case "isa": hello.instructionSet = value
                case "version": (hello.minimumVersion, hello.maximumVersion) = (UInt32(value) ?? 0, UInt32(value) ?? 0)
                case "holds": hello.resume = [.init(shard: try shard(value), isFinished: false)]
                default: throw ScenarioError(text: "option \(option)")
                }
            }
            return .hello(hello)
        case "ask": return .leaseRequest
        case "beat":
            guard words.count > 2 else { return .heartbeat(progress: [], residentBytes: 0) }
            let samples = Int(words[3]) ?? 0
            return .heartbeat(
                progress: [.init(shard: try shard(words[2]), samples: samples, activity: samples)], residentBytes: 0)
        case "commit":
            return .commit(try commit(words[2], words[3], samples: words.count > 4 ? Int(words[4]) ?? 0 : 2))
        case "fail":
            let classes: [String: FailureClass] = [
                "data": .data, "device": .device, "memory": .memory, "drained": .drained, "internal": .internal,
            ]
            guard let failureClass = classes[words[3]] else { throw ScenarioError(text: "class \(words[3])") }
            return .fail(
                ShardFailure(
                    shard: try shard(words[2]), failureClass: failureClass, text: words[4],
                    sample: words.count > 5 ? Int(words[5]) : nil))
        case "bye": return .goodbye(text: "bye")
        case "nonsense":
            return .welcome(
                Welcome(
                    cluster: session("A"), epoch: 1, heartbeatInterval: .seconds(1), leaseDuration: .seconds(2),
                    dataEndpoint: ""))
        default: throw ScenarioError(text: "event \(words)")
        }
    }

    /// `job SAMPLES [isa=NAME]` with batches of one sample and two batches in a shard.
    private static func job(_ words: [String]) throws -> CoordinatorJob {
        let digest = ContentDigest(of: [1])
        let specification = try JobSpecification(
            model: [.init(path: "m.onnx", digest: digest, byteCount: 1)], dataDigest: digest,
            sampleCount: Int(words[1]) ?? 0, batchSize: 1, batchesPerShard: 2, observedTensors: [],
            collectsHistograms: true, requiredInstructionSet: words.count > 2 ? try pair(words[2], "=").1 : nil)
        return CoordinatorJob(id: 1, plan: try CalibrationPlan(specification), deliveryDigest: digest)
    }

    private static func request(_ words: [String]) throws -> StoreRequest {
        StoreRequest(session: session(words[1]), commit: try commit(words[2], words[3], samples: 2))
    }

    private static func commit(_ text: String, _ digest: String, samples: Int) throws -> Commit {
        Commit(
            shard: try shard(text), epoch: 1, digest: ContentDigest(of: Array(digest.utf8)), size: 10, samples: samples)
    }

    private static func shard(_ text: String) throws -> ShardReference {
        let (shard, attempt) = try pair(text, "/")
        return ShardReference(job: 1, shard: Int(shard) ?? -1, attempt: Int(attempt) ?? -1)
    }

    private static func pair(_ text: String, _ separator: Character) throws -> (String, String) {
        let parts = text.split(separator: separator, maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw ScenarioError(text: "'\(text)' has no '\(separator)'") }
        return (parts[0], parts[1])
    }

    private static func number(_ name: String) -> Int { Int(name.utf8.first ?? 0) }

    private static func session(_ name: String) -> SessionID { SessionID(high: 0, low: UInt64(number(name))) }

    private static func name(_ session: SessionID) -> String {
        String(decoding: [UInt8(truncatingIfNeeded: session.low)], as: UTF8.self)
    }

    /// An effect in one line.
    static func text(_ effect: CoordinatorEffect) -> String {
        switch effect {
        case .send(let message, let session, _): "\(name(session)): \(text(message))"
        case .store(let request): "store \(name(request.session)) \(text(request.commit.shard))"
        case .report(let occurrence): "report \(text(occurrence))"
        case .completed: "completed"
        case .failed(let failure): "failed: \(failure)"
        }
    }

    private static func text(_ shard: ShardReference) -> String { "\(shard.shard)/\(shard.attempt)" }

    private static func text(_ message: Message) -> String {
        switch message {
        case .lease(let lease): "Lease \(text(lease.shard))"
        case .wait(let retryAfter): "Wait \(retryAfter)"
        case .done(let reason, let why): "Done \(reason) \(why)"
        case .heartbeatAck(let cancel, let drain):
            "HeartbeatAck cancel=\(cancel.map { text($0) })\(drain ? " drain" : "")"
        case .commitAck(let shard, let result, let retryAfter, _):
            "CommitAck \(text(shard)) \(result)\(retryAfter.map { " after \($0)" } ?? "")"
        case .failAck(let shard): "FailAck \(text(shard))"
        case .reject(let code, let why, _): "Reject \(code): \(why)"
        default: message.kind.rawValue
        }
    }

    private static func text(_ occurrence: CoordinatorOccurrence) -> String {
        switch occurrence {
        case .workerJoined(let session, _, _): "joined \(name(session))"
        case .workerRejected(let node, _, _): "rejected \(node)"
        case .workerLeft(let session, _, _, let why): "left \(name(session)): \(why)"
        case .shardCommitted(let shard, let session): "committed \(shard) by \(name(session))"
        case .shardReturned(let shard, let session, let why): "returned \(shard) by \(name(session)): \(why)"
        case .conflict(let shard, let session, _, _): "conflict \(shard) by \(name(session))"
        }
    }
}
