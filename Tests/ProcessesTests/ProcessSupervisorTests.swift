import Foundation
import Glibc
import Processes
import Synchronization
import Testing
import Wire

/// Real child processes (shells) that crash, finish, hang and are told to end.
@Suite struct ProcessSupervisorTests {
    /// Runs a supervisor on a thread of its own and keeps what it tells.
    private final class Supervision: Sendable {
        let mailbox: Mailbox<ProcessSupervisor.Command>
        let events = Mutex<[ProcessSupervisor.Event]>([])
        private let result = Mutex<[ChildProcess.Ending?]>([])
        private let thread: ServiceThread

        /// `react` is called with each event and the mailbox, on the supervisor's thread.
        init(
            _ configuration: ProcessSupervisor.Configuration,
            react: @escaping @Sendable (ProcessSupervisor.Event, Mailbox<ProcessSupervisor.Command>) -> Void = { _, _ in
            }
        ) throws {
            let mailbox = try Mailbox<ProcessSupervisor.Command>()
            self.mailbox = mailbox
            let body = Mutex<(@Sendable () -> Void)?>(nil)
            let start = DispatchSemaphore(value: 0)
            thread = ServiceThread(name: "test") {
                start.wait()
                body.withLock { $0 }?()
            }
            body.withLock { value in
                value = { [self] in
                    let supervisor = ProcessSupervisor(configuration: configuration) { event in
                        self.events.withLock { $0.append(event) }
                        react(event, mailbox)
                    }
                    let endings = (try? supervisor.run(mailbox)) ?? []
                    self.result.withLock { $0 = endings }
                }
            }
            start.signal()
        }

        func endings() async -> [ChildProcess.Ending?] {
            await thread.ended()
            return result.withLock { $0 }
        }

        var lines: [String] {
            events.withLock { events in
                events.compactMap { event in
                    guard case .wrote(let number, let line) = event else { return nil }
                    return "\(number): \(line)"
                }
            }
        }

        /// The delays of the restarts, `nil` for an ending without one.
        var restarts: [Duration?] {
            events.withLock { events in
                events.compactMap { event in
                    guard case .ended(_, _, _, _, let restart) = event else { return nil }
                    return .some(restart)
                }
            }
        }

        var exhaustions: [String] {
            events.withLock { events in
                events.compactMap { event in
                    guard case .exhausted(_, let text) = event else { return nil }
                    return text
                }
            }
        }
    }

    private static func shell(
        _ script: String, count: Int = 1, restart: RestartPolicy = RestartPolicy(), grace: Duration = .seconds(10)
    ) -> ProcessSupervisor.Configuration {
        ProcessSupervisor.Configuration(
            count: count, executable: "/bin/sh", arguments: { ["-c", script, "shell", "\($0)"] },
            environment: { [("NUMBER", "\($0)")] }, restart: restart, grace: grace)
    }

