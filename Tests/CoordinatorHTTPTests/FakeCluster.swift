import ControlAPI
import CoordinatorHTTP
import Synchronization

/// A cluster that says what a test tells it to say, and keeps what it was asked.
final class FakeCluster: ClusterProvider {
    enum Behaviour: Sendable {
        case answers
        case refuses(ControlError)
        /// Gives so many bytes.
        case gives(Int)
        /// Waits until the test opens the gate, whether or not it is cancelled.
        case waits(Gate)
    }

    private struct State {
        var isAlive = true
        var readiness = Readiness.ready
        var behaviour = Behaviour.answers
        var requests: [ControlRequest] = []
        var refreshes = 0
    }

    private let state = Mutex(State())

    var requests: [ControlRequest] { state.withLock { $0.requests } }
    var refreshes: Int { state.withLock { $0.refreshes } }

    func set(isAlive: Bool = true, readiness: Readiness = .ready, behaviour: Behaviour = .answers) {
        state.withLock {
            $0.isAlive = isAlive
            $0.readiness = readiness
            $0.behaviour = behaviour
        }
    }

    func isAlive() async -> Bool {
        if case .waits(let gate) = state.withLock({ $0.behaviour }) { await gate.pass() }
        return state.withLock { $0.isAlive }
    }

    func readiness() async -> Readiness {
        if case .waits(let gate) = state.withLock({ $0.behaviour }) { await gate.pass() }
        return state.withLock { $0.readiness }
    }

    func refreshMetrics() async {
        if case .waits(let gate) = state.withLock({ $0.behaviour }) { await gate.pass() }
        state.withLock { $0.refreshes += 1 }
    }

    func answer(_ request: ControlRequest) async throws(ControlError) -> [UInt8] {
        let behaviour = state.withLock {
            $0.requests.append(request)
            return $0.behaviour
        }
        switch behaviour {
        case .answers: break
        case .refuses(let error): throw error
        case .gives(let count): return Array(repeating: UInt8(ascii: "x"), count: count)
        case .waits(let gate): await gate.pass()
        }
        do {
            // The request itself is a good answer: the test sees what arrived.
            return try Documents.encode(request)
        } catch {
            throw ControlError(error)
        }
    }
}

/// Holds tasks back until it is opened, and tells when one arrives.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var inside: [CheckedContinuation<Void, Never>] = []
        var arrived = 0
        var expecting: [(Int, CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    func pass() async {
        await withCheckedContinuation { continuation in
            let resumed: [CheckedContinuation<Void, Never>] = state.withLock { state in
                state.arrived += 1
                let arrived = state.arrived
                let ready = state.expecting.filter { $0.0 <= arrived }.map(\.1)
                state.expecting.removeAll { $0.0 <= arrived }
                if state.isOpen { return ready + [continuation] }
                state.inside.append(continuation)
                return ready
            }
            for continuation in resumed { continuation.resume() }
        }
    }

    /// Waits until so many tasks came.
    func arrivals(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.arrived >= count { return true }
                state.expecting.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    func open() {
        let inside = state.withLock { state in
            state.isOpen = true
            let inside = state.inside
            state.inside = []
            return inside
        }
        for continuation in inside { continuation.resume() }
    }
}
