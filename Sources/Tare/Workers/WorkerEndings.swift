import Processes

/// How the workers of a node ended, and what that means for the command that started them.
struct WorkerEndings {
    private let statuses: [ExitStatus]
    private let wereDrained: Bool

    /// Collects the endings of all workers; `nil` for one that could not be started.
    init(_ endings: [ChildProcess.Ending?], wereDrained: Bool) {
        statuses = endings.map(Self.status)
        self.wereDrained = wereDrained
    }

    /// Whether a worker should be started again: not when it finished, was drained, was refused, or has already looked for
    /// its coordinator for as long as it may.
    static func isCrash(_ ending: ChildProcess.Ending) -> Bool {
        switch status(ending) {
        case .internalFault, .inputOutput: true
        case .done, .usage, .badData, .noInput, .unreachable, .drained, .refused, .configuration: false
        }
    }

    private static func status(_ ending: ChildProcess.Ending?) -> ExitStatus {
        // What Tare does not say itself is the loader's or the kernel's word for a crash.
        guard case .exited(let status) = ending else { return .internalFault }
        return ExitStatus(rawValue: status) ?? .internalFault
    }

    /// The statuses, the one that says most first: what would fail again wherever it runs comes before what may pass.
    private static let gravity: [ExitStatus] = [
        .usage, .refused, .configuration, .badData, .noInput, .internalFault, .inputOutput, .unreachable, .drained,
        .done,
    ]

    /// The failure of the whole command; `nil` when all workers are done.
    ///
    /// A worker that a second signal broke off counts as drained, like those that left in order.
    var failure: CommandFailure? {
        let effective = wereDrained ? statuses.map { $0 == .internalFault ? .drained : $0 } : statuses
        guard let worst = Self.gravity.first(where: effective.contains), worst != .done else { return nil }
        let count = effective.count { $0 == worst }
        if worst == .drained {
            return CommandFailure(
                .drained, "Drained: \(count) of \(statuses.count) workers left before the job was done")
        }
        return CommandFailure(
            worst, "\(count) of \(statuses.count) workers ended with status \(worst.rawValue); their lines say why")
    }
}
