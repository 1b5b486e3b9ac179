internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// Commands for a thread that waits on sockets, from any thread; an `eventfd` wakes the thread.
public final class Mailbox<Command: Sendable>: Sendable {
    private let waiting = Mutex<[Command]>([])
    private let limit: Int
    /// Readable while there are commands.
    public let descriptor: Int32

    /// Makes an empty mailbox.
    ///
    /// - Parameter limit: How many commands may wait.
    /// - Throws: `ZeroMQError` when the process has no file descriptors left.
    public init(limit: Int = 65_536) throws(ZeroMQError) {
        self.limit = limit
        descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        guard descriptor >= 0 else { throw ZeroMQError("Making a mailbox", code: errno) }
    }

    deinit {
        close(descriptor)
    }

    /// Adds a command.
    ///
    /// - Returns: Whether it was taken: not when the mailbox is full.
    @discardableResult
    public func post(_ command: Command) -> Bool {
        let (isTaken, wasEmpty) = waiting.withLock { commands in
            guard commands.count < limit else { return (false, false) }
            commands.append(command)
            return (true, commands.count == 1)
        }
        // Only the step from empty to not empty needs a system call.
        if wasEmpty { signal() }
        return isTaken
    }

    /// Takes all commands, in order.
    public func takeAll() -> [Command] {
        var count: UInt64 = 0
        _ = unsafe read(descriptor, &count, 8)
        return waiting.withLock { commands in
            let taken = commands
            commands = []
            return taken
        }
    }

    private func signal() {
        var one: UInt64 = 1
        // It can only fail when the counter is full, and then the descriptor is readable anyway.
        _ = unsafe write(descriptor, &one, 8)
    }
}
