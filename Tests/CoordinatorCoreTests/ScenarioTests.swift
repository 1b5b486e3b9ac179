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
        configuration.dismissesWorkers = true
        if let options = scenario.steps.first?.words, options[0] == "config" {
            for option in options.dropFirst() { try CoordinatorScript.configure(&configuration, option) }
        }
        var core = CoordinatorCore(configuration: configuration)
        var recorded: [[String]] = []
        /// Decisions that were not answered, oldest first.
        var decisions: [Decision] = []
        for step in scenario.steps {
            var effects: [String] = []
            if step.words[0] != "config" {
                let event = try CoordinatorScript.event(step, decisions: &decisions)
                let all = core.step(event, now: step.time)
                for case .record(let decision) in all { decisions.append(decision) }
                effects = all.map(CoordinatorScript.text)
            }
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
    static func configure(_ configuration: inout CoordinatorConfiguration, _ option: String) throws {
        switch option {
        case "daemon": configuration.dismissesWorkers = false
        case "epoch=2": configuration.epoch = 2
        default: throw ScenarioError(text: "option \(option)")
        }
    }

    /// Takes the oldest decision of a kind.
    private static func take(_ kind: String, from decisions: inout [Decision]) throws -> Decision {
        guard let index = decisions.firstIndex(where: { text($0).hasPrefix(kind) }) else {
            throw ScenarioError(text: "no \(kind) is to be recorded")
        }
        return decisions.remove(at: index)
    }

    static func event(_ step: Scenario.Step, decisions: inout [Decision]) throws -> CoordinatorEvent {
        let words = step.words
        switch words[0] {
        case "recorded": return .recorded(try take(words[1], from: &decisions))
        case "refused": return .recordFailed(try take(words[1], from: &decisions), text: "the disk is full")
        case "recovered": return .recovered(try recovered(words))
        case "finalized":
            let job = UInt64(words[1]) ?? 0
            switch words[2] {
            case "model": return .finalized(job: job, .completed(JobModel(digest: ContentDigest(of: [9]), size: 9)))
            case "nothing": return .finalized(job: job, .completed(nil))
            case "later": return .finalized(job: job, .later(text: "the disk is full"))
            default: return .finalized(job: job, .failed(.conversion(text: words[2])))
            }
        case "revoked": return .sessionRevoked(session(words[1]), text: "its key was revoked")
        case "job": return .submitted(try job(words))
        case "stored": return .stored(try request(words))
        case "missing": return .storeFailed(try request(words), .missing)
        case "later": return .storeFailed(try request(words), .later(text: "the disk is full"))
        case "invalid": return .storeFailed(try request(words), .invalid(text: "not statistics"))
        case "round":
            return .roundOpened(job: UInt64(words[1]) ?? 0, shards: Int(words[2]) ?? 0, input: input(words[3]))
        case "exited": return .workerExited(node: "node-\(words[1])", process: number(words[1]), text: "killed")
        case "abort": return .aborted(job: UInt64(words[1]) ?? 0, .cancelled(text: words[2]))
        case "drain":
            guard words.count > 1 else { return .drainRequested(.all) }
            return .drainRequested(.node("node-\(words[1])", localRank: words.count > 2 ? Int(words[2]) : nil))
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
                case "node": hello.node = "node-\(value)"
                case "rank": hello.localRank = Int(value) ?? 0
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
            var commit = try commit(words[2], words[3], samples: words.count > 4 ? Int(words[4]) ?? 0 : 2)
            commit.isTrial = words[3] == "trial"
            return .commit(commit)
        case "loaded":
            return .modelLoaded(
                job: UInt64(words[2]) ?? 0, digest: ContentDigest(of: [9]), failure: words.count > 3 ? words[3] : nil)
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

    /// `job SAMPLES [isa=NAME] [id=NUMBER] [per=BATCHES] [priority=NUMBER] [audit=PERCENT] [skip] [rounds=SHARDS]` with
    /// batches of one sample and two batches in a shard unless `per` says otherwise; the first round computes with `in0`.
    private static func job(_ words: [String]) throws -> CoordinatorJob {
        var options: [String: String] = [:]
        for word in words.dropFirst(2) {
            let (key, value) = word.contains("=") ? try pair(word, "=") : (word, "")
            options[key] = value
        }
        let digest = ContentDigest(of: [1])
        let specification = try JobSpecification(
            model: [.init(path: "m.onnx", digest: digest, byteCount: 1)], dataDigest: digest,
            sampleCount: Int(words[1]) ?? 0, batchSize: 1, batchesPerShard: options["per"].flatMap { Int($0) } ?? 2,
            observedTensors: [], collectsHistograms: true, requiredInstructionSet: options["isa"])
        var job = CoordinatorJob(
            id: options["id"].flatMap { UInt64($0) } ?? 1, plan: try CalibrationPlan(specification),
            deliveryDigest: digest)
        job.priority = options["priority"].flatMap { Int($0) } ?? 0
        job.auditPercent = options["audit"].flatMap { Double($0) } ?? 0
        job.poisonPolicy = options["skip"] == nil ? .fail : .skip
        job.rounds = options["rounds"].flatMap { Int($0) }.map {
            JobRounds(shardsPerRound: $0, firstInput: input("in0"))
        }
        return job
    }

    /// `recovered SAMPLES JOB-OPTIONS... [counted=SHARD/SESSION,...] [blamed=SHARD/SESSION,...] [without=SAMPLE,...]
    /// [bad=SESSION]`: one running job; a shard's digest is that of its number.
    private static func recovered(_ words: [String]) throws -> RecoveredState {
        let own = ["counted", "blamed", "without", "bad", "ended"]
        let isOwn = { (word: String) in own.contains { word.hasPrefix($0 + "=") } }
        var job = RecoveredJob(job: try job(words.filter { !isOwn($0) }))
        var state = RecoveredState()
        for word in words where isOwn(word) {
            let (key, list) = try pair(word, "=")
            for entry in list.split(separator: ",").map(String.init) {
                switch key {
                case "without": job.skipped.append(Int(entry) ?? -1)
                case "bad": state.quarantined.append(device(entry))
                case "ended": job.outcome = .completed(JobModel(digest: ContentDigest(of: [9]), size: 9))
                default:
                    let (shard, name) = try pair(entry, "/")
                    let index = Int(shard) ?? -1
                    if key == "counted" {
                        let digest = ContentDigest(of: Array("d\(index)".utf8))
                        job.committed.append(.init(index: index, digest: digest, device: device(name)))
                    } else {
                        job.decisions.append(
                            .blamed(job: job.job.id, shard: index, session: session(name), device: device(name)))
                    }
                }
            }
        }
        state.jobs = [job]
        return state
    }

    /// What a round computes with: `in0`, `in1`, ...
    private static func input(_ name: String) -> ContentDigest { ContentDigest(of: Array(name.utf8)) }

    private static func device(_ name: String) -> Device { Device(node: "node-\(name)", localRank: 0) }

    private static func request(_ words: [String]) throws -> StoreRequest {
        guard words[1] != "-" else {
            let digest = ContentDigest(of: [])
            return StoreRequest(
                session: nil, device: nil,
                commit: Commit(shard: try shard(words[2]), epoch: 1, digest: digest, size: 0, samples: 0))
        }
        let rank = words.count > 5 ? Int(words[5]) ?? 0 : 0
        let device = Device(node: words.count > 5 ? "node-x" : device(words[1]).node, localRank: rank)
        return StoreRequest(
            session: session(words[1]), device: device,
            commit: try commit(words[2], words[3], samples: words.count > 4 ? Int(words[4]) ?? 0 : 2))
    }

    private static func commit(_ text: String, _ digest: String, samples: Int) throws -> Commit {
        Commit(
            shard: try shard(text), epoch: 1, digest: ContentDigest(of: Array(digest.utf8)), size: 10, samples: samples)
    }

    private static func shard(_ text: String) throws -> ShardReference {
        let (number, attempt) = try pair(text, "/")
        let parts = number.contains(":") ? try pair(number, ":") : ("1", number)
        return ShardReference(job: UInt64(parts.0) ?? 0, shard: Int(parts.1) ?? -1, attempt: Int(attempt) ?? -1)
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
        case .store(let request): "store \(request.session.map(name) ?? "-") \(text(request.commit.shard))"
        case .record(let decision): "record \(text(decision))"
        case .finalize(let job, let conflicts): "finalize \(job)\(conflicts.isEmpty ? "" : " conflicts=\(conflicts)")"
        case .ended(let job, .completed(let model)): "ended \(job): completed\(model == nil ? "" : " with a model")"
        case .ended(let job, .failed(let failure)): "ended \(job): \(failure)"
        case .report(let occurrence): "report \(text(occurrence))"
        }
    }

    private static func text(_ decision: Decision) -> String {
        switch decision {
        case .ended(let job, let failure): "end of \(job): \(failure)"
        case .skipped(let job, let sample, let why): "skip of \(job)'s sample \(sample): \(why)"
        case .quarantined(let device, let why, let resets): "quarantine of \(device), resets \(resets): \(why)"
        case .disputed(_, let shard, let device, _): "dispute of \(shard) by \(device)"
        case .blamed(_, let shard, let session, _): "blame of \(shard) by \(name(session))"
        }
    }

    private static func text(_ shard: ShardReference) -> String {
        "\(shard.job == 1 ? "" : "\(shard.job):")\(shard.shard)/\(shard.attempt)"
    }

    private static func text(_ message: Message) -> String {
        switch message {
        case .lease(let lease):
            "Lease \(text(lease.shard))\(text(lease.purpose))\(text(excluded: lease.excluded))"
                + text(input: lease.inputDigest)
        case .modelReady(_, let job): "ModelReady \(job)"
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

    private static func text(_ purpose: LeasePurpose) -> String {
        switch purpose {
        case .count: ""
        case .compare: " to compare"
        case .trial(let samples): " trial of \(samples.lowerBound)..<\(samples.upperBound)"
        }
    }

    private static func text(input digest: ContentDigest?) -> String {
        guard let digest else { return "" }
        return " with \((0...9).map { "in\($0)" }.first { input($0) == digest } ?? "\(digest)")"
    }

    private static func text(excluded: [Int]) -> String { excluded.isEmpty ? "" : " without \(excluded)" }

    private static func text(_ occurrence: CoordinatorOccurrence) -> String {
        switch occurrence {
        case .workerJoined(let session, _, _): "joined \(name(session))"
        case .workerRejected(let node, _, _): "rejected \(node)"
        case .workerLeft(let session, _, _, let why): "left \(name(session)): \(why)"
        case .shardCommitted(_, let shard, let session, _, _): "committed \(shard) by \(session.map(name) ?? "nobody")"
        case .shardReturned(_, let shard, let session, let why): "returned \(shard) by \(name(session)): \(why)"
        case .shardSpeculated(_, let shard, let session): "second attempt at \(shard) by \(name(session))"
        case .bisectionStarted(_, let shard, let losses): "bisection of \(shard) after \(losses) losses"
        case .sampleSkipped(_, let sample, let why): "skipped sample \(sample): \(why)"
        case .conflict(_, let shard, let session, _, _): "conflict \(shard) by \(name(session))"
        case .deviceQuarantined(let device, let why): "quarantined \(device): \(why)"
        case .jobReset(let job, let device): "reset of \(job) because of \(device)"
        case .resultInDoubt(let job, let device): "result of \(job) in doubt because of \(device)"
        case .auditSkipped(_, let shards): "skipped the audit of \(shards) shards"
        case .modelNotLoaded(let job, let session, let why): "model of \(job) not loaded by \(name(session)): \(why)"
        case .storeRefuses(let why): "store refuses: \(why)"
        case .storeRecovered: "store recovered"
        }
    }
}
