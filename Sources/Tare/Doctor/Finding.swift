/// What one step of an examination found.
struct Finding: Encodable, Equatable {
    /// How a step went.
    enum Outcome: String, Encodable {
        /// As it should be.
        case ok
        /// Something is wrong.
        case failed
        /// It could not be looked at, because an earlier step failed or nothing was named.
        case skipped
    }

    /// The step.
    let step: String
    /// How it went.
    let outcome: Outcome
    /// What was found, or why it failed or was skipped.
    let text: String
    /// What to do about it.
    let remedy: String?
    /// What `tare doctor` exits with when this is the first failure.
    let status: Int32

    /// Everything is as it should be.
    static func ok(_ step: String, _ text: String) -> Finding {
        Finding(step: step, outcome: .ok, text: text, remedy: nil, status: ExitStatus.done.rawValue)
    }

    /// Something is wrong.
    static func failed(_ step: String, _ status: ExitStatus, _ text: String, remedy: String) -> Finding {
        Finding(step: step, outcome: .failed, text: text, remedy: remedy, status: status.rawValue)
    }

    /// Nothing could be said.
    static func skipped(_ step: String, _ text: String) -> Finding {
        Finding(step: step, outcome: .skipped, text: text, remedy: nil, status: ExitStatus.done.rawValue)
    }

    /// One line for people.
    var line: String {
        let name = step + String(repeating: " ", count: max(1, 13 - step.count))
        let detail = remedy.map { "\(text): \($0)" } ?? text
        return outcome == .ok ? "\(name)ok: \(detail)" : "\(name)\(outcome.rawValue): \(detail)"
    }
}

/// All findings, as `--json` shows them.
struct FindingsReport: Encodable {
    /// In the order of the steps.
    let findings: [Finding]
    /// The first step that failed.
    let firstFailure: String?
    /// What `tare doctor` exits with.
    let status: Int32

    /// Sums up.
    init(_ findings: [Finding]) {
        self.findings = findings
        let failure = findings.first { $0.outcome == .failed }
        firstFailure = failure?.step
        status = failure?.status ?? ExitStatus.done.rawValue
    }

    private enum CodingKeys: String, CodingKey {
        case findings
        case firstFailure = "first_failure"
        case status
    }
}
