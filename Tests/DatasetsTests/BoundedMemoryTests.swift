import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct BoundedMemoryTests {
    /// Resident memory of this process in bytes.
    private func residentByteCount() throws -> Int {
        let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return try #require(Int(fields[1])) * 4096
    }

    /// An archive with an array of 200 MB, deflated to a few: 2000 rows of 100 kB that start with their index.
    private func writeLargeArchive(to path: String) throws {
        let script = """
            import struct, sys, zipfile
            header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (2000, 100000), }"
            header += b" " * (117 - len(header)) + b"\\n"
            with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                with archive.open("x.npy", "w") as file:
                    file.write(b"\\x93NUMPY\\1\\0" + struct.pack("<H", 118) + header)
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

    @Test func aDeflatedArchiveOf200MegabytesTakesLittleMemory() throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/python3") else {
            FileHandle.standardError.write(Data("SKIPPED aDeflatedArchiveOf200Megabytes: no python3\n".utf8))
            return
        }
        let folder = try TemporaryFolder()
        try writeLargeArchive(to: folder.path("large.npz"))
        let source = try DatasetSource(paths: [folder.path("large.npz")])
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
