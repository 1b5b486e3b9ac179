import Calibration
import TestSupport
import Wire

/// Draws messages of every kind.
enum MessageSamples {
    static func packet(_ kind: Message.Kind, using generator: inout SeededGenerator) -> Packet {
        let session = SessionID.random(using: &generator)
        let message = message(kind, using: &generator)
        let payload =
            kind.hasPayload
            ? (0..<Int.random(in: 0...300, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            : []
        return Packet(
            Envelope(session: session, sequence: generator.next(), message: message), payload: payload)
    }

    static func message(_ kind: Message.Kind, using generator: inout SeededGenerator) -> Message {
        func random(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &generator) }
        let digest = ContentDigest(of: [UInt8(random(256))])
        let shard = ShardReference(job: UInt64(random(9)), shard: random(1 << 31), attempt: random(1 << 20))
        let text = String(repeating: "ü", count: random(40))
        let wait = Duration.milliseconds(1 + random(100_000))
        switch kind {
        case .hello:
            return .hello(
                Hello(
                    minimumVersion: 1, maximumVersion: UInt32(1 + random(3)), build: text, node: "n",
                    process: random(99_999),
                    localRank: random(16), instructionSet: "avx512",
                    resume: (0..<random(4)).map { .init(shard: shard, isFinished: $0 == 0) }))
        case .welcome:
            return .welcome(
                Welcome(
                    cluster: SessionID(high: 1, low: UInt64(random(99))), epoch: 3,
                    heartbeatInterval: .milliseconds(100),
                    leaseDuration: .seconds(30), dataEndpoint: "tcp://*:7789"))
        case .reject: return .reject(code: .instructionSet, text: text, retryAfter: random(2) == 0 ? nil : wait)
        case .unknown: return .unknown
        case .leaseRequest: return .leaseRequest
        case .lease:
            return .lease(
                Lease(
                    shard: shard, epoch: 1, specificationDigest: digest, deliveryDigest: digest, planDigest: digest,
                    progressTimeout: wait, purpose: [.count, .compare, .trial(7..<8 + random(1 << 20))][random(3)],
                    excluded: (0..<random(5)).map { $0 * 7 + 1_000_000 }))
        case .wait: return .wait(retryAfter: wait)
        case .done: return .done(reason: DoneReason.allCases[random(3)], text: text)
        case .heartbeat:
            return .heartbeat(
                progress: (0..<random(5)).map { .init(shard: shard, samples: $0, activity: $0 * 7) },
                residentBytes: random(1 << 40))
        case .heartbeatAck: return .heartbeatAck(cancel: (0..<random(5)).map { _ in shard }, drain: random(2) == 0)
        case .commit:
            return .commit(
                Commit(
                    shard: shard, epoch: 1, digest: digest, size: random(1 << 20), samples: random(1 << 20),
                    isTrial: random(2) == 0))
        case .commitAck:
            return .commitAck(shard: shard, result: CommitResult.allCases[random(6)], retryAfter: wait, text: text)
        case .fail:
            return .fail(
                ShardFailure(
                    shard: shard, failureClass: FailureClass.allCases[random(5)], text: text,
                    sample: random(2) == 0 ? nil : random(1000)))
        case .failAck: return .failAck(shard: shard)
        case .drain: return .drain
        case .goodbye: return .goodbye(text: text)
        case .error: return .error(text: text, aboutSequence: 4)
        case .modelReady:
            return .modelReady(JobModel(digest: digest, size: random(1 << 40)), job: 1 + UInt64(random(9)))
        case .modelLoaded: return .modelLoaded(job: 3, digest: digest, failure: random(2) == 0 ? nil : text + "x")
        case .clientRequest:
            return .clientRequest(
                ClientRequest(
                    id: .random(using: &generator), kind: ClientRequest.Kind.allCases[random(7)],
                    job: random(2) == 0 ? nil : 5, text: text, offset: random(1 << 30)))
        case .clientAnswer:
            return .clientAnswer(
                ClientAnswer(
                    id: .random(using: &generator), status: random(600), total: random(1 << 30),
                    offset: random(1 << 30),
                    content: (0..<random(300)).map { UInt8(truncatingIfNeeded: $0) }))
        case .get: return .get(digest: digest, offset: random(1 << 40), chunks: random(17))
        case .chunk: return .chunk(digest: digest, offset: random(1 << 40), total: 1 << 40)
        case .putOpen: return .putOpen(digest: digest, size: random(1 << 28))
        case .putNeed: return .putNeed(digest: digest, offset: random(1 << 28), chunks: random(17))
        case .putChunk: return .putChunk(digest: digest, offset: random(1 << 28))
        case .putAck: return .putAck(digest: digest, received: random(1 << 28), chunks: random(17))
        case .sampleRequest: return .sampleRequest(job: 1, sample: random(1 << 31), offset: random(1 << 30), chunks: 4)
        case .sampleChunk:
            return .sampleChunk(
                job: 1, sample: random(1 << 31), offset: random(1 << 30), total: 1 << 30, digest: digest)
        }
    }
}
