internal import Calibration
internal import Foundation

extension MessageDecoder {
    static func hello(_ value: ProtoHello) throws(WireError) -> Hello {
        guard value.minimumVersion >= 1, value.minimumVersion <= value.maximumVersion else {
            throw .field("Hello.minimum_version")
        }
        var resume: [Hello.Resume] = []
        for entry in try entries(value.resume, "Hello.resume") {
            resume.append(
                .init(
                    shard: try reference(entry.job, entry.shard, entry.attempt, "Hello.resume"),
                    isFinished: entry.finished))
        }
        return Hello(
            minimumVersion: value.minimumVersion, maximumVersion: value.maximumVersion,
            build: try text(value.build, "Hello.build", limit: WireLimits.nameBytes),
            node: try text(value.node, "Hello.node", limit: WireLimits.nameBytes), process: Int(value.process),
            localRank: Int(value.localRank),
            instructionSet: try text(value.instructionSet, "Hello.instruction_set", limit: WireLimits.nameBytes),
            resume: resume)
    }

    static func welcome(_ value: ProtoWelcome) throws(WireError) -> Welcome {
        guard let cluster = SessionID(bytes: value.cluster) else { throw .field("Welcome.cluster") }
        guard value.heartbeatMilliseconds > 0 else { throw .field("Welcome.heartbeat_milliseconds") }
        guard value.leaseMilliseconds > value.heartbeatMilliseconds else { throw .field("Welcome.lease_milliseconds") }
        guard (1...UInt32(WireLimits.chunkBytes)).contains(value.chunkBytes) else {
            throw .field("Welcome.chunk_bytes")
        }
        return Welcome(
            version: value.version, cluster: cluster, epoch: value.epoch,
            heartbeatInterval: .milliseconds(Int(value.heartbeatMilliseconds)),
            leaseDuration: .milliseconds(Int(value.leaseMilliseconds)),
            dataEndpoint: try text(value.dataEndpoint, "Welcome.data_endpoint", limit: WireLimits.endpointBytes),
            chunkBytes: Int(value.chunkBytes))
    }

    static func lease(_ value: ProtoLease) throws(WireError) -> Lease {
        Lease(
            shard: try reference(value.job, value.shard, value.attempt, "Lease.shard"), epoch: value.epoch,
            specificationDigest: try digest(value.specificationDigest, "Lease.specification_digest"),
            deliveryDigest: try digest(value.deliveryDigest, "Lease.delivery_digest"),
            planDigest: try digest(value.planDigest, "Lease.plan_digest"),
            progressTimeout: .milliseconds(Int(value.progressMilliseconds)), purpose: try purpose(value),
            excluded: try excluded(value.excluded),
            inputDigest: value.inputDigest.isEmpty ? nil : try digest(value.inputDigest, "Lease.input_digest"))
    }

    private static func purpose(_ value: ProtoLease) throws(WireError) -> LeasePurpose {
        switch value.purpose {
        case .leaseCount: return .count
        case .leaseCompare: return .compare
        case .leaseTrial:
            let first = try integer(value.firstSample, "Lease.first_sample", below: 1 << 31)
            guard value.sampleCount > 0, value.sampleCount < 1 << 31 else { throw .field("Lease.sample_count") }
            return .trial(first..<first + Int(value.sampleCount))
        default: throw .field("Lease.purpose")
        }
    }

    private static func excluded(_ values: [UInt64]) throws(WireError) -> [Int] {
        guard values.count <= WireLimits.excludedSamples else { throw .field("Lease.excluded") }
        var samples: [Int] = []
        samples.reserveCapacity(values.count)
        for value in values {
            let sample = try integer(value, "Lease.excluded", below: 1 << 31)
            guard samples.last.map({ $0 < sample }) ?? true else { throw .field("Lease.excluded") }
            samples.append(sample)
        }
        return samples
    }

