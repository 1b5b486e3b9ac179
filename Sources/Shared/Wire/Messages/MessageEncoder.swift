internal import Calibration
internal import Foundation

/// Messages as protobuf values.
enum MessageEncoder {
    /// The body of an envelope for a message.
    static func body(_ message: Message) throws(WireError) -> ProtoEnvelope.OneOf_Body {
        switch message {
        case .hello(let hello): .hello(try encode(hello))
        case .welcome(let welcome): .welcome(try encode(welcome))
        case .reject(let code, let text, let retryAfter):
            .reject(
                try .make { (value: inout ProtoReject) throws(WireError) in
                    value.code = ProtoRejectCode(rawValue: code.rawValue) ?? .rejectUnspecified
                    value.text = WireLimits.cut(text)
                    if let retryAfter { value.retryMilliseconds = try milliseconds(retryAfter) }
                })
        case .unknown: .unknown(ProtoUnknown())
        case .leaseRequest: .leaseRequest(ProtoLeaseRequest())
        case .lease(let lease): .lease(try encode(lease))
        case .wait(let retryAfter):
            .wait(
                try .make { (value: inout ProtoWait) throws(WireError) in
                    value.retryMilliseconds = try milliseconds(retryAfter)
                })
        case .done(let reason, let text):
            .done(
                .make {
                    $0.reason = ProtoDoneReason(rawValue: reason.rawValue) ?? .doneUnspecified
                    $0.text = WireLimits.cut(text)
                })
        case .heartbeat(let progress, let residentBytes):
            .heartbeat(
                try .make { (value: inout ProtoHeartbeat) throws(WireError) in
                    value.progress = try progress.prefix(WireLimits.entries).map(encode)
                    value.residentBytes = try unsigned(residentBytes)
                })
        case .heartbeatAck(let cancel, let drain):
            .heartbeatAck(
                try .make { (value: inout ProtoHeartbeatAck) throws(WireError) in
                    value.cancel = try cancel.prefix(WireLimits.entries).map(encode)
                    value.drain = drain
                })
        case .modelReady, .modelLoaded, .clientRequest, .clientAnswer: try service(message)
        case .commit, .commitAck, .fail, .failAck, .drain, .goodbye, .error: try outcome(message)
        case .get, .chunk, .putOpen, .putNeed, .putChunk, .putAck, .sampleRequest, .sampleChunk: try transfer(message)
        }
    }

    private static func outcome(_ message: Message) throws(WireError) -> ProtoEnvelope.OneOf_Body {
        switch message {
        case .commit(let commit): .commit(try encode(commit))
        case .commitAck(let shard, let result, let retryAfter, let text):
            .commitAck(
                try .make { (value: inout ProtoCommitAck) throws(WireError) in
                    value.shard = try encode(shard)
                    value.result = ProtoCommitResult(rawValue: result.rawValue) ?? .commitUnspecified
                    if let retryAfter { value.retryMilliseconds = try milliseconds(retryAfter) }
                    value.text = WireLimits.cut(text)
                })
        case .fail(let failure):
            .fail(
                try .make { (value: inout ProtoFail) throws(WireError) in
                    value.shard = try encode(failure.shard)
                    value.failureClass =
                        ProtoFailureClass(rawValue: failure.failureClass.rawValue) ?? .failureUnspecified
                    value.text = WireLimits.cut(failure.text)
                    if let sample = failure.sample { value.samplePlusOne = try unsigned(sample) + 1 }
                })
        case .failAck(let shard):
            .failAck(try .make { (value: inout ProtoFailAck) throws(WireError) in value.shard = try encode(shard) })
        case .drain: .drain(ProtoDrain())
        case .goodbye(let text): .goodbye(.make { $0.text = WireLimits.cut(text) })
        case .error(let text, let aboutSequence):
            .error(
                .make {
                    $0.text = WireLimits.cut(text)
                    $0.aboutSequence = aboutSequence
                })
        default: throw .misplaced(message.kind)
        }
    }

    private static func service(_ message: Message) throws(WireError) -> ProtoEnvelope.OneOf_Body {
        switch message {
        case .modelReady(let model, let job):
            .modelReady(
                try .make { (value: inout ProtoModelReady) throws(WireError) in
                    value.job = job
                    value.digest = Data(model.digest.bytes)
                    value.size = try unsigned(model.size)
                })
        case .modelLoaded(let job, let digest, let failure):
            .modelLoaded(
                .make {
                    $0.job = job
                    $0.digest = Data(digest.bytes)
                    if let failure { $0.text = failure.isEmpty ? "?" : WireLimits.cut(failure) }
                })
        case .clientRequest(let request): .clientRequest(try encode(request))
        case .clientAnswer(let answer): .clientAnswer(try encode(answer))
        default: throw .misplaced(message.kind)
        }
    }

    private static func transfer(_ message: Message) throws(WireError) -> ProtoEnvelope.OneOf_Body {
        switch message {
        case .get(let digest, let offset, let chunks):
            .get(
                try .make { (value: inout ProtoGet) throws(WireError) in
                    value.digest = Data(digest.bytes)
                    value.offset = try unsigned(offset)
                    value.chunks = try unsigned32(chunks)
                })
        case .chunk(let digest, let offset, let total):
            .chunk(
                try .make { (value: inout ProtoChunk) throws(WireError) in
                    value.digest = Data(digest.bytes)
                    value.offset = try unsigned(offset)
                    value.total = try unsigned(total)
                })
        case .putOpen(let digest, let size):
            .putOpen(
                try .make { (value: inout ProtoPutOpen) throws(WireError) in
                    value.digest = Data(digest.bytes)
                    value.size = try unsigned(size)
                })
        case .putNeed(let digest, let offset, let chunks):
            .putNeed(
                try .make { (value: inout ProtoPutNeed) throws(WireError) in
                    value.digest = Data(digest.bytes)
                    value.offset = try unsigned(offset)
                    value.chunks = try unsigned32(chunks)
                })
        case .putChunk(let digest, let offset):
            .putChunk(
                try .make { (value: inout ProtoPutChunk) throws(WireError) in
                    value.digest = Data(digest.bytes)
                    value.offset = try unsigned(offset)
                })
        case .putAck(let digest, let received, let chunks):
            .putAck(
                try .make { (value: inout ProtoPutAck) throws(WireError) in
                    value.digest = Data(digest.bytes)
                    value.received = try unsigned(received)
                    value.chunks = try unsigned32(chunks)
                })
        case .sampleRequest(let job, let sample, let offset, let chunks):
            .sampleRequest(
                try .make { (value: inout ProtoSampleRequest) throws(WireError) in
                    value.job = job
                    value.sample = try unsigned(sample)
                    value.offset = try unsigned(offset)
                    value.chunks = try unsigned32(chunks)
                })
        case .sampleChunk(let job, let sample, let offset, let total, let digest):
            .sampleChunk(
                try .make { (value: inout ProtoSampleChunk) throws(WireError) in
                    value.job = job
                    value.sample = try unsigned(sample)
                    value.offset = try unsigned(offset)
                    value.total = try unsigned(total)
                    value.digest = Data(digest.bytes)
                })
        default: throw .misplaced(message.kind)
        }
    }
}
