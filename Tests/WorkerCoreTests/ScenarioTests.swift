import Calibration
import TestSupport
import Testing
import Wire

@testable import WorkerCore

@Suite struct WorkerScenarioTests {
    @Test(arguments: try Scenario.all(beside: #filePath).map(\.name))
    func eventsHaveTheEffectsOfTheFile(name: String) throws {
        let scenario = try #require(try Scenario.all(beside: #filePath).first { $0.name == name })
        var configuration = WorkerConfiguration(
            hello: Hello(build: "test", node: "n", process: 1, localRank: 0, instructionSet: "avx512"),
            session: WorkerScript.session)
        configuration.lifetime = .seconds(3600)
        configuration.memoryLimit = 1000 << 20
        var core = WorkerCore(configuration: configuration)
        var recorded: [[String]] = []
        for step in scenario.steps {
            let effects = core.step(try WorkerScript.event(step), now: step.time).map(WorkerScript.text)
            recorded.append(effects)
            if !Scenario.records {
                #expect(effects == step.effects, "\(name).txt:\(step.line) \(step.words.joined(separator: " "))")
            }
            #expect(core.checkInvariants() == [], "\(name).txt:\(step.line)")
        }
        if Scenario.records { try scenario.record(recorded) }
    }
}

/// The words of worker scenarios.
enum WorkerScript {
    static let session = SessionID(high: 7, low: 7)
    private static let digest = ContentDigest(of: [1])

    static func event(_ step: Scenario.Step) throws -> WorkerEvent {
        let words = step.words
        switch words[0] {
        case "start": return .started
        case "progress": return .progressed(.init(shard: try shard(words[1]), samples: 3, activity: 3))
        case "computed": return .computed(try shard(words[1]), digest: digest, size: 10, samples: 4)
        case "broke": return .failed(.init(shard: try shard(words[1]), failureClass: .device, text: "e"))
        case "drain": return .drainRequested
        case "terminate": return .stopRequested
        case "loaded": return .modelLoaded(digest, failure: words.count > 1 ? words[1] : nil)
        case "memory": return .measured(residentBytes: (Int(words[1]) ?? 0) << 20)
        case "tick": return .deadline
        case "stranger": return .received(Envelope(session: SessionID(high: 0, low: 0), sequence: 1, message: .drain))
        default: return .received(Envelope(session: session, sequence: 1, message: try message(words)))
        }
    }

    private static func message(_ words: [String]) throws -> Message {
        switch words[0] {
        case "Welcome":
            return .welcome(
                Welcome(
                    cluster: words.count > 1 ? SessionID(high: 9, low: 9) : session, epoch: 1,
                    heartbeatInterval: .seconds(5), leaseDuration: .seconds(30),
                    dataEndpoint: "ipc://data"))
        case "Reject":
            return .reject(code: .version, text: "too old", retryAfter: words.count > 1 ? .seconds(9) : nil)
        case "Unknown": return .unknown
        case "Lease":
            return .lease(
                Lease(
                    shard: try shard(words[1]), epoch: 1, specificationDigest: digest, deliveryDigest: digest,
                    planDigest: digest, progressTimeout: .seconds(60),
                    purpose: words.count < 3 ? .count : words[2] == "trial" ? .trial(3..<5) : .compare))
        case "ModelReady": return .modelReady(JobModel(digest: digest, size: 4), job: 1)
        case "Wait": return .wait(retryAfter: .seconds(3))
        case "Done": return .done(reason: .completed, text: "")
        case "HeartbeatAck":
            return .heartbeatAck(
                cancel: words.count > 1 && words[1] != "drain" ? [try shard(words[1])] : [],
                drain: words.last == "drain")
        case "CommitAck":
            guard let result = CommitResult.allCases.first(where: { "\($0)" == words[2] }) else {
                throw ScenarioError(text: "result \(words[2])")
            }
            return .commitAck(
                shard: try shard(words[1]), result: result, retryAfter: result == .retry ? .seconds(8) : nil, text: "")
        case "FailAck": return .failAck(shard: try shard(words[1]))
        case "Drain": return .drain
        case "Nonsense": return .leaseRequest
        default: throw ScenarioError(text: "event \(words)")
        }
    }

    private static func shard(_ text: String) throws -> ShardReference {
        let parts = text.split(separator: "/").compactMap { Int($0) }
        guard parts.count == 2 else { throw ScenarioError(text: "shard \(text)") }
        return ShardReference(job: 1, shard: parts[0], attempt: parts[1])
    }

    /// An effect in one line.
    static func text(_ effect: WorkerEffect) -> String {
        switch effect {
        case .send(let message): "send \(text(message))"
        case .connectData(let endpoint, _): "connect \(endpoint)"
        case .compute(let lease): "compute \(text(lease.shard))"
        case .loadModel(_, let job): "load the model of job \(job)"
        case .upload(let shard): "upload \(text(shard))"
        case .abandon(let shard): "abandon \(text(shard))"
        case .stop(let exit): "stop \(exit)"
        }
    }

    private static func text(_ shard: ShardReference) -> String { "\(shard.shard)/\(shard.attempt)" }

    private static func text(_ message: Message) -> String {
        switch message {
        case .hello(let hello):
            "Hello" + hello.resume.map { " holds \(text($0.shard))\($0.isFinished ? " finished" : "")" }.joined()
        case .heartbeat(let progress, _): "Heartbeat" + progress.map { " \(text($0.shard)) \($0.samples)" }.joined()
        case .commit(let commit): "Commit \(text(commit.shard))\(commit.isTrial ? " trial" : "")"
        case .modelLoaded(let job, _, let failure): "ModelLoaded \(job)\(failure.map { ": \($0)" } ?? "")"
        case .fail(let failure): "Fail \(text(failure.shard)) \(failure.failureClass)"
        default: message.kind.rawValue
        }
    }
}
