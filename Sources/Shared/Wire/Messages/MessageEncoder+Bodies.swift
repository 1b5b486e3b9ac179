internal import Calibration
internal import Foundation
internal import SwiftProtobuf

extension SwiftProtobuf.Message {
    /// Makes a value and fills it in.
    static func make<Failure: Error>(_ fill: (inout Self) throws(Failure) -> Void) throws(Failure) -> Self {
        var value = Self()
        try fill(&value)
        return value
    }
}

extension MessageEncoder {
    static func encode(_ hello: Hello) throws(WireError) -> ProtoHello {
        var value = ProtoHello()
        value.minimumVersion = hello.minimumVersion
        value.maximumVersion = hello.maximumVersion
        value.build = WireLimits.cut(hello.build, toBytes: WireLimits.nameBytes)
        value.node = WireLimits.cut(hello.node, toBytes: WireLimits.nameBytes)
        value.process = try unsigned32(hello.process)
        value.localRank = try unsigned32(hello.localRank)
        value.instructionSet = WireLimits.cut(hello.instructionSet, toBytes: WireLimits.nameBytes)
        guard hello.resume.count <= WireLimits.entries else { throw .field("Hello.resume") }
        for held in hello.resume {
            var entry = ProtoResume()
            entry.job = held.shard.job
            entry.shard = try unsigned32(held.shard.shard)
            entry.attempt = try unsigned32(held.shard.attempt)
            entry.finished = held.isFinished
            value.resume.append(entry)
        }
        return value
    }

    static func encode(_ welcome: Welcome) throws(WireError) -> ProtoWelcome {
        guard welcome.dataEndpoint.utf8.count <= WireLimits.endpointBytes else { throw .field("Welcome.data_endpoint") }
        var value = ProtoWelcome()
        value.version = welcome.version
        value.cluster = Data(welcome.cluster.bytes)
        value.epoch = welcome.epoch
        value.heartbeatMilliseconds = try milliseconds(welcome.heartbeatInterval)
        value.leaseMilliseconds = try milliseconds(welcome.leaseDuration)
        value.dataEndpoint = welcome.dataEndpoint
        value.chunkBytes = try unsigned32(welcome.chunkBytes)
        return value
    }

    static func encode(_ lease: Lease) throws(WireError) -> ProtoLease {
        var value = ProtoLease()
        value.job = lease.shard.job
        value.shard = try unsigned32(lease.shard.shard)
        value.attempt = try unsigned32(lease.shard.attempt)
        value.epoch = lease.epoch
        value.specificationDigest = Data(lease.specificationDigest.bytes)
        value.deliveryDigest = Data(lease.deliveryDigest.bytes)
        value.planDigest = Data(lease.planDigest.bytes)
        value.progressMilliseconds = try milliseconds(lease.progressTimeout)
        if let input = lease.inputDigest { value.inputDigest = Data(input.bytes) }
        switch lease.purpose {
        case .count: value.purpose = .leaseCount
        case .compare: value.purpose = .leaseCompare
        case .trial(let samples):
            value.purpose = .leaseTrial
            value.firstSample = try unsigned(samples.lowerBound)
            value.sampleCount = try unsigned32(samples.count)
        }
        guard lease.excluded.count <= WireLimits.excludedSamples else { throw .field("Lease.excluded") }
        value.excluded = try lease.excluded.map(unsigned)
        return value
    }

    static func encode(_ request: ClientRequest) throws(WireError) -> ProtoClientRequest {
        guard request.text.utf8.count <= WireLimits.clientBytes else { throw .field("ClientRequest.text") }
        guard request.job != 0 else { throw .field("ClientRequest.job") }
        var value = ProtoClientRequest()
        value.id = Data(request.id.bytes)
        value.kind = ProtoClientRequestKind(rawValue: request.kind.rawValue) ?? .clientUnspecified
        value.job = request.job ?? 0
        value.text = request.text
        value.offset = try unsigned(request.offset)
        return value
    }

    static func encode(_ answer: ClientAnswer) throws(WireError) -> ProtoClientAnswer {
        guard answer.content.count <= WireLimits.clientBytes else { throw .field("ClientAnswer.content") }
        var value = ProtoClientAnswer()
        value.id = Data(answer.id.bytes)
        value.status = try unsigned32(answer.status)
        value.total = try unsigned(answer.total)
        value.offset = try unsigned(answer.offset)
        value.content = Data(answer.content)
        return value
    }

    static func encode(_ progress: ShardProgress) throws(WireError) -> ProtoShardProgress {
        var value = ProtoShardProgress()
        value.job = progress.shard.job
        value.shard = try unsigned32(progress.shard.shard)
        value.attempt = try unsigned32(progress.shard.attempt)
        value.samples = try unsigned(progress.samples)
        value.activity = try unsigned(progress.activity)
        return value
    }

    static func encode(_ commit: Commit) throws(WireError) -> ProtoCommit {
        var value = ProtoCommit()
        value.job = commit.shard.job
        value.shard = try unsigned32(commit.shard.shard)
        value.attempt = try unsigned32(commit.shard.attempt)
        value.epoch = commit.epoch
        value.digest = Data(commit.digest.bytes)
        value.size = try unsigned(commit.size)
        value.samples = try unsigned(commit.samples)
        value.trial = commit.isTrial
        return value
    }

    static func encode(_ shard: ShardReference) throws(WireError) -> ProtoShardReference {
        var value = ProtoShardReference()
        value.job = shard.job
        value.shard = try unsigned32(shard.shard)
        value.attempt = try unsigned32(shard.attempt)
        return value
    }

    static func unsigned(_ value: Int) throws(WireError) -> UInt64 {
        guard let result = UInt64(exactly: value) else { throw .field("a negative number") }
        return result
    }

    static func unsigned32(_ value: Int) throws(WireError) -> UInt32 {
        guard let result = UInt32(exactly: value) else { throw .field("a number of more than 32 bits") }
        return result
    }

    /// A duration in whole milliseconds, rounded up so that a short one does not become none.
    static func milliseconds(_ duration: Duration) throws(WireError) -> UInt32 {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0, seconds < 1 << 22 else { throw .field("a duration") }
        return UInt32(seconds) * 1000 + UInt32((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
