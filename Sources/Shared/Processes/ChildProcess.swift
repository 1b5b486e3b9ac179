internal import Foundation
internal import Glibc

/// A process started by this one: its standard input is a pipe that closes when this process ends, however it ends, and
/// what it writes comes back through another.
public struct ChildProcess: Sendable {
    /// Its process id, which is also that of its process group.
    public let id: Int32
    /// Standard output, and standard error unless it has a pipe of its own; end of file when the process has ended.
    public let output: Int32
    /// Standard error, when it has a pipe of its own.
    public let errors: Int32?
    /// The other end of standard input.
    private let lifeline: Int32

    /// How a process ended.
    public enum Ending: Hashable, Sendable {
        /// With an exit status.
        case exited(status: Int32)
        /// By a signal.
        case killed(signal: Int32)

        /// Whether it ended with status 0.
        public var isSuccess: Bool { self == .exited(status: 0) }

        /// Whether starting it again would end the same way: usage, data, permission and configuration errors come back
        /// however often it is tried.
        public var isFinal: Bool {
            guard case .exited(let status) = self else { return false }
            return [EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_NOPERM, EX_CONFIG].contains(status)
        }
    }

    /// Why a process could not be started.
    public struct StartError: Error, Hashable, Sendable, CustomStringConvertible {
        /// The thing and the reason.
        public let description: String
    }

    /// Starts an executable in a process group of its own, so that a Ctrl-C in the terminal reaches the parent only.
    ///
    /// - Parameters:
    ///   - executable: Its path; a name without a slash is not searched for.
    ///   - arguments: What follows the name.
    ///   - environment: Variables added to this process's or put in place of them.
    ///   - separatesErrors: Whether standard error has a pipe of its own, so that standard output holds data alone.
    /// - Throws: `StartError` that names the executable.
    public init(
        executable: String, arguments: [String], environment: [(name: String, value: String)],
        separatesErrors: Bool = false
    ) throws(StartError) {
        let pipes = try Self.pipes(separatesErrors ? 3 : 2)
        let (input, output) = (pipes[0], pipes[1])
        let errors = pipes.count == 3 ? pipes[2] : output
        defer {
            close(input.reading)
            pipes.dropFirst().forEach { close($0.writing) }
        }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, input.reading, STDIN_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, errors.writing, STDERR_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, output.writing, STDOUT_FILENO)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        unsafe posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        var mask = sigset_t()
        unsafe sigemptyset(&mask)
        unsafe posix_spawnattr_setsigmask(&attributes, &mask)
        // This process ignores the signals that it waits for with a dispatch source; a child must not inherit that.
        var defaults = sigset_t()
        unsafe sigemptyset(&defaults)
        for number in [SIGHUP, SIGINT, SIGTERM, SIGPIPE] { unsafe sigaddset(&defaults, number) }
        unsafe posix_spawnattr_setsigdefault(&attributes, &defaults)

        let words = unsafe ([executable] + arguments).map { unsafe strdup($0) } + [nil]
        let variables = unsafe Self.environment(environment).map { unsafe strdup($0) } + [nil]
        defer { unsafe (words + variables).forEach { unsafe free($0) } }
        var id: pid_t = 0
        let code = unsafe posix_spawn(&id, Self.resolved(executable), &actions, &attributes, words, variables)
        guard code == 0 else {
            close(input.writing)
            pipes.dropFirst().forEach { close($0.reading) }
            throw Self.failure("'\(executable)'", code)
        }
        self.id = id
        lifeline = input.writing
        self.output = output.reading
        self.errors = separatesErrors ? errors.reading : nil
        for pipe in pipes.dropFirst() { _ = fcntl(pipe.reading, F_SETFL, O_NONBLOCK) }
    }

    private struct Pipe {
        let reading: Int32
        let writing: Int32
    }

    private static func pipes(_ count: Int) throws(StartError) -> [Pipe] {
        var pipes: [Pipe] = []
        for _ in 0..<count {
            var ends: [Int32] = [0, 0]
            guard unsafe pipe(&ends) == 0 else {
                let code = errno
                for pipe in pipes {
                    close(pipe.reading)
                    close(pipe.writing)
                }
                throw failure("a pipe", code)
            }
            // No other child may inherit an end, or this one would not notice when the parent is gone.
            for descriptor in ends { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
            pipes.append(Pipe(reading: ends[0], writing: ends[1]))
        }
        return pipes
    }

    /// The file behind `/proc/self/exe`, so that the process has its name, unless the file was replaced since.
    private static func resolved(_ executable: String) -> String {
        guard executable == "/proc/self/exe",
            let path = try? FileManager.default.destinationOfSymbolicLink(atPath: executable),
            FileManager.default.isExecutableFile(atPath: path)
        else { return executable }
        return path
    }

    private static func failure(_ what: String, _ code: Int32) -> StartError {
        StartError(description: "\(what) cannot be started (\(unsafe String(cString: strerror(code))))")
    }

    /// The environment of this process with some variables replaced.
    private static func environment(_ added: [(name: String, value: String)]) -> [String] {
        var result: [String] = []
        var next = unsafe environ
        while let entry = unsafe next.pointee {
            let text = unsafe String(cString: entry)
            if !added.contains(where: { text.hasPrefix($0.name + "=") }) { result.append(text) }
            unsafe next += 1
        }
        return result + added.map { "\($0.name)=\($0.value)" }
    }

    /// What the process wrote since the last call; `nil` at its end.
    public func readOutput() -> [UInt8]? { Self.read(output) }

    /// What the process wrote to a standard error of its own since the last call; `nil` at its end, and without one.
    public func readErrors() -> [UInt8]? { errors.flatMap(Self.read) }

    private static func read(_ descriptor: Int32) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
        if count > 0 { return Array(buffer.prefix(count)) }
        return count == 0 || (errno != EAGAIN && errno != EINTR) ? nil : []
    }

    /// Sends a signal.
    public func signal(_ number: Int32) {
        kill(id, number)
    }

    /// Sends a signal to the process and all that it started and that stayed in its group.
    public func signalGroup(_ number: Int32) {
        kill(-id, number)
    }

    /// Whether it has ended.
    ///
    /// The end of its output does not tell: it may close that and go on.
    public var hasEnded: Bool {
        var information = unsafe siginfo_t()
        let code = unsafe waitid(P_PID, id_t(id), &information, WEXITED | WNOHANG | WNOWAIT)
        return unsafe code == 0 && information.si_signo == SIGCHLD
    }

    /// Waits for the end, however long that takes, and frees everything.
    public func reap() -> Ending {
        var status: Int32 = 0
        while unsafe waitpid(id, &status, 0) < 0, errno == EINTR {}
        close(output)
        if let errors { close(errors) }
        close(lifeline)
        let signal = status & 0x7F
        return signal != 0 ? .killed(signal: signal) : .exited(status: (status >> 8) & 0xFF)
    }
}

extension ChildProcess.Ending: CustomStringConvertible {
    /// How it ended.
    public var description: String {
        switch self {
        case .exited(let status): "it ended with status \(status)"
        case .killed(let signal): "it was killed by signal \(signal)"
        }
    }
}
