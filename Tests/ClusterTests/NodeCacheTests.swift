import Calibration
import Foundation
import Synchronization
import Testing

@testable import WorkerService

@Suite struct NodeCacheTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "tare-cache-\(UUID().uuidString)")
    private let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

    private func withCache(_ body: (NodeCache) throws -> Void) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(NodeCache(directory: folder))
    }

    @Test func aFileIsDownloadedOnce() throws {
        try withCache { cache in
            let digest = ContentDigest(of: content)
            var downloads = 0
            for _ in 0..<3 {
                let url = try cache.file(digest, byteCount: content.count, wait: {}) { offset, sink in
                    downloads += 1
                    try sink(Array(content[offset...]))
                }
                #expect(Array(try Data(contentsOf: url)) == content)
            }
            #expect(downloads == 1)
        }
    }

    @Test func anInterruptedDownloadGoesOnWhereItStopped() throws {
        struct Stop: Error {}
        try withCache { cache in
            let digest = ContentDigest(of: content)
            #expect(throws: Stop.self) {
                try cache.file(digest, byteCount: content.count, wait: {}) { _, sink in
                    try sink(Array(content[..<120_000]))
                    throw Stop()
                }
            }
            var offsets: [Int] = []
            let url = try cache.file(digest, byteCount: content.count, wait: {}) { offset, sink in
                offsets.append(offset)
                try sink(Array(content[offset...]))
            }
            #expect(offsets == [120_000])
            #expect(Array(try Data(contentsOf: url)) == content)
        }
    }

    @Test func otherBytesThanTheDigestSaysAreRefusedAndForgotten() throws {
        try withCache { cache in
            let digest = ContentDigest(of: content)
            for wrong in [Array(content.dropLast()), content + [0], content.map { $0 ^ 1 }] {
                #expect(throws: ShardComputationError.self) {
                    try cache.file(digest, byteCount: content.count, wait: {}) { offset, sink in
                        try sink(Array(wrong[min(offset, wrong.count)...]))
                    }
                }
            }
            let url = try cache.file(digest, byteCount: content.count, wait: {}) { _, sink in try sink(content) }
            #expect(Array(try Data(contentsOf: url)) == content)
        }
    }

    @Test func manyWorkersShareOneDownload() throws {
        try withCache { cache in
            let digest = ContentDigest(of: content)
            let downloads = Mutex(0)
            let errors = Mutex<[String]>([])
            DispatchQueue.concurrentPerform(iterations: 8) { _ in
                do {
                    _ = try cache.file(digest, byteCount: content.count, wait: {}) { offset, sink in
                        downloads.withLock { $0 += 1 }
                        for start in stride(from: offset, to: content.count, by: 50_000) {
                            try sink(Array(content[start..<min(start + 50_000, content.count)]))
                        }
                    }
                } catch {
                    errors.withLock { $0.append("\(error)") }
                }
            }
            #expect(downloads.withLock { $0 } == 1)
            #expect(errors.withLock { $0 } == [])
        }
    }

    @Test func aModelsFilesLieUnderTheirNames() throws {
        try withCache { cache in
            let digest = ContentDigest(of: content)
            let blob = try cache.file(digest, byteCount: content.count, wait: {}) { _, sink in try sink(content) }
            for _ in 0..<2 {
                let model = try cache.folder("job", files: [("model.onnx", blob), ("parts/weights.bin", blob)])
                #expect(Array(try Data(contentsOf: model.appending(path: "parts/weights.bin"))) == content)
            }
        }
    }

    @Test func aFolderThatCannotBeWrittenIsNamed() throws {
        #expect {
            try NodeCache(directory: URL(filePath: "/proc/tare"))
        } throws: { error in
            (error as? ShardComputationError)?.text.contains("/proc/tare") == true
        }
    }
}

@Suite struct SharedCacheFolderTests {
    @Test func theLastOneToLeaveRemovesIt() throws {
        let parent = FileManager.default.temporaryDirectory.appending(path: "tare-shared-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: parent) }
        let first = try SharedCacheFolder(in: parent)
        let second = try SharedCacheFolder(in: parent)
        #expect(first.url == second.url)
        try first.leave()
        #expect(FileManager.default.fileExists(atPath: second.url.path))
        try second.leave()
        #expect(!FileManager.default.fileExists(atPath: second.url.path))
        // A lock whose file was removed is not trusted.
        let third = try SharedCacheFolder(in: parent)
        #expect(FileManager.default.fileExists(atPath: third.url.path))
        try third.leave()
    }
}
