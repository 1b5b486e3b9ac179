internal import Foundation
internal import Glibc

/// A process started by this one: its standard input is a pipe that closes when this process ends, however it ends, and
/// its standard error comes back through another.
struct ChildProcess {
    let id: pid_t
    /// Standard error; end of file when the process has ended.
    let output: Int32
    /// The other end of standard input.
    private let lifeline: Int32

    /// How a process ended.
    struct Ending {
        var text: String
        var isSuccess: Bool
        /// Whether starting it again would end the same way.
        var isFinal: Bool
    }

    /// Starts an executable in a process group of its own, so that a Ctrl-C in the terminal reaches the parent only.
    ///
    /// - Throws: `CoordinatorServiceError` that names the executable.
    init(executable: String, arguments: [String], environment: [(name: String, value: String)]) throws {
        var input: [Int32] = [0, 0]
        var output: [Int32] = [0, 0]
        guard unsafe pipe(&input) == 0 else { throw Self.failure("a pipe", errno) }
        guard unsafe pipe(&output) == 0 else {
            let code = errno
            input.forEach { close($0) }
            throw Self.failure("a pipe", code)
        }
        defer {
            close(input[0])
            close(output[1])
        }
        // No other child may inherit an end, or this one would not notice when the parent is gone.
        for descriptor in input + output { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, output[1], STDERR_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        var mask = sigset_t()
        unsafe sigemptyset(&mask)
        unsafe posix_spawnattr_setsigmask(&attributes, &mask)

        let words = unsafe ([executable] + arguments).map { unsafe strdup($0) } + [nil]
        let variables = unsafe Self.environment(environment).map { unsafe strdup($0) } + [nil]
        defer { unsafe (words + variables).forEach { unsafe free($0) } }
        var id: pid_t = 0
        let code = unsafe posix_spawn(&id, Self.resolved(executable), &actions, &attributes, words, variables)
        guard code == 0 else {
            close(input[1])
            close(output[0])
            throw Self.failure("'\(executable)'", code)
        }
        self.id = id
        lifeline = input[1]
        self.output = output[0]
        _ = fcntl(output[0], F_SETFL, O_NONBLOCK)
    }

    /// The file behind `/proc/self/exe`, so that the process has its name, unless the file was replaced since.
    private static func resolved(_ executable: String) -> String {
        guard executable == "/proc/self/exe",
            let path = try? FileManager.default.destinationOfSymbolicLink(atPath: executable),
            FileManager.default.isExecutableFile(atPath: path)
        else { return executable }
        return path
    }

    private static func failure(_ what: String, _ code: Int32) -> CoordinatorServiceError {
        .start(text: "\(what) cannot be started (\(unsafe String(cString: strerror(code))))")
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
    func readOutput() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe read(output, &buffer, buffer.count)
        if count > 0 { return Array(buffer.prefix(count)) }
        return count == 0 || (errno != EAGAIN && errno != EINTR) ? nil : []
    }

    /// Sends a signal.
    func signal(_ number: Int32) {
        kill(id, number)
    }

    /// Waits for the end, which has come when the output has ended, and frees everything.
    func reap() -> Ending {
        var status: Int32 = 0
        while unsafe waitpid(id, &status, 0) < 0, errno == EINTR {}
        close(output)
        close(lifeline)
        let signal = status & 0x7F
        let code = (status >> 8) & 0xFF
        if signal != 0 { return Ending(text: "it was killed by signal \(signal)", isSuccess: false, isFinal: false) }
        // Usage and configuration errors come back however often it is tried.
        return Ending(
            text: "it ended with status \(code)", isSuccess: code == 0,
            isFinal: [EX_USAGE, EX_DATAERR, EX_NOPERM, EX_CONFIG].contains(code))
    }
}
