internal import Synchronization

/// Remembers the first failure after which nothing can be promised, so that every later call fails too.
///
/// A disk that lost a write may report it once and then say that all is well.
final class FailureLatch: Sendable {
    private let failure = Mutex<StateStoreError?>(nil)

    func check() throws(StateStoreError) {
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    /// Takes note of an error; the error to throw.
    func note(_ error: StateStoreError) -> StateStoreError {
        guard error.endsTheStore else { return error }
        return failure.withLock { failure in
            let first = failure ?? error
            failure = first
            return first
        }
    }

    /// Runs file operations.
    func run<Value>(_ body: () throws(SystemFailure) -> Value) throws(StateStoreError) -> Value {
        try check()
        do throws(SystemFailure) {
            return try body()
        } catch {
            throw note(StateStoreError(error))
        }
    }
}

extension StateStoreError {
    init(_ failure: SystemFailure) {
        self =
            failure.isTemporary
            ? .full(path: failure.path, reason: failure.reason)
            : .broken(operation: failure.operation, path: failure.path, reason: failure.reason)
    }
}
