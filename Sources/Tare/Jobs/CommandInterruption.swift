import Glibc
import Processes
import Synchronization
import Wire

/// What SIGINT and SIGTERM do while a program of the user's runs: the first wakes who waits for it, a second one ends both at once.
final class CommandInterruption: Sendable {
    private struct State {
        var isRequested = false
        var process: ChildProcess?
    }

    private let state = Mutex(State())
    private let mailbox: Mailbox<Int32>

    /// Readable when a signal came.
    var descriptor: Int32 { mailbox.descriptor }

    /// Whether a signal came.
    var isRequested: Bool { state.withLock { $0.isRequested } }

    init() throws(ZeroMQError) {
        mailbox = try Mailbox()
    }

    /// Says which program runs; `nil` before it is collected, because its number may then be another's.
    func ends(_ process: ChildProcess?) {
        state.withLock { $0.process = process }
    }

    /// Takes a signal.
    func take(_ number: Int32) {
        state.withLock { state in
            if state.isRequested {
                state.process?.signalGroup(SIGKILL)
                exit(128 + number)
            }
            state.isRequested = true
        }
        mailbox.post(number)
    }
}
