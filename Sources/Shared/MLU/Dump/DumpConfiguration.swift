/// What a dump holds and where it goes.
public struct DumpConfiguration: Sendable, Hashable {
    /// Where the dump goes; a number is put behind the name when the directory exists.
    public var directory: String
    /// How much of each tensor is written.
    public var level: DumpLevel
    /// Whether the host computes every operator too and its result is written beside the device's.
    public var comparesCPU: Bool
    /// The iterations that are dumped, each to a directory of its own; `nil` dumps everything to one.
    public var iterations: DumpIterations?

    /// Describes a dump.
    public init(
        directory: String = "./dump", level: DumpLevel = .firstTen, comparesCPU: Bool = false,
        iterations: DumpIterations? = nil
    ) {
        self.directory = directory
        self.level = level
        self.comparesCPU = comparesCPU
        self.iterations = iterations
    }

    /// The dump of one worker process: `worker_<n>` in the directory of this one.
    ///
    /// A Dumper belongs to one process, so that every worker starts its own. The directory that they share is taken once
    /// for all of them, with `DumpDirectory.claim`.
    public func forWorker(_ number: Int) -> DumpConfiguration {
        var copy = self
        copy.directory = "\(DumpDirectory.normalized(directory))/worker_\(number)"
        return copy
    }

    /// The dump of one iteration: `dump_iter_0` for the directory `dump`.
    ///
    /// - Returns: `nil` when the iteration is not dumped.
    public func forIteration(_ number: Int) -> DumpConfiguration? {
        guard let iterations else { return self }
        guard iterations.contains(number) else { return nil }
        var copy = self
        copy.directory = "\(DumpDirectory.normalized(directory))_iter_\(number)"
        copy.iterations = nil
        return copy
    }
}
