internal import Synchronization

/// The switch for large operators in place of several small ones.
///
/// Only LSTM has a large operator. On by default.
/// One switch for the process, as `torch.backends.mlufusion` is; eager runs look at it when they meet an LSTM.
public enum MLUFusion {
    private static let flag = Mutex(true)

    /// Whether large operators are used.
    public static var enabled: Bool {
        get { flag.withLock { $0 } }
        set { setFlags(newValue) }
    }

    /// Sets the switch.
    ///
    /// - Returns: What it was before.
    @discardableResult
    public static func setFlags(_ enabled: Bool) -> Bool {
        flag.withLock { flag in
            defer { flag = enabled }
            return flag
        }
    }

    /// Runs `body` with the switch set, and sets it back afterwards, also when `body` throws.
    public static func flags<Result, Failure: Error>(
        enabled: Bool, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let before = setFlags(enabled)
        defer { setFlags(before) }
        return try body()
    }
}
