internal import Synchronization

/// Ends waiting for work that takes too long, whether or not the work notices that it is cancelled.
enum TimeLimit {
    /// Waits for work.
    ///
    /// - Returns: What the work gave, or `nil` when it took longer, or the waiting task was cancelled. The work's task is
    ///   cancelled then, and goes on alone if it takes no notice.
    static func result<Value: Sendable>(
        within limit: Duration, _ work: @escaping @Sendable () async -> Value
    ) async -> Value? {
        let outcome = Outcome<Value>()
        let working = Task { outcome.settle(await work()) }
        let clock = Task {
            do {
                try await Task.sleep(for: limit)
            } catch {
                // Cancelled, because the work is done.
                return
            }
            outcome.settle(nil)
        }
        defer {
            working.cancel()
            clock.cancel()
        }
        return await withTaskCancellationHandler {
            await outcome.value
        } onCancel: {
            outcome.settle(nil)
        }
    }

    /// What came first.
    private final class Outcome<Value: Sendable>: Sendable {
        private enum State {
            case open
            case awaited(CheckedContinuation<Value?, Never>)
            case settled(Value?)
        }

        private let state = Mutex(State.open)

        var value: Value? {
            get async {
                await withCheckedContinuation { continuation in
                    let settled: Value?? = state.withLock { state in
                        if case .settled(let value) = state { return .some(value) }
                        state = .awaited(continuation)
                        return nil
                    }
                    if let settled { continuation.resume(returning: settled) }
                }
            }
        }

        /// The first call counts.
        func settle(_ value: Value?) {
            let waiting: CheckedContinuation<Value?, Never>? = state.withLock { state in
                switch state {
                case .open:
                    state = .settled(value)
                    return nil
                case .awaited(let continuation):
                    state = .settled(value)
                    return continuation
                case .settled: return nil
                }
            }
            waiting?.resume(returning: value)
        }
    }
}
