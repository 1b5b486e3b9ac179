import Glibc

/// Ctrl-C and SIGTERM: the work is cancelled in order, so that no process and no half-written file stays behind.
enum Interruption {
    /// What a command ends with that a signal ended.
    static let failure = CommandFailure(.drained, "Stopped by a signal; nothing was written")

    /// Does work that is meant to last until SIGINT or SIGTERM; the first one cancels it, a second one ends the process at
    /// once.
    static func untilSignal(_ work: @escaping @Sendable () async throws -> Void) async throws {
        do {
            try await cancelling(work)
        } catch let failure as CommandFailure where failure.status == .drained {
            return
        }
    }

    /// Does work in a task that SIGINT or SIGTERM cancels; a second signal ends the process at once.
    ///
    /// - Throws: `CommandFailure` with status `drained` when a signal ended the work.
    static func cancelling<Value: Sendable>(
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let task = Task { try await work() }
        let signals = SignalWatch { number in
            if task.isCancelled { exit(128 + number) }
            task.cancel()
        }
        defer { signals.cancel() }
        do {
            return try await task.value
        } catch {
            if task.isCancelled { throw failure }
            throw error
        }
    }
}