    static func clientRequest(_ value: ProtoClientRequest) throws(WireError) -> ClientRequest {
        ClientRequest(
            id: try request(value.id, "ClientRequest.id"),
            kind: try known(ClientRequest.Kind(rawValue: value.kind.rawValue), "ClientRequest.kind"),
            job: value.job == 0 ? nil : value.job,
            text: try text(value.text, "ClientRequest.text", limit: WireLimits.clientBytes),
            offset: try offset(value.offset, "ClientRequest.offset"))
    }

    static func clientAnswer(_ value: ProtoClientAnswer) throws(WireError) -> ClientAnswer {
        guard value.content.count <= WireLimits.clientBytes else { throw .field("ClientAnswer.content") }
        guard value.status <= 999 else { throw .field("ClientAnswer.status") }
        return ClientAnswer(
            id: try request(value.id, "ClientAnswer.id"), status: Int(value.status),
            total: try offset(value.total, "ClientAnswer.total"),
            offset: try offset(value.offset, "ClientAnswer.offset"), content: Array(value.content))
    }

    private static func request(_ value: Data, _ field: String) throws(WireError) -> RequestID {
        guard let id = RequestID(bytes: Array(value)) else { throw .field(field) }
        return id
    }

    static func progress(_ value: ProtoShardProgress) throws(WireError) -> ShardProgress {
        ShardProgress(
            shard: try reference(value.job, value.shard, value.attempt, "ShardProgress.shard"),
            samples: try integer(value.samples, "ShardProgress.samples", below: 1 << 31),
            activity: try integer(value.activity, "ShardProgress.activity", below: 1 << 62))
    }

    static func commit(_ value: ProtoCommit) throws(WireError) -> Commit {
        Commit(
            shard: try reference(value.job, value.shard, value.attempt, "Commit.shard"), epoch: value.epoch,
            digest: try digest(value.digest, "Commit.digest"),
            size: try integer(value.size, "Commit.size", below: WireLimits.statisticsBytes + 1),
            samples: try integer(value.samples, "Commit.samples", below: 1 << 31), isTrial: value.trial)
    }

    static func failure(_ value: ProtoFail) throws(WireError) -> ShardFailure {
        let sample = try integer(value.samplePlusOne, "Fail.sample_plus_one", below: 1 << 31)
        return ShardFailure(
            shard: try shard(value.shard),
            failureClass: try known(FailureClass(rawValue: value.failureClass.rawValue), "Fail.failure_class"),
            text: try text(value.text, "Fail.text"), sample: sample == 0 ? nil : sample - 1)
    }

    static func shard(_ value: ProtoShardReference) throws(WireError) -> ShardReference {
        try reference(value.job, value.shard, value.attempt, "shard")
    }

    private static func reference(
        _ job: UInt64, _ shard: UInt32, _ attempt: UInt32, _ field: String
    ) throws(WireError) -> ShardReference {
        guard shard < 1 << 31, attempt < 1 << 31 else { throw .field(field) }
        return ShardReference(job: job, shard: Int(shard), attempt: Int(attempt))
    }

    static func entries<Value>(_ values: [Value], _ field: String) throws(WireError) -> [Value] {
        guard values.count <= WireLimits.entries else { throw .field(field) }
        return values
    }

    static func known<Value>(_ value: Value?, _ field: String) throws(WireError) -> Value {
        guard let value else { throw .field(field) }
        return value
    }

    static func text(_ value: String, _ field: String, limit: Int = WireLimits.textBytes) throws(WireError) -> String {
        guard value.utf8.count <= limit else { throw .field(field) }
        return value
    }

    static func digest(_ value: Data, _ field: String) throws(WireError) -> ContentDigest {
        guard let digest = ContentDigest(bytes: Array(value)) else { throw .field(field) }
        return digest
    }

    static func integer(_ value: UInt64, _ field: String, below limit: Int) throws(WireError) -> Int {
        guard value < UInt64(limit) else { throw .field(field) }
        return Int(value)
    }

    static func offset(_ value: UInt64, _ field: String) throws(WireError) -> Int {
        try integer(value, field, below: WireLimits.blobBytes + 1)
    }

    static func credit(_ value: UInt32, _ field: String) throws(WireError) -> Int {
        guard value <= UInt32(WireLimits.creditChunks) else { throw .field(field) }
        return Int(value)
    }
}
