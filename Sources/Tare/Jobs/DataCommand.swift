import Datasets
import Foundation
import Glibc
import Processes
import Synchronization
import Wire

/// A program of the user's that writes samples to its standard output; it waits while nobody reads.
final class DataCommand: Sendable {
    /// What the samples come from, for messages and the manifest.
    let name: String
    private let process: ChildProcess
    private let state = Mutex(State())
    private let interruption: CommandInterruption

    private struct State {
        /// The end of what it wrote to standard error.
        var errors: [UInt8] = []
        var errorsHaveEnded = false
        var hasEnded = false
    }

    /// How much of standard error is kept.
    private static let maximumErrorByteCount = 16_384
    /// How many lines of it a message has.
    private static let reportedLineCount = 10
    /// How long a program may take to end when nobody reads any more.
    private static let grace = Duration.seconds(5)
    /// How often is looked whether it has ended: no descriptor tells.
    private static let pollInterval = Duration.milliseconds(10)

    /// Runs a program while something reads what it writes, and ends it afterwards when it still runs.
    ///
    /// It has a process group of its own, so SIGINT and SIGTERM, which this process gets, are passed on; a second one ends both at
    /// once.
    ///
    /// - Parameters:
    ///   - text: A command for `/bin/sh`.
    ///   - body: Reads.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; `CommandFailure` when the program cannot be started, or a signal came.
    static func reading<Result>(_ text: String, _ body: (DataCommand) throws -> Result) throws -> Result {
        let interruption = try CommandInterruption()
        // Before the program is started, so that no signal leaves it behind.
        let signals = SignalWatch { interruption.take($0) }
        defer { signals.cancel() }
        let command = try DataCommand(text, interruption)
        let outcome = Swift.Result { try body(command) }
        // Also when it wrote more than is used, and when what it wrote is no data.
        command.stop()
        if interruption.isRequested { throw Interruption.failure }
        return try outcome.get()
    }

    private init(_ text: String, _ interruption: CommandInterruption) throws {
        name = "--data-command '\(text)'"
        self.interruption = interruption
        do {
            process = try ChildProcess(
                executable: "/bin/sh", arguments: ["-c", text], environment: [], separatesErrors: true)
        } catch {
            throw CommandFailure(.inputOutput, "\(name): \(error)")
        }
        interruption.ends(process)
    }

    /// Waits for what it writes next.
    ///
    /// - Returns: The bytes; none when it has ended well.
    /// - Throws: `CommandFailure` with how it ended and the last lines of its standard error, when that was not well.
    @Sendable func read() throws -> [UInt8] {
        try state.withLock { state in
            while !state.hasEnded {
                try wait(state)
                takeErrors(&state)
                guard let bytes = process.readOutput() else { break }
                if !bytes.isEmpty { return bytes }
            }
            try finish(&state)
            return []
        }
    }

    /// Ends the program when it still runs.
    private func stop() {
        state.withLock { state in
            if !state.hasEnded { end(&state) }
        }
    }

    /// SIGTERM, and SIGKILL when the grace is over, for it and what it started.
    private func end(_ state: inout State) {
        process.signalGroup(SIGTERM)
        _ = ends(&state)
        process.signalGroup(SIGKILL)
        _ = collect(&state)
    }

    private func collect(_ state: inout State) -> ChildProcess.Ending {
        interruption.ends(nil)
        state.hasEnded = true
        return process.reap()
    }

    /// Waits until one of its outputs has something.
    private func wait(_ state: State) throws {
        let descriptors = [interruption.descriptor, process.output] + openErrors(state)
        _ = try ZeroMQSocket.wait([], descriptors: descriptors, timeout: nil)
        if interruption.isRequested { throw Interruption.failure }
    }

    private func openErrors(_ state: State) -> [Int32] {
        state.errorsHaveEnded ? [] : [process.errors].compactMap(\.self)
    }

    private func takeErrors(_ state: inout State) {
        // Once for each time that there is something: it may write for ever.
        guard !state.errorsHaveEnded else { return }
        guard let bytes = process.readErrors() else {
            state.errorsHaveEnded = true
            return
        }
        state.errors += bytes
        state.errors.removeFirst(max(0, state.errors.count - Self.maximumErrorByteCount))
    }

    /// Whether it ends in the time that it has; so long, what it started may write to standard error too.
    private func ends(_ state: inout State) -> Bool {
        let deadline = MonotonicClock.now + Self.grace
        takeErrors(&state)
        while !state.errorsHaveEnded || !process.hasEnded, MonotonicClock.now < deadline {
            guard (try? ZeroMQSocket.wait([], descriptors: openErrors(state), timeout: Self.pollInterval)) != nil
            else { break }
            takeErrors(&state)
        }
        return process.hasEnded
    }

    /// Collects the program at the end of its output.
    private func finish(_ state: inout State) throws {
        guard !state.hasEnded else { return }
        guard ends(&state) else {
            end(&state)
            throw CommandFailure(
                .badData,
                "\(name) closed its standard output and had not ended \(Self.grace.components.seconds) seconds later, so that nothing tells "
                    + "whether its samples are complete; let it end when it has written them")
        }
        let ending = collect(&state)
        guard !ending.isSuccess else { return }
        let lines = String(decoding: state.errors, as: UTF8.self).split(whereSeparator: \.isNewline)
            .suffix(Self.reportedLineCount)
        throw CommandFailure(
            .badData,
            "\(name) failed: \(ending)"
                + (lines.isEmpty
                    ? "; it wrote nothing to standard error"
                    : "; the last of its standard error:\n" + lines.map { "  \($0)" }.joined(separator: "\n")))
    }
}
