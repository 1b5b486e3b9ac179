internal import MLU

/// The dump of a worker: what runs in a batch goes to the folder `iter_N` of the worker's directory.
///
/// A dump changes no result: what goes wrong with it is told, ends it, and nothing else.
final class BatchDump {
    private let configuration: DumpConfiguration
    private let tell: (String) -> Void
    private var hasFailed = false

    /// Prepares a dump.
    ///
    /// - Parameters:
    ///   - configuration: What is dumped.
    ///   - tell: Told what went wrong, in one line.
    init(_ configuration: DumpConfiguration, tell: @escaping (String) -> Void) {
        self.configuration = configuration
        self.tell = tell
    }

    /// Whether a batch is among those that are dumped; none is after a failure.
    func includes(batch: Int) -> Bool {
        !hasFailed && configuration.iterations?.contains(batch) ?? true
    }

    /// Dumps what `body` runs when the batch is among those that are wanted, and otherwise only runs it.
    func recording<Result>(batch: Int, _ body: () throws -> Result) rethrows -> Result {
        guard includes(batch: batch) else { return try body() }
        var own = configuration
        own.iterations = nil
        own.directory += "/iter_\(batch)"
        do {
            try Dumper.start(own)
        } catch {
            giveUp(batch: batch, error)
            return try body()
        }
        defer { if Dumper.stop()?.failure != nil { hasFailed = true } }
        return try body()
    }

    /// Tells that a batch cannot be dumped; no other is tried.
    func giveUp(batch: Int, _ error: any Error) {
        hasFailed = true
        tell("warning: batch \(batch) cannot be dumped, and no other is tried: \(error)")
    }
}
