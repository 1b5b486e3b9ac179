import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

/// Runs alone, because it measures the memory of the whole process.
@Suite(.serialized) struct BoundedMemoryTests {
    /// Resident memory of this process in bytes.
    private func residentByteCount() throws -> Int {
        let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return try #require(Int(fields[1])) * 4096
    }

    /// An IDX file of 200 MB, gzipped to a few: 2000 images of 100 kB.
    private func writeLargeFile(to path: String) throws {
        let script = """
            import gzip, struct, sys
            with gzip.GzipFile(sys.argv[1], "wb", 1, mtime=0) as file:
                file.write(bytes([0, 0, 8, 3]) + struct.pack(">III", 2000, 250, 400))
                for index in range(2000):
                    file.write(struct.pack(">I", index) + bytes(range(256)) * 390 + bytes(156))
            """
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = ["-c", script, path]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test func aDeflatedFileOf200MegabytesTakesLittleMemory() throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/python3") else {
            FileHandle.standardError.write(Data("SKIPPED aDeflatedFileOf200Megabytes: no python3\n".utf8))
            return
        }
        let folder = try TemporaryFolder()
        try writeLargeFile(to: folder.path("large.gz"))
        let source = try DatasetSource(paths: [folder.path("large.gz")])
        let before = try residentByteCount()
        var largest = before
        // To the end at once, and then back in strides: every read but the first starts at a restart point.
        for index in [1999, 0] + stride(from: 1990, to: 0, by: -97) {
            guard case .arrays(let entries) = try source.readRaw(index).content else { continue }
            let start = entries[0].tensor.elements(as: UInt8.self).prefix(4)
            #expect(start.reduce(0) { $0 << 8 | Int($1) } == index)
            largest = max(largest, try residentByteCount())
        }
        // 190 restart points of 32 KiB are 6 MiB; the rest is room for tests that run beside this one.
        #expect(largest - before < 64 << 20, "\((largest - before) >> 20) MiB more")
        FileHandle.standardError.write(
            Data("bounded memory: \((largest - before) >> 10) KiB more for 200 MB\n".utf8))
    }
}
