internal import Dispatch
internal import Foundation
internal import Logs
internal import Synchronization

/// Writes the files of a dump on threads of its own, each file by one of them.
///
/// Files wait in a queue of bounded size: who adds to a full one waits until there is room. The first error ends the dump:
/// files that wait are dropped, and new ones are not taken.
final class DumpWriter: Sendable {
    /// What was written until now.
    struct Progress: Sendable {
        var files = 0
        var bytes = 0
        var failure: DumpError?
    }

    private struct File: Sendable {
        var path: String
        var content: DumpContent
        /// What the file counts in the queue.
        var cost: Int { content.byteCount + 512 }
    }

    private struct State {
        /// Files that came last, newest at the end, and those to be written next, newest at the front.
        var arrived: [File] = []
        var next: [File] = []
        var costInFlight = 0
        var waitingForRoom = 0
        var isClosed = false
        var progress = Progress()
    }

    private let state = Mutex(State())
    private let work = DispatchSemaphore(value: 0)
    private let room = DispatchSemaphore(value: 0)
    private let running = DispatchGroup()
    private let limit: Int
    private let threadCount: Int
    private let storage: DumpStorage
    private let report: LogSink

    /// Starts the threads.
    ///
    /// - Parameters:
    ///   - limit: Bytes of tensors that may wait; a larger tensor waits alone.
    ///   - threadCount: How many files are written at a time.
    ///   - storage: How bytes reach the files.
    ///   - report: Told of the error that ends the dump, at once.
    init(limit: Int, threadCount: Int, storage: DumpStorage, report: @escaping LogSink) {
        self.limit = limit
        self.threadCount = threadCount
        self.storage = storage
        self.report = report
        for number in 0..<threadCount {
            running.enter()
            let thread = Thread { [self] in
                writeFiles()
                running.leave()
            }
            thread.name = "tare-dump-\(number)"
            thread.start()
        }
    }

    /// Whether files are still taken.
    var isOpen: Bool { state.withLock { !$0.isClosed && $0.progress.failure == nil } }

    /// Adds a file; waits while too much is waiting already.
    func add(_ path: String, _ content: DumpContent) {
        let file = File(path: path, content: content)
        while true {
            let isDone = state.withLock { state in
                guard !state.isClosed, state.progress.failure == nil else { return true }
                guard state.costInFlight == 0 || state.costInFlight + file.cost <= limit else {
                    state.waitingForRoom += 1
                    return false
                }
                state.costInFlight += file.cost
                state.arrived.append(file)
                return true
            }
            if isDone { break }
            room.wait()
        }
        work.signal()
    }

    /// Ends the dump because of an error that happened elsewhere.
    func fail(_ error: DumpError) {
        let isFirst = state.withLock { state in
            // Files that waited when the dump was closed can fail too.
            guard state.progress.failure == nil else { return false }
            state.progress.failure = error
            return true
        }
        if isFirst {
            report("the dump ends here, what is computed goes on: \(error)")
        }
    }

    /// Takes no more files, and lets the threads end when all are written.
    func close() {
        let wasOpen = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        guard wasOpen else { return }
        for _ in 0..<threadCount { work.signal() }
    }

    /// Waits until all files are written.
    func finish() -> Progress {
        close()
        running.wait()
        return state.withLock { $0.progress }
    }

    private func writeFiles() {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            work.wait()
            // There is a signal for every file and, after closing, one for every thread.
            guard let (file, isWanted) = takeFile() else {
                if state.withLock({ $0.isClosed }) { return }
                continue
            }
            if isWanted { write(file, &buffer) }
            let waiting = state.withLock { state in
                state.costInFlight -= file.cost
                defer { state.waitingForRoom = 0 }
                return state.waitingForRoom
            }
            for _ in 0..<waiting { room.signal() }
        }
    }

    private func takeFile() -> (file: File, isWanted: Bool)? {
        state.withLock { state in
            if state.next.isEmpty {
                state.next = state.arrived.reversed()
                state.arrived = []
            }
            guard let file = state.next.popLast() else { return nil }
            return (file, state.progress.failure == nil)
        }
    }

    private func write(_ file: File, _ buffer: inout [UInt8]) {
        do throws(DumpError) {
            var written = 0
            let output = try DumpFile(path: file.path, storage: storage)
            var text = DumpTextBuffer(buffer) { (bytes, count) throws(DumpError) in
                try output.append(bytes, count)
                written += count
            }
            buffer = []
            buffer = try text.write(file.content)
            try output.finish()
            state.withLock { state in
                state.progress.files += 1
                state.progress.bytes += written
            }
        } catch {
            if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: 1 << 20) }
            fail(error)
        }
    }
}
