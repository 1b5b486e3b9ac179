internal import Glibc
public import Wire

/// Keeps a number of processes running: starts them, passes on what they write, starts those again that crashed, and ends
/// them; on the thread that calls `run`.
///
/// When this process ends, however it ends, their standard input closes; they are expected to end then.
public final class ProcessSupervisor {
    /// What other threads ask for.
    public enum Command: Sendable {
        /// Processes may end now without being started again.
        case expectEnd
        /// SIGTERM to all; asked again, SIGTERM once more, and SIGKILL when the grace is over.
        case drain
        /// SIGTERM to all, and SIGKILL when the grace is over.
        case end
    }

    /// What is told of the processes.
    public enum Event: Sendable {
        /// One writes a line.
        case wrote(number: Int, line: String)
        /// One ended; `restart` is how long after it starts again, `nil` for never.
        case ended(number: Int, process: Int32, ending: ChildProcess.Ending, lastLine: String, restart: Duration?)
        /// One could not be started.
        case notStarted(number: Int, text: String)
        /// None is left, and none will be started, though nobody asked for an end.
        case exhausted(number: Int, text: String)
    }

    /// Which processes to run.
    public struct Configuration: Sendable {
        /// How many.
        public var count: Int
        /// Path of the executable.
        public var executable: String
        /// The arguments of a process, by its number from 0.
        public var arguments: @Sendable (Int) -> [String]
        /// The variables of a process, by its number from 0.
        public var environment: @Sendable (Int) -> [(name: String, value: String)]
        /// When a process is started again.
        public var restart: RestartPolicy
        /// How long processes may take to end, before SIGKILL.
        public var grace: Duration

        /// Describes processes.
        public init(
            count: Int, executable: String = "/proc/self/exe", arguments: @escaping @Sendable (Int) -> [String],
            environment: @escaping @Sendable (Int) -> [(name: String, value: String)] = { _ in [] },
            restart: RestartPolicy = RestartPolicy(), grace: Duration = .seconds(10)
        ) {
            self.count = count
            self.executable = executable
            self.arguments = arguments
            self.environment = environment
            self.restart = restart
            self.grace = grace
        }
    }

    private enum State {
        case running(RunningProcess)
        /// Not started yet, or to be started again after this ending.
        case pausing(until: Duration, ending: ChildProcess.Ending?)
        /// `nil`: it could not be started.
        case over(ChildProcess.Ending?)
    }

    private struct Slot {
        var state: State
        var crashesInARow = 0

        var isActive: Bool {
            if case .over = state { return false }
            return true
        }

        var pauseEnd: Duration? {
            guard case .pausing(let end, _) = state else { return nil }
            return end
        }
    }

    private let configuration: Configuration
    private let tell: (Event) -> Void
    private var slots: [Slot] = []
    private var restarts = 0
    private var endIsExpected = false
    private var drains = 0
    private var killAt: Duration?

    /// Prepares; starts nothing yet.
    ///
    /// - Parameters:
    ///   - configuration: Which processes.
    ///   - tell: Told what happens, on the thread of `run`.
    public init(configuration: Configuration, tell: @escaping (Event) -> Void) {
        self.configuration = configuration
        self.tell = tell
    }

    /// Starts the processes and stays with them until none runs and none will be started again.
    ///
    /// - Returns: How the last process of each number ended; `nil` for one that could not be started.
    /// - Throws: `ZeroMQError` when the processes cannot be watched; they are killed then.
    public func run(_ mailbox: Mailbox<Command>) throws(ZeroMQError) -> [ChildProcess.Ending?] {
        slots = (0..<configuration.count).map { _ in Slot(state: .pausing(until: .zero, ending: nil)) }
        for number in slots.indices { start(number) }
        do throws(ZeroMQError) {
            while slots.contains(where: { $0.isActive }) { try step(mailbox) }
        } catch {
            running.forEach { $0.process.process.signal(SIGKILL) }
            running.forEach { _ = $0.process.process.reap() }
            throw error
        }
        return slots.map { slot in
            guard case .over(let ending) = slot.state else { return nil }
            return ending
        }
    }

