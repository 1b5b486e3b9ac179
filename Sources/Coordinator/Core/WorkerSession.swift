internal import Calibration
internal import Wire

/// A worker that has joined.
struct WorkerSession: Sendable {
    let id: SessionID
    var peer: PeerAddress
    let device: Device
    let process: Int
    let build: String
    let instructionSet: String
    var lastHeard: Duration
    /// What it computes.
    var assignment: Assignment?
    /// Whether it asked for a shard and waits for one.
    var isWaiting = false
    var isDraining = false
    var failuresInARow = 0
    /// No shard before this time.
    var restsUntil: Duration?
    var residentBytes = 0
    var committedCount = 0
    /// The model it has loaded, as it says.
    var loadedModel: ContentDigest?
    /// The model it cannot load.
    var failedModel: ContentDigest?
}

/// A worker's hold on a shard.
struct Assignment: Sendable, Hashable {
    enum Purpose: Sendable, Hashable {
        /// Its result is counted.
        case counting
        /// A second attempt at a straggler's shard, whose result is counted if it comes first.
        case speculation
        /// Its result is compared with the counted one.
        case audit
        /// Its result settles a dispute.
        case arbitration
        /// A part of a shard under suspicion.
        case trial(Range<Int>)
    }

    /// Position of the job among the coordinator's.
    let job: Int
    let reference: ShardReference
    var purpose: Purpose
    let since: Duration
    var progressAt: Duration
    var samples = 0
    var activity = 0
    /// Whether the worker was seen to work on it: only then can the shard be to blame for the worker's loss.
    var hasStarted = false

    var shard: Int { reference.shard }
}
