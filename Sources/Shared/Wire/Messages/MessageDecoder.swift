internal import Calibration
internal import Foundation

/// Protobuf values as messages; every field is checked.
enum MessageDecoder {
    /// The message in the body of an envelope.
    static func message(_ body: ProtoEnvelope.OneOf_Body) throws(WireError) -> Message {
        switch body {
        case .hello(let value): .hello(try hello(value))
        case .welcome(let value): .welcome(try welcome(value))
        case .reject(let value):
            .reject(
                code: try known(RejectCode(rawValue: value.code.rawValue), "Reject.code"),
                text: try text(value.text, "Reject.text"),
                retryAfter: value.retryMilliseconds == 0 ? nil : .milliseconds(Int(value.retryMilliseconds)))
        case .unknown: .unknown
        case .leaseRequest: .leaseRequest
        case .lease(let value): .lease(try lease(value))
        case .wait(let value): .wait(retryAfter: .milliseconds(Int(value.retryMilliseconds)))
        case .done(let value):
            .done(
                reason: try known(DoneReason(rawValue: value.reason.rawValue), "Done.reason"),
                text: try text(value.text, "Done.text"))
        case .heartbeat(let value):
            .heartbeat(
                progress: try entries(value.progress, "Heartbeat.progress").map(progress),
                residentBytes: try integer(value.residentBytes, "Heartbeat.resident_bytes", below: 1 << 56))
        case .heartbeatAck(let value):
            .heartbeatAck(
                cancel: try entries(value.cancel, "HeartbeatAck.cancel").map(shard), drain: value.drain)
        case .commit(let value): .commit(try commit(value))
        case .commitAck(let value):
            .commitAck(
                shard: try shard(value.shard),
                result: try known(CommitResult(rawValue: value.result.rawValue), "CommitAck.result"),
                retryAfter: value.retryMilliseconds == 0 ? nil : .milliseconds(Int(value.retryMilliseconds)),
                text: try text(value.text, "CommitAck.text"))
        case .fail(let value): .fail(try failure(value))
        case .failAck(let value): .failAck(shard: try shard(value.shard))
        case .drain: .drain
        case .goodbye(let value): .goodbye(text: try text(value.text, "Goodbye.text"))
        case .error(let value):
            .error(text: try text(value.text, "Error.text"), aboutSequence: value.aboutSequence)
        case .modelReady, .modelLoaded, .clientRequest, .clientAnswer: try service(body)
        case .get, .chunk, .putOpen, .putNeed, .putChunk, .putAck, .sampleRequest, .sampleChunk: try transfer(body)
        }
    }

    private static func service(_ body: ProtoEnvelope.OneOf_Body) throws(WireError) -> Message {
        switch body {
        case .modelReady(let value):
            .modelReady(
                JobModel(
                    digest: try digest(value.digest, "ModelReady.digest"),
                    size: try integer(value.size, "ModelReady.size", below: WireLimits.blobBytes + 1)),
                job: value.job)
        case .modelLoaded(let value):
            .modelLoaded(
                job: value.job, digest: try digest(value.digest, "ModelLoaded.digest"),
                failure: value.text.isEmpty ? nil : try text(value.text, "ModelLoaded.text"))
        case .clientRequest(let value): .clientRequest(try clientRequest(value))
        case .clientAnswer(let value): .clientAnswer(try clientAnswer(value))
        default: throw .field("body")
        }
    }

    private static func transfer(_ body: ProtoEnvelope.OneOf_Body) throws(WireError) -> Message {
        switch body {
        case .get(let value):
            .get(
                digest: try digest(value.digest, "Get.digest"), offset: try offset(value.offset, "Get.offset"),
                chunks: try credit(value.chunks, "Get.chunks"))
        case .chunk(let value):
            .chunk(
                digest: try digest(value.digest, "Chunk.digest"), offset: try offset(value.offset, "Chunk.offset"),
                total: try integer(value.total, "Chunk.total", below: WireLimits.blobBytes + 1))
        case .putOpen(let value):
            .putOpen(
                digest: try digest(value.digest, "PutOpen.digest"),
                size: try integer(value.size, "PutOpen.size", below: WireLimits.statisticsBytes + 1))
        case .putNeed(let value):
            .putNeed(
                digest: try digest(value.digest, "PutNeed.digest"), offset: try offset(value.offset, "PutNeed.offset"),
                chunks: try credit(value.chunks, "PutNeed.chunks"))
        case .putChunk(let value):
            .putChunk(
                digest: try digest(value.digest, "PutChunk.digest"),
                offset: try offset(value.offset, "PutChunk.offset"))
        case .putAck(let value):
            .putAck(
                digest: try digest(value.digest, "PutAck.digest"),
                received: try offset(value.received, "PutAck.received"),
                chunks: try credit(value.chunks, "PutAck.chunks"))
        case .sampleRequest(let value):
            .sampleRequest(
                job: value.job, sample: try integer(value.sample, "SampleRequest.sample", below: 1 << 31),
                offset: try integer(value.offset, "SampleRequest.offset", below: WireLimits.sampleBytes),
                chunks: try credit(value.chunks, "SampleRequest.chunks"))
        case .sampleChunk(let value):
            .sampleChunk(
                job: value.job, sample: try integer(value.sample, "SampleChunk.sample", below: 1 << 31),
                offset: try integer(value.offset, "SampleChunk.offset", below: WireLimits.sampleBytes),
                total: try integer(value.total, "SampleChunk.total", below: WireLimits.sampleBytes + 1),
                digest: try digest(value.digest, "SampleChunk.digest"))
        default: throw .field("body")
        }
    }
}
