import Foundation
import TestSupport
import Testing

@testable import Tensors

@Suite struct InputFileTests {
    /// How many files of a folder this process has open.
    private func openFiles(in folder: TemporaryFolder) throws -> Int {
        let numbers = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        return numbers.count { number in
            let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)")
            return path?.hasPrefix(folder.url.resolvingSymlinksInPath().path) == true
        }
    }

    private func bytes(_ index: Int) -> [UInt8] { [UInt8(index & 0xFF), UInt8(index >> 8), 7] }

    @Test func moreFilesThanMayBeOpenAreReadInAnyOrder() throws {
        let folder = try TemporaryFolder()
        let count = 3 * RecentlyOpenedFiles.limit
        let files = try (0..<count).map { try InputFile(path: folder.file("\($0)", bytes($0))) }
        #expect(try openFiles(in: folder) <= RecentlyOpenedFiles.limit)
        for index in Array(files.indices) + files.indices.reversed() {
            #expect(try files[index].bytes(0..<3) == bytes(index))
            #expect(try files[index].storage(1..<3).copyBytes() == Array(bytes(index)[1...]))
        }
        #expect(try openFiles(in: folder) <= RecentlyOpenedFiles.limit)
        let found = try files.concurrentMap { file throws(TensorFileError) in try file.bytes(0..<3) }
        #expect(found == files.indices.map(bytes))
    }

    @Test func aFileThatNobodyReadsAnyMoreIsClosed() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("a", [1, 2, 3])
        do {
            let file = try InputFile(path: path)
            #expect(try file.bytes(0..<3) == [1, 2, 3])
        }
        #expect(try openFiles(in: folder) == 0)
    }

    @Test func aFileThatWasReplacedIsNotReadOnUnnoticed() throws {
        let folder = try TemporaryFolder()
        let file = try InputFile(path: folder.file("first", [1, 2, 3]))
        let others = try (0..<2 * RecentlyOpenedFiles.limit).map { try InputFile(path: folder.file("\($0)", [0])) }
        try FileManager.default.removeItem(atPath: folder.path("first"))
        #expect(throws: TensorFileError.self) { try file.bytes(0..<1) }
        _ = try folder.file("first", [1, 2, 3])
        let error = #expect(throws: TensorFileError.self) { try file.bytes(0..<1) }
        #expect(error?.reason == .replaced)
        #expect(others.count == 2 * RecentlyOpenedFiles.limit)
    }

    @Test func aTemporaryFileStaysOpen() throws {
        let folder = try TemporaryFolder()
        let spool = try TemporaryFile(name: "spool", byteLimit: 10)
        _ = try spool.append([4, 5, 6])
        let reader = try spool.reader()
        let others = try (0..<2 * RecentlyOpenedFiles.limit).map { try InputFile(path: folder.file("\($0)", [0])) }
        #expect(try reader.bytes(0..<3) == [4, 5, 6])
        #expect(others.count == 2 * RecentlyOpenedFiles.limit)
    }
}
