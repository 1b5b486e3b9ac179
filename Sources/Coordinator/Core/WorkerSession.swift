internal import Wire

/// A worker that has joined.
struct WorkerSession: Sendable {
    let id: SessionID
    var peer: PeerAddress
    let node: String
    let process: Int
    let instructionSet: String
    var lastHeard: Duration
    /// The shard it holds.
    var shard: Int?
    /// Whether it asked for a shard and waits for one.
    var isWaiting = false
    var isDraining = false
    var failuresInARow = 0
    /// No shard before this time.
    var restsUntil: Duration?
}
