internal import Synchronization

extension Dumper {
    /// The dumper that records the operators of this process; the eager backend asks for it when a run begins.
    public static var current: Dumper? { place.dumper.withLock { $0 } }

    /// Where the process has its dumper.
    ///
    /// Only tests have others, so that they do not record each other's operators.
    @TaskLocal static var place = Place()

    /// Holds the dumper that records.
    final class Place: Sendable {
        fileprivate let dumper = Mutex<Dumper?>(nil)
    }

    /// Starts recording the operators of this process; a dump that is being made is finished first.
    ///
    /// - Parameters:
    ///   - directory: Where the dump goes; a number is put behind the name when the directory exists.
    ///   - enable: When false, nothing happens at all.
    ///   - compareCPU: Whether the host computes every operator too.
    ///   - level: How much of each tensor is written.
    /// - Returns: What records them; `nil` when it is not enabled.
    /// - Throws: `DumpError.directory` when the directory cannot be made; nothing is recorded then.
    @discardableResult
    public static func start(
        directory: String = "./dump", enable: Bool = true, compareCPU: Bool = false, level: DumpLevel = 0
    ) throws(DumpError) -> Dumper? {
        guard enable else { return nil }
        return try start(DumpConfiguration(directory: directory, level: level, comparesCPU: compareCPU))
    }

    /// Starts recording the operators of this process; a dump that is being made is finished first.
    @discardableResult
    public static func start(_ configuration: DumpConfiguration) throws(DumpError) -> Dumper {
        stop()
        let dumper = try Dumper(configuration)
        exchange(dumper)?.finish()
        return dumper
    }

    /// Ends recording and waits until everything is written.
    ///
    /// - Returns: What was written; `nil` when nothing was being recorded.
    @discardableResult
    public static func stop() -> DumpSummary? {
        exchange(nil)?.finish()
    }

    private static func exchange(_ dumper: Dumper?) -> Dumper? {
        place.dumper.withLock { current in
            defer { current = dumper }
            return current
        }
    }
}

/// Records the operators that `body` runs on the eager backend; the dump is complete when this returns.
///
/// An error of `body` ends the dump too and is passed on. An error while writing ends the dump alone, is reported on standard
/// error, and does not touch what `body` computes.
///
/// - Parameters:
///   - directory: Where the dump goes; a number is put behind the name when the directory exists.
///   - enable: When false, `body` is run and nothing else happens.
///   - compareCPU: Whether the host computes every operator too.
///   - level: How much of each tensor is written.
///   - body: What is recorded.
/// - Returns: What `body` gives.
/// - Throws: `DumpError.directory` when the directory cannot be made, and what `body` throws.
public func withDumper<Result>(
    directory: String = "./dump", enable: Bool = true, compareCPU: Bool = false, level: DumpLevel = 0,
    _ body: () throws -> Result
) throws -> Result {
    guard try Dumper.start(directory: directory, enable: enable, compareCPU: compareCPU, level: level) != nil else {
        return try body()
    }
    defer { Dumper.stop() }
    return try body()
}

/// Records the operators that `body` runs in one iteration, when the configuration says that it is dumped.
///
/// - Parameters:
///   - configuration: What is dumped; `nil` dumps nothing.
///   - iteration: The iteration, from 0.
///   - finished: Told what was written, when something was.
///   - body: What is recorded.
/// - Returns: What `body` gives.
/// - Throws: `DumpError.directory` when the directory cannot be made, and what `body` throws.
public func withDumper<Result>(
    _ configuration: DumpConfiguration?, iteration: Int, finished: (DumpSummary) -> Void = { _ in },
    _ body: () throws -> Result
) throws -> Result {
    guard let configuration = configuration?.forIteration(iteration) else { return try body() }
    try Dumper.start(configuration)
    defer { if let summary = Dumper.stop() { finished(summary) } }
    return try body()
}
