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
final class EndingSignal: Sendable {
    private enum State {
        case running
        case awaited(CheckedContinuation<JobFailure?, Never>)
        case ended(JobFailure?)
    }

    private let state = Mutex(State.running)

    /// Ends the job; only the first time counts.
    func end(_ failure: JobFailure?) {
        let waiting: CheckedContinuation<JobFailure?, Never>? = state.withLock { state in
            switch state {
            case .running:
                state = .ended(failure)
                return nil
            case .awaited(let continuation):
                state = .ended(failure)
                return continuation
            case .ended: return nil
            }
        }
        waiting?.resume(returning: failure)
    }

    /// Waits for the end.
    func wait() async -> JobFailure? {
        await withCheckedContinuation { continuation in
            let ended: JobFailure?? = state.withLock { state in
                if case .ended(let failure) = state { return .some(failure) }
                state = .awaited(continuation)
                return nil
            }
            if let ended { continuation.resume(returning: ended) }
        }
    }
}
