internal import Synchronization
internal import Wire

/// Tells the computing thread that a shard is not wanted any more, also while it waits for the network.
final class Interrupt: Sendable {
    private struct State {
        var current: ShardReference?
        var isRaised = false
        var isStopped = false
    }

    private let state = Mutex(State())
    private let wake: Mailbox<Bool>

    /// Readable when there may be something to check.
    var descriptor: Int32 { wake.descriptor }

    init() throws(ZeroMQError) {
        wake = try Mailbox(limit: 16)
    }

    /// The computing thread begins with a shard.
    func begin(_ shard: ShardReference) {
        state.withLock { state in
            state.current = shard
            state.isRaised = false
        }
    }

    /// The computing thread begins with something that is no shard; only the end of the worker interrupts it.
    func beginWithoutShard() {
        state.withLock { state in
            state.current = nil
            state.isRaised = false
        }
    }

    /// Any thread: this shard is not wanted.
    func abandon(_ shard: ShardReference) {
        state.withLock { if $0.current == shard { $0.isRaised = true } }
        wake.post(true)
    }

    /// Any thread: nothing is wanted any more.
    func stop() {
        state.withLock { $0.isStopped = true }
        wake.post(true)
    }

    /// The computing thread asks whether to go on.
    func check() throws {
        _ = wake.takeAll()
        if state.withLock({ $0.isRaised || $0.isStopped }) { throw Interruption() }
    }
}