    private var running: [(number: Int, process: RunningProcess)] {
        slots.indices.compactMap { number in
            guard case .running(let process) = slots[number].state else { return nil }
            return (number, process)
        }
    }

    /// Waits for the next thing and deals with it.
    private func step(_ mailbox: Mailbox<Command>) throws(ZeroMQError) {
        let watched = running
        let deadline = (slots.compactMap(\.pauseEnd) + [killAt].compactMap { $0 }).min()
        let ready = try ZeroMQSocket.wait(
            [], descriptors: [mailbox.descriptor] + watched.map(\.process.process.output),
            timeout: deadline.map { max(.zero, $0 - MonotonicClock.now) })
        let now = MonotonicClock.now
        if let time = killAt, time <= now {
            killAt = nil
            watched.forEach { $0.process.process.signal(SIGKILL) }
        }
        for (index, entry) in watched.enumerated() where ready[index + 1] { read(entry.number, entry.process) }
        if ready[0] {
            for command in mailbox.takeAll() { handle(command) }
        }
        for number in slots.indices {
            if let end = slots[number].pauseEnd, end <= now { start(number) }
        }
    }

    private func handle(_ command: Command) {
        endIsExpected = true
        for number in slots.indices {
            if case .pausing(_, let ending) = slots[number].state { slots[number].state = .over(ending) }
        }
        switch command {
        case .expectEnd: return
        case .drain:
            drains += 1
            running.forEach { $0.process.process.signal(SIGTERM) }
            if drains > 1, killAt == nil { killAt = MonotonicClock.now + configuration.grace }
        case .end:
            guard killAt == nil else { return }
            running.forEach { $0.process.process.signal(SIGTERM) }
            killAt = MonotonicClock.now + configuration.grace
        }
    }

    private func start(_ number: Int) {
        do {
            let process = try ChildProcess(
                executable: configuration.executable, arguments: configuration.arguments(number),
                environment: configuration.environment(number))
            slots[number].state = .running(RunningProcess(process: process, started: MonotonicClock.now))
        } catch {
            slots[number].state = .over(nil)
            tell(.notStarted(number: number, text: error.description))
            noticeExhaustion(number, "\(error)")
        }
    }

    /// Passes on what a process wrote; at the end of its output it has ended.
    private func read(_ number: Int, _ running: RunningProcess) {
        var running = running
        let bytes = running.process.readOutput()
        for line in running.lines(adding: bytes) { tell(.wrote(number: number, line: line)) }
        slots[number].state = .running(running)
        if bytes == nil { hasEnded(number, running) }
    }

    private func hasEnded(_ number: Int, _ running: RunningProcess) {
        let ending = running.process.reap()
        slots[number].state = .over(ending)
        let policy = configuration.restart
        let wasHealthy = MonotonicClock.now - running.started >= policy.healthyAfter
        let crashes = wasHealthy ? 1 : slots[number].crashesInARow + 1
        var delay: Duration?
        if !endIsExpected, policy.isWorthwhile(ending), restarts < policy.maximumTotal, crashes <= policy.maximumInARow
        {
            delay = policy.delay(attempt: crashes)
        }
        tell(
            .ended(
                number: number, process: running.process.id, ending: ending, lastLine: running.lastLine, restart: delay)
        )
        guard let delay else {
            noticeExhaustion(number, Self.reason(ending, lastLine: running.lastLine))
            return
        }
        slots[number].crashesInARow = crashes
        restarts += 1
        if delay == .zero {
            start(number)
        } else {
            slots[number].state = .pausing(until: MonotonicClock.now + delay, ending: ending)
        }
    }

    private func noticeExhaustion(_ number: Int, _ text: String) {
        guard !endIsExpected, !slots.contains(where: { $0.isActive }) else { return }
        tell(.exhausted(number: number, text: text))
    }

    /// How a process ended, with the last it said.
    public static func reason(_ ending: ChildProcess.Ending, lastLine: String) -> String {
        lastLine.isEmpty ? "\(ending)" : "\(ending); it said: \(lastLine)"
    }
}
