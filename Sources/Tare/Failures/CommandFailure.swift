/// A failure that the user can act on: one message and the exit status that goes with it.
struct CommandFailure: Error, CustomStringConvertible {
    /// Names the thing, the reason and the remedy.
    let message: String
    /// What `tare` exits with.
    let status: ExitStatus

    /// The message.
    var description: String { message }

    /// Makes a failure.
    init(_ status: ExitStatus, _ message: String) {
        self.message = message
        self.status = status
    }
}
