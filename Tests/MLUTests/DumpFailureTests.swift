import Dispatch
import Foundation
import Glibc
import Synchronization
import Tensors
import TestSupport
import Testing

@testable import MLU

/// What happens when a dump cannot go on: it ends with one clear error, and the computation does not notice.
@Suite struct DumpFailureTests {
    private let folder: TemporaryFolder
    private let lines = DumpTestLines()

    init() throws {
        folder = try TemporaryFolder()
    }

    /// A disk with room for some bytes.
    private func disk(holding capacity: Int) -> DumpStorage {
        let room = DumpTestRoom(capacity)
        return DumpStorage { descriptor, bytes, range in
            let count = room.take(range.count)
            if count == 0 {
                errno = ENOSPC
                return -1
            }
            return DumpStorage.system.write(descriptor, bytes, range.lowerBound..<range.lowerBound + count)
        }
    }

    @Test func aFullDiskEndsTheDumpAndNothingElse() throws {
        let dumper = try Dumper(
            DumpConfiguration(directory: folder.path("dump"), level: 2), bytesInFlight: 1 << 20,
            storage: disk(holding: 50_000), report: lines.add)
        let backend = DumpTestBackend { dumper }
        let tensor = Tensor(shape: [10_000], elements: (0..<10_000).map { Float($0) })
        for _ in 0..<50 {
            let result = backend.call("relu", ["self": .tensor(tensor)]) { .tensor(tensor) }
            guard case .tensor(let value) = result else { continue }
            #expect(value == tensor)
        }
        let summary = dumper.finish()
        let told = lines.all
        // Once when it happens and once at the end, however many files failed.
        #expect(told.count == 2)
        #expect(told.first?.hasPrefix("the dump ends here, what is computed goes on: \(folder.path("dump"))/") == true)
        #expect(told.last?.hasPrefix("the dump in \(folder.path("dump")) is not complete: ") == true)
        for line in told {
            #expect(line.contains("no space left on the device; free some space or choose another folder"))
            #expect(line.contains("_relu/") && line.contains("smaller dump level"))
        }
        #expect(summary.failure != nil && summary.files < 100)

        // What is there is whole.
        let dump = folder.url.appending(path: "dump")
        let files = dump.tree.filter { $0.contains("/") }
        #expect(files.count == summary.files)
        for file in files {
            #expect(try dump.text(file).split(separator: "\n").count == 10_001, "\(file)")
        }
    }

    /// A small dump waits in the queue as a whole: what fails when it is already closed is told too.
    @Test func filesThatFailAfterTheEndAreTold() throws {
        let isClosed = DispatchSemaphore(value: 0)
        let storage = DumpStorage { _, _, _ in
            isClosed.wait()
            isClosed.signal()
            errno = ENOSPC
            return -1
        }
        let writer = DumpWriter(limit: 1 << 20, threadCount: 2, storage: storage, report: lines.add)
        for number in 0..<3 {
            writer.add(folder.path("file\(number)"), DumpContent(Samples.tensor(1), level: .all))
        }
        writer.close()
        isClosed.signal()
        let progress = writer.finish()
        #expect(progress.failure != nil && progress.files == 0 && lines.all.count == 1)
        #expect(try folder.names == [])
    }

    @Test func aVanishedDirectoryEndsTheDump() throws {
        let dumper = try Dumper(
            DumpConfiguration(directory: folder.path("dump"), level: 0), report: lines.add)
        try FileManager.default.removeItem(atPath: dumper.directory)
        let backend = DumpTestBackend { dumper }
        backend.call("relu", ["self": Samples.tensor(1)]) { Samples.tensor(1) }
        backend.call("relu", ["self": Samples.tensor(1)]) { Samples.tensor(1) }
        #expect(dumper.finish().failure != nil)
        #expect(lines.all.count == 2)
        #expect(lines.all.allSatisfy { $0.contains("dump/1_relu: cannot make the directory") })
        #expect(try folder.names == [])
    }

    @Test func aDirectoryThatCannotBeMadeIsAnErrorAtTheStart() throws {
        let file = try folder.file("file", [1])
        let failure = #expect(throws: DumpError.self) {
            try Dumper(DumpConfiguration(directory: file + "/below/dump"))
        }
        #expect("\(try #require(failure))".contains("/file/below/dump: cannot make the directory: Not a directory"))
    }

    @Test func waitingComputationsGoOnWhenTheDiskIsFull() throws {
        // The queue holds one tensor; the second call waits while the first one fails.
        let dumper = try Dumper(
            DumpConfiguration(directory: folder.path("dump"), level: 2), bytesInFlight: 10_000,
            storage: disk(holding: 0), report: lines.add)
        let backend = DumpTestBackend { dumper }
        let tensor = OperatorValue.tensor(Tensor(zeros: [10_000], elementType: .float32))
        for _ in 0..<20 { backend.call("relu", ["self": tensor]) { tensor } }
        let summary = dumper.finish()
        #expect(summary.files == 0 && lines.all.count == 2)
        #expect(folder.url.appending(path: "dump").tree.allSatisfy { !$0.contains("/") })
    }
}

/// Lines that something reported.
final class DumpTestLines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func add(_ line: String) {
        lines.withLock { $0.append(line) }
    }
}

/// Room that is used up.
private final class DumpTestRoom: Sendable {
    private let room: Mutex<Int>

    init(_ capacity: Int) {
        room = Mutex(capacity)
    }

    func take(_ count: Int) -> Int {
        room.withLock { room in
            let taken = min(room, count)
            room -= taken
            return taken
        }
    }
}
