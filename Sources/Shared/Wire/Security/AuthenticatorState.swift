internal import Synchronization

/// What the authenticator's thread and the others share.
final class AuthenticatorState: Sendable {
    fileprivate struct Content {
        var keys: AuthorizedKeys
        var failure: ZeroMQError?
        var admittedCount = 0
        var refusals: [Refusal.Reason: Int] = [:]
        /// Keys of a start-up test, and whether they were refused.
        var expected: [PublicKey: Bool] = [:]
        var nextReport: Duration = .zero
        var unreported = 0
    }

    fileprivate static let reportInterval: Duration = .seconds(1)
    private let content: Mutex<Content>
    private let report: @Sendable (Refusal) -> Void

    init(_ keys: AuthorizedKeys, report: @escaping @Sendable (Refusal) -> Void) {
        content = Mutex(Content(keys: keys))
        self.report = report
    }

    var keys: AuthorizedKeys { content.withLock { $0.keys } }
    var failure: ZeroMQError? { content.withLock { $0.failure } }
    var admittedCount: Int { content.withLock { $0.admittedCount } }
    var refusals: [Refusal.Reason: Int] { content.withLock { $0.refusals } }

    func replace(_ keys: AuthorizedKeys) -> AuthorizedKeys.Change {
        content.withLock { content in
            let change = content.keys.change(to: keys)
            content.keys = keys
            return change
        }
    }

    func fail(_ error: ZeroMQError) {
        content.withLock { $0.failure = error }
    }

    func expectRefusal(of key: PublicKey) {
        content.withLock { $0.expected[key] = false }
    }

    func hasRefused(_ key: PublicKey) -> Bool {
        content.withLock { $0.expected.removeValue(forKey: key) } ?? false
    }

    /// Decides on a request, counts it, and reports a refusal unless another was reported just before.
    ///
    /// - Returns: The key's entry, or `nil` when the connection is refused.
    func decide(_ request: AuthenticationRequest) -> AuthorizedKey? {
        let (entry, refusal): (AuthorizedKey?, Refusal?) = content.withLock { content in
            if request.fault == nil, let key = request.key, let entry = content.keys[key] {
                content.admittedCount += 1
                return (entry, nil)
            }
            if let key = request.key, content.expected[key] != nil {
                content.expected[key] = true
                return (nil, nil)
            }
            return (nil, content.note(request))
        }
        if let refusal { report(refusal) }
        return entry
    }
}

extension AuthenticatorState.Content {
    /// Counts a refusal.
    ///
    /// - Returns: What to report now, if anything.
    fileprivate mutating func note(_ request: AuthenticationRequest) -> Refusal? {
        let reason = request.fault ?? .unknownKey
        refusals[reason, default: 0] += 1
        let now = MonotonicClock.now
        guard now >= nextReport else {
            unreported += 1
            return nil
        }
        defer {
            nextReport = now + AuthenticatorState.reportInterval
            unreported = 0
        }
        return Refusal(reason: reason, address: request.address, key: request.key, unreported: unreported)
    }
}
