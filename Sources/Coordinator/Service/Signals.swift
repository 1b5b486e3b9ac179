internal import CoordinatorCore
internal import Dispatch
internal import Synchronization
internal import Wire

/// Hands the endpoint of a socket thread, or the reason why there is none, to the thread that starts it.
final class BindingSignal: Sendable {
    private let state = Mutex<Result<Endpoint, any Error>?>(nil)
    private let semaphore = DispatchSemaphore(value: 0)

    /// Binds, tells, then runs; on the socket thread.
    ///
    /// - Parameters:
    ///   - bind: Makes everything; returns the endpoint and the loop.
    ///   - failed: Told why the loop broke off.
    func run(_ bind: () throws -> (Endpoint, () throws -> Void), failed: (String) -> Void) {
        let loop: () throws -> Void
        do {
            let (endpoint, body) = try bind()
            loop = body
            state.withLock { $0 = .success(endpoint) }
            semaphore.signal()
        } catch {
            state.withLock { $0 = .failure(error) }
            semaphore.signal()
            return
        }
        do {
            try loop()
        } catch {
            failed("\(error)")
        }
    }

    /// Waits for the endpoint: a moment, since binding does not wait for anybody.
    func endpoint() throws -> Endpoint {
        semaphore.wait()
        switch state.withLock({ $0 }) {
        case .success(let endpoint): return endpoint
        case .failure(let error): throw CoordinatorServiceError.start(text: "\(error)")
        case nil: throw CoordinatorServiceError.start(text: "a socket thread ended early")
        }
    }
}

/// The end of a job, awaited once.
final class EndingSignal<Outcome: Sendable>: Sendable {
    private enum State {
        case running
        case awaited(CheckedContinuation<Outcome, Never>)
        case ended(Outcome)
    }

    private let state = Mutex(State.running)

    /// Ends the job; only the first time counts.
    func end(_ outcome: Outcome) {
        let waiting: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            switch state {
            case .running:
                state = .ended(outcome)
                return nil
            case .awaited(let continuation):
                state = .ended(outcome)
                return continuation
            case .ended: return nil
            }
        }
        waiting?.resume(returning: outcome)
    }

    /// Waits for the end.
    func wait() async -> Outcome {
        await withCheckedContinuation { continuation in
            let ended: Outcome? = state.withLock { state in
                if case .ended(let outcome) = state { return .some(outcome) }
                state = .awaited(continuation)
                return nil
            }
            if let ended { continuation.resume(returning: ended) }
        }
    }
}
