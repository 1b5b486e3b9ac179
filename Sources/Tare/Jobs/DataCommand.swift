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

    /// Starts the program.
    ///
    /// - Parameter text: A command for `/bin/sh`.
    /// - Throws: `CommandFailure` when it cannot be started.
    init(_ text: String) throws {
        name = "--data-command '\(text)'"
        do {
            process = try ChildProcess(
                executable: "/bin/sh", arguments: ["-c", text], environment: [], separatesErrors: true)
        } catch {
            throw CommandFailure(.inputOutput, "\(name): \(error)")
        }
    }

    /// Waits for what it writes next.
    ///
    /// - Returns: The bytes; none when it has ended well.
    /// - Throws: `CommandFailure` with how it ended and the last lines of its standard error, when that was not well.
    @Sendable func read() throws -> [UInt8] {
        try state.withLock { state in
            while !state.hasEnded {
                try wait(state, timeout: nil)
                takeErrors(&state)
                guard let bytes = process.readOutput() else { break }
                if !bytes.isEmpty { return bytes }
            }
            try finish(&state)
            return []
        }
    }

    /// Ends the program when it still runs.
    func stop() {
        state.withLock { state in
            guard !state.hasEnded else { return }
            process.signalGroup(SIGTERM)
            takeErrorsToTheEnd(&state)
            process.signalGroup(SIGKILL)
            _ = process.reap()
            state.hasEnded = true
        }
    }

    /// Waits until one of its outputs has something.
    private func wait(_ state: State, timeout: Duration?) throws {
        let descriptors = [process.output] + (state.errorsHaveEnded ? [] : [process.errors].compactMap(\.self))
        _ = try ZeroMQSocket.wait([], descriptors: descriptors, timeout: timeout)
    }

    private func takeErrors(_ state: inout State) {
        while !state.errorsHaveEnded {
            guard let bytes = process.readErrors() else {
                state.errorsHaveEnded = true
                return
            }
            if bytes.isEmpty { return }
            state.errors += bytes
            state.errors.removeFirst(max(0, state.errors.count - Self.maximumErrorByteCount))
        }
    }

    /// Something that it left behind may keep standard error open, so not for ever.
    private func takeErrorsToTheEnd(_ state: inout State) {
        let deadline = MonotonicClock.now + Self.grace
        takeErrors(&state)
        while !state.errorsHaveEnded, MonotonicClock.now < deadline, let errors = process.errors {
            let left = max(.zero, deadline - MonotonicClock.now)
            guard (try? ZeroMQSocket.wait([], descriptors: [errors], timeout: left)) != nil else { return }
            takeErrors(&state)
        }
    }

    /// Collects the program at the end of its output.
    private func finish(_ state: inout State) throws {
        guard !state.hasEnded else { return }
        takeErrorsToTheEnd(&state)
        let ending = process.reap()
        state.hasEnded = true
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
