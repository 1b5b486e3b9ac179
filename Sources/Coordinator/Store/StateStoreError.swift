public import Calibration

/// Why the durable state could not be opened, read or changed.
public enum StateStoreError: Error, Sendable, Hashable {
    /// Another process holds the state directory; `holder` is its process id where it is known.
    case locked(directory: String, holder: Int32?)
    /// The file is no state of a coordinator.
    case foreign(file: String, reason: String)
    /// A later version of Tare wrote the state.
    case newer(file: String, found: Int, known: Int)
    /// A file has other bytes than were written.
    case damaged(file: String, reason: String)
    /// There is no room now; nothing was changed, and the same call works when there is room again.
    case full(path: String, reason: String)
    /// Reading or writing failed in a way after which nothing can be promised; only opening the state anew helps.
    case broken(operation: String, path: String, reason: String)
    /// What was asked for contradicts what is stored; nothing was changed.
    case refused(StateStoreRefusal)
    /// The merged statistics of shards could not be turned into bytes; nothing was changed.
    case encoding(job: UInt64, position: TreePosition, reason: String)
    /// `TARE_FAILPOINT` names no point.
    case failpoint(String)

    /// Whether the same call may work later without anybody opening the state anew.
    public var isTemporary: Bool {
        if case .full = self { true } else { false }
    }

    /// Whether nothing can be promised until the state is opened anew.
    var endsTheStore: Bool {
        switch self {
        case .broken, .damaged: true
        default: false
        }
    }

    /// The exit status of a coordinator that ends because of this, as in `sysexits.h`.
    public var exitStatus: Int32 {
        switch self {
        case .locked, .full: 75
        case .foreign, .newer, .failpoint: 78
        case .damaged: 65
        case .broken: 74
        case .refused, .encoding: 70
        }
    }
}

extension StateStoreError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .locked(let directory, let holder?):
            "The state directory \(directory) is in use by the coordinator with process id \(holder); "
                + "stop that one, or name another directory"
        case .locked(let directory, nil):
            "The state directory \(directory) is in use by another process; stop that one, or name another directory"
        case .foreign(let file, let reason):
            "\(file) is not the state of a Tare coordinator: \(reason). Name another directory"
        case .newer(let file, let found, let known):
            "\(file) has version \(found) of the state, this build knows versions up to \(known); "
                + "start a newer build, or name another directory"
        case .damaged(let file, let reason):
            "\(file) is damaged: \(reason). Restore the state directory from a copy, or start with an empty one and "
                + "submit the unfinished jobs again"
        case .full(let path, let reason):
            "There is no room for \(path): \(reason). Work goes on when there is room"
        case .broken(let operation, let path, let reason):
            "Cannot \(operation) (\(path)): \(reason). What was acknowledged is safe; mend the disk and start the "
                + "coordinator again"
        case .refused(let refusal): "\(refusal)"
        case .encoding(let job, let position, let reason):
            "The merged statistics of job \(job) at \(position) cannot be written: \(reason)"
        case .failpoint(let text):
            "\(Failpoint.variable)=\(text) names no failpoint; write NAME:COUNT with one of "
                + Failpoint.allCases.map(\.rawValue).joined(separator: ", ")
        }
    }
}

/// What contradicts the stored state.
public enum StateStoreRefusal: Error, Sendable, Hashable {
    /// There is no such job.
    case unknownJob(UInt64)
    /// The job has an end already.
    case jobEnded(UInt64, JobState)
    /// The job's shards are not all there.
    case jobIncomplete(UInt64, committed: Int, shards: Int)
    /// The job has no such shard.
    case unknownShard(job: UInt64, shard: Int)
    /// The shard is counted; it must not be counted again.
    case alreadyCommitted(job: UInt64, shard: Int)
    /// The merge does not fit the stored tree of the job.
    case merge(job: UInt64, shard: Int, reason: String)
    /// The 16 bytes of a submission belong to an earlier job with another content.
    case requestReused(job: UInt64)
    /// Blobs that must be there first are not.
    case missingBlobs([ContentDigest])
    /// The bytes have another digest than was announced.
    case digestMismatch(expected: ContentDigest, found: ContentDigest)
    /// More or fewer bytes than were announced.
    case sizeMismatch(ContentDigest, expected: Int, found: Int)
    /// Somebody else is uploading this blob.
    case uploadInProgress(ContentDigest)
    /// A value that the state cannot hold.
    case malformed(String)
}

extension StateStoreRefusal: CustomStringConvertible {
    /// The thing and the reason.
    public var description: String {
        switch self {
        case .unknownJob(let job): "There is no job \(job)"
        case .jobEnded(let job, let state): "Job \(job) is \(state.rawValue) already"
        case .jobIncomplete(let job, let committed, let shards):
            "Job \(job) cannot be completed: \(committed) of \(shards) shards are counted"
        case .unknownShard(let job, let shard): "Job \(job) has no shard \(shard)"
        case .alreadyCommitted(let job, let shard): "Shard \(shard) of job \(job) is counted already"
        case .merge(let job, let shard, let reason):
            "The merge of shard \(shard) of job \(job) does not fit what is stored: \(reason)"
        case .requestReused(let job): "The submission has the identifier of job \(job) and another content"
        case .missingBlobs(let digests):
            "\(digests.count) blobs are not in the store: "
                + digests.prefix(4).map(\.hexadecimal).joined(separator: ", ") + (digests.count > 4 ? ", ..." : "")
                + ". Upload them first"
        case .digestMismatch(let expected, let found):
            "The bytes announced as \(expected) have the digest \(found); send them again"
        case .sizeMismatch(let digest, let expected, let found):
            "Blob \(digest) was announced with \(expected) bytes and has \(found)"
        case .uploadInProgress(let digest): "Blob \(digest) is being uploaded by somebody else"
        case .malformed(let text): text
        }
    }
}
