import Foundation
import TestSupport
import Testing

@testable import Tensors

@Suite struct AtomicFileTests {
    @Test func aFileIsReplacedAsAWhole() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write([1, 2, 3], to: folder.path("x"))
        try AtomicFile.write([4], to: folder.path("x"))
        #expect(try InputFile(path: folder.path("x")).bytes(0..<1) == [4])
        #expect(try folder.names == ["x"])
    }

    @Test func aFailureLeavesTheOldFileAndNoOther() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write([1, 2, 3], to: folder.path("x"))
        let failure = TensorFileError(path: "x", reason: .malformed("test"))
        #expect(throws: failure) {
            try AtomicFile.write(to: folder.path("x")) { (writer) throws(TensorFileError) in
                try writer.append([9, 9])
                throw failure
            }
        }
        #expect(try InputFile(path: folder.path("x")).bytes(0..<3) == [1, 2, 3])
        #expect(try folder.names == ["x"])
    }

    @Test func aMissingFolderIsNamed() throws {
        let error = #expect(throws: TensorFileError.self) { try AtomicFile.write([1], to: "/nowhere/at/all/x") }
        #expect(error?.description.contains("/nowhere/at/all") == true)
        #expect(throws: TensorFileError.self) { try AtomicFile.write([1], to: "/tmp/") }
        #expect(throws: TensorFileError.self) { try AtomicFile.write([1], to: "/dev/null") }
    }

    @Test func aFullDiskIsAClearErrorAndLeavesNothing() throws {
        let folder = try TemporaryFolder()
        guard try run("/bin/mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder.url.path]) == 0 else {
            FileHandle.standardError.write(Data("SKIPPED aFullDisk: mounting a small disk needs root\n".utf8))
            return
        }
        defer { _ = try? run("/bin/umount", [folder.url.path]) }
        try AtomicFile.write([1, 2, 3], to: folder.path("x"))
        let error = #expect(throws: TensorFileError.self) {
            try AtomicFile.write([UInt8](repeating: 7, count: 1 << 20), to: folder.path("x"))
        }
        #expect(error?.description.contains("\(folder.path("x")): cannot write the file: no space left") == true)
        #expect(try folder.names == ["x"])
        #expect(try InputFile(path: folder.path("x")).bytes(0..<3) == [1, 2, 3])
    }

    private func run(_ program: String, _ arguments: [String]) throws -> Int32 {
        guard FileManager.default.isExecutableFile(atPath: program) else { return -1 }
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    @Test func aMappedFileSharesItsBytesAndChecksRanges() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("x", [UInt8](0..<100))
        let tensor = try Tensor(shape: [10], elementType: .uint8, storage: MappedFile(path: path).storage(20..<30))
        #expect(tensor.elements(as: UInt8.self) == [UInt8](20..<30))
        #expect(throws: TensorFileError.self) { try MappedFile(path: path).storage(90..<101) }
        #expect(try MappedFile(path: folder.file("empty", [])).storage.byteCount == 0)
    }
}