    @Test func outputIsPassedOnByLine() async throws {
        let supervision = try Supervision(Self.shell("echo one; echo \"two $1 $NUMBER\" >&2; printf three", count: 2))
        #expect(await supervision.endings() == [.exited(status: 0), .exited(status: 0)])
        for number in 0..<2 {
            #expect(
                supervision.lines.filter { $0.hasPrefix("\(number)") }
                    == ["\(number): one", "\(number): two \(number) \(number)", "\(number): three"])
        }
    }

    @Test func crashesAreStartedAgainUpToALimit() async throws {
        let policy = RestartPolicy(maximumInARow: 3, firstDelay: .milliseconds(5), longestDelay: .milliseconds(15))
        let supervision = try Supervision(Self.shell("kill -KILL $$", restart: policy))
        #expect(await supervision.endings() == [.killed(signal: SIGKILL)])
        // Three restarts with doubled pauses up to the longest, then none.
        #expect(supervision.restarts == [.milliseconds(5), .milliseconds(10), .milliseconds(15), nil])
        #expect(supervision.exhaustions == ["it was killed by signal 9"])
    }

    @Test func restartsAreLimitedForAllTogether() async throws {
        let supervision = try Supervision(
            Self.shell("echo broken; exit 70", count: 3, restart: RestartPolicy(maximumTotal: 4)))
        #expect(await supervision.endings() == [ChildProcess.Ending?](repeating: .exited(status: 70), count: 3))
        #expect(supervision.restarts.count == 7)
        #expect(supervision.exhaustions == ["it ended with status 70; it said: broken"])
    }

    @Test func healthyProcessesBeginANewRow() async throws {
        // With no time needed to count as healthy, the limit in a row is never reached: the total is.
        let policy = RestartPolicy(maximumTotal: 6, maximumInARow: 1, healthyAfter: .zero)
        let supervision = try Supervision(Self.shell("exit 1", restart: policy))
        #expect(await supervision.endings() == [.exited(status: 1)])
        #expect(supervision.restarts.count == 7)
    }

    @Test(arguments: [Int32(0), 64, 65, 66, 77, 78])
    func someEndingsAreFinal(status: Int32) async throws {
        let supervision = try Supervision(Self.shell("exit \(status)"))
        #expect(await supervision.endings() == [.exited(status: status)])
        #expect(supervision.restarts == [nil])
    }

    @Test func drainReachesAllAndNobodyIsReplaced() async throws {
        let supervision = try Supervision(
            Self.shell("trap 'exit 75' TERM; echo ready; while :; do read x || exit 3; done", count: 3)
        ) { event, mailbox in
            if case .wrote(2, _) = event { mailbox.post(.drain) }
        }
        let endings = await supervision.endings()
        // Those that had not set their trap yet ended by the signal itself.
        #expect(endings.allSatisfy { $0 == .exited(status: 75) || $0 == .killed(signal: SIGTERM) }, "\(endings)")
        #expect(endings[2] == .exited(status: 75))
        #expect(supervision.restarts == [nil, nil, nil])
        #expect(supervision.exhaustions.isEmpty)
    }

    @Test func secondDrainKillsWhoDoesNotListen() async throws {
        let supervision = try Supervision(
            Self.shell("trap 'echo deaf' TERM; echo ready; while :; do read x; done", grace: .milliseconds(50))
        ) { event, mailbox in
            // The first signal is answered with a line, and that with a second signal.
            if case .wrote = event { mailbox.post(.drain) }
        }
        #expect(await supervision.endings() == [.killed(signal: SIGKILL)])
        #expect(supervision.lines.starts(with: ["0: ready", "0: deaf"]))
    }

    @Test func endKillsAfterTheGrace() async throws {
        let supervision = try Supervision(
            Self.shell("trap '' TERM; echo ready; while :; do read x; done", grace: .milliseconds(50))
        ) { event, mailbox in
            if case .wrote = event { mailbox.post(.end) }
        }
        #expect(await supervision.endings() == [.killed(signal: SIGKILL)])
    }

    @Test func pausesAreCutShortByAnEnd() async throws {
        let policy = RestartPolicy(firstDelay: .seconds(600), longestDelay: .seconds(600))
        let supervision = try Supervision(Self.shell("exit 1", restart: policy)) { event, mailbox in
            if case .ended = event { mailbox.post(.drain) }
        }
        #expect(await supervision.endings() == [.exited(status: 1)])
    }

    @Test func whatCannotBeStartedIsTold() async throws {
        let configuration = ProcessSupervisor.Configuration(
            count: 2, executable: "/nonexistent/tare", arguments: { _ in [] })
        let supervision = try Supervision(configuration)
        #expect(await supervision.endings() == [nil, nil])
        #expect(supervision.exhaustions.count == 1)
        #expect(supervision.exhaustions.first?.contains("/nonexistent/tare") == true)
    }

    @Test func standardInputIsTheLifeline() throws {
        // Nobody writes to it: it ends only when the parent does, here by giving the process up.
        let process = try ChildProcess(
            executable: "/bin/sh", arguments: ["-c", "read x; echo \"input ended\""], environment: [])
        #expect(process.readOutput() == [])
        process.signal(SIGKILL)
        #expect(process.reap() == .killed(signal: SIGKILL))
    }

    @Test func standardErrorCanHaveAPipeOfItsOwn() throws {
        let process = try ChildProcess(
            executable: "/bin/sh", arguments: ["-c", "echo data; echo trouble >&2; exit 3"], environment: [],
            separatesErrors: true)
        func whole(_ read: () -> [UInt8]?) -> String {
            var bytes: [UInt8] = []
            while let more = read() { bytes += more }
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(whole(process.readOutput) == "data\n")
        #expect(whole(process.readErrors) == "trouble\n")
        #expect(process.reap() == .exited(status: 3))
    }
}
