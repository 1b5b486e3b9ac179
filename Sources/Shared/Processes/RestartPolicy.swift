/// When a process that ended is started again.
public struct RestartPolicy: Sendable {
    /// How many restarts there are for all processes together.
    public var maximumTotal: Int
    /// How often one process may end in a row without having run for `healthyAfter`.
    public var maximumInARow: Int
    /// How long to wait before the first restart in a row; doubled with each further one.
    public var firstDelay: Duration
    /// The longest wait.
    public var longestDelay: Duration
    /// A process that ran this long starts a new row.
    public var healthyAfter: Duration
    /// Whether an ending is worth another try.
    public var isWorthwhile: @Sendable (ChildProcess.Ending) -> Bool

    /// Describes a policy; without delays when none are given.
    public init(
        maximumTotal: Int = .max, maximumInARow: Int = .max, firstDelay: Duration = .zero,
        longestDelay: Duration = .seconds(30), healthyAfter: Duration = .seconds(60),
        isWorthwhile: @escaping @Sendable (ChildProcess.Ending) -> Bool = { !$0.isSuccess && !$0.isFinal }
    ) {
        self.maximumTotal = maximumTotal
        self.maximumInARow = maximumInARow
        self.firstDelay = firstDelay
        self.longestDelay = longestDelay
        self.healthyAfter = healthyAfter
        self.isWorthwhile = isWorthwhile
    }

    /// How long to wait before a restart.
    ///
    /// - Parameter attempt: Number of the restart in its row, from 1.
    /// - Returns: The wait.
    func delay(attempt: Int) -> Duration {
        // Beyond 20 doublings every first delay that is not zero has become the longest.
        min(firstDelay * (1 << min(max(attempt - 1, 0), 20)), longestDelay)
    }
}
