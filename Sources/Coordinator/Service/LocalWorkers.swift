internal import CoordinatorCore
internal import Foundation
internal import Glibc
internal import Synchronization
internal import Wire

/// Worker processes on this machine: started, watched, replaced when they die, and ended, by a thread of their own.
final class LocalWorkers: Sendable {
    enum Command: Sendable {
        /// Workers may end now without being replaced.
        case expectEnd
        /// End those that still run.
        case end
    }

    private let mailbox: Mailbox<Command>
    private let thread: ServiceThread

    /// Starts the workers.
    ///
    /// - Parameters:
    ///   - configuration: How many, and how they are started.
    ///   - endpoint: Where the coordinator listens.
    ///   - directory: Where they keep what they download.
    ///   - exited: Told of each that ended.
    ///   - exhausted: Told when none is left and none will be started.
    ///   - notify: Told what they write.
    /// - Throws: `ZeroMQError` when the mailbox cannot be made.
    init(
        configuration: LocalWorkersConfiguration, endpoint: String, directory: URL,
        exited: @escaping @Sendable (_ node: String, _ process: Int, _ text: String) -> Void,
        exhausted: @escaping @Sendable (String) -> Void, notify: @escaping @Sendable (ClusterNotice) -> Void
    ) throws {
        let mailbox = try Mailbox<Command>()
        self.mailbox = mailbox
        thread = ServiceThread(name: "tare-local") {
            let keeper = WorkerKeeper(
                configuration: configuration, endpoint: endpoint, directory: directory, exited: exited,
                exhausted: exhausted, notify: notify)
            keeper.run(mailbox)
        }
    }

    func expectEnd() {
        mailbox.post(.expectEnd)
    }

    /// Ends all workers and waits for them.
    func end() async {
        mailbox.post(.end)
        await thread.ended()
    }
}

/// What the thread of `LocalWorkers` does.
private final class WorkerKeeper {
    private struct Worker {
        var number: Int
        var process: ChildProcess
        var partialLine: [UInt8] = []
        var lastLine = ""
    }

    private let configuration: LocalWorkersConfiguration
    private let endpoint: String
    private let directory: URL
    private let exited: @Sendable (String, Int, String) -> Void
    private let exhausted: @Sendable (String) -> Void
    private let notify: @Sendable (ClusterNotice) -> Void
    private var workers: [Worker] = []
    private var restarts = 0
    private var endIsExpected = false
    private var killAt: Duration?
    private var isEnding = false

    init(
        configuration: LocalWorkersConfiguration, endpoint: String, directory: URL,
        exited: @escaping @Sendable (String, Int, String) -> Void, exhausted: @escaping @Sendable (String) -> Void,
        notify: @escaping @Sendable (ClusterNotice) -> Void
    ) {
        self.configuration = configuration
        self.endpoint = endpoint
        self.directory = directory
        self.exited = exited
        self.exhausted = exhausted
        self.notify = notify
    }

    func run(_ mailbox: Mailbox<LocalWorkers.Command>) {
        for number in 0..<configuration.count { start(number) }
        while !(isEnding && workers.isEmpty) {
            let ready: [Bool]
            do {
                ready = try ZeroMQSocket.wait(
                    [], descriptors: [mailbox.descriptor] + workers.map(\.process.output),
                    timeout: killAt.map { max(.zero, $0 - MonotonicClock.now) })
            } catch {
                exhausted("the workers cannot be watched: \(error)")
                isEnding = true
                workers.forEach { $0.process.signal(SIGKILL) }
                workers.forEach { _ = $0.process.reap() }
                return
            }
            if let time = killAt, time <= MonotonicClock.now {
                killAt = nil
                workers.forEach { $0.process.signal(SIGKILL) }
            }
            for index in workers.indices.reversed() where ready[index + 1] { read(index) }
            if ready[0] {
                for command in mailbox.takeAll() { handle(command) }
            }
        }
    }

    private func handle(_ command: LocalWorkers.Command) {
        endIsExpected = true
        if case .end = command, !isEnding {
            isEnding = true
            workers.forEach { $0.process.signal(SIGTERM) }
            killAt = MonotonicClock.now + configuration.grace
        }
    }

    /// One compute thread; and freed memory is kept for the next batch, whose tensors have the same sizes: by default the C
    /// library maps large ones anew each time, and the system clears every page again.
    private static let environment = [
        (name: "OMP_NUM_THREADS", value: "1"), (name: "MALLOC_MMAP_THRESHOLD_", value: "268435456"),
        (name: "MALLOC_TRIM_THRESHOLD_", value: "268435456"),
    ]

    private func start(_ number: Int) {
        let cache = directory.appending(path: "cache").path
        do {
            let process = try ChildProcess(
                executable: configuration.executable,
                arguments: configuration.arguments + [
                    "--coordinator", endpoint, "--local-rank", "\(number)", "--cache-directory", cache,
                    "--end-with-parent",
                ], environment: Self.environment + configuration.environment)
            workers.append(Worker(number: number, process: process))
        } catch {
            giveUp("worker \(number): \(error)")
        }
    }

    private func giveUp(_ text: String) {
        if workers.isEmpty, !endIsExpected { exhausted(text) }
    }

    /// Forwards what a worker wrote, line by line; at the end of its output it has ended.
    private func read(_ index: Int) {
        guard let bytes = workers[index].process.readOutput() else {
            hasEnded(index)
            return
        }
        workers[index].partialLine += bytes
        while let end = workers[index].partialLine.firstIndex(of: UInt8(ascii: "\n")) {
            forward(index, workers[index].partialLine[..<end])
            workers[index].partialLine.removeSubrange(...end)
        }
        if workers[index].partialLine.count > 65_536 {
            forward(index, workers[index].partialLine[...])
            workers[index].partialLine = []
        }
    }

    private func forward(_ index: Int, _ line: ArraySlice<UInt8>) {
        workers[index].lastLine = String(decoding: line, as: UTF8.self)
        notify(.workerLog(worker: workers[index].number, line: workers[index].lastLine))
    }

    private func hasEnded(_ index: Int) {
        if !workers[index].partialLine.isEmpty { forward(index, workers[index].partialLine[...]) }
        let worker = workers.remove(at: index)
        let ending = worker.process.reap()
        let reason = worker.lastLine.isEmpty ? ending.text : "\(ending.text); it said: \(worker.lastLine)"
        exited(HostName.current, Int(worker.process.id), reason)
        guard !endIsExpected else { return }
        guard !ending.isSuccess, !ending.isFinal, restarts < configuration.maximumRestarts else {
            giveUp("worker \(worker.number): \(reason)")
            return
        }
        restarts += 1
        start(worker.number)
    }
}
