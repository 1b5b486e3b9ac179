import Calibration
import Foundation
import StoreScenario
import Testing

@testable import CoordinatorStore

/// A file system of a few megabytes in memory; gone with the test.
private final class SmallDisk {
    let path: String

    /// `nil`, after saying so, where nothing can be mounted.
    init?(megabytes: Int, test: String = #function) throws {
        path = FileManager.default.temporaryDirectory.path + "/tare-disk-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard try Self.run("mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path]) == 0 else {
            try FileManager.default.removeItem(atPath: path)
            FileHandle.standardError.write(Data("SKIPPED \(test): a tmpfs cannot be mounted here\n".utf8))
            return nil
        }
    }

    deinit {
        _ = try? Self.run("umount", ["-l", path])
        try? FileManager.default.removeItem(atPath: path)
    }

    private static func run(_ program: String, _ arguments: [String]) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    var available: Int { (try? FileSystem.availableBytes(path)) ?? 0 }

    /// Leaves about `rest` bytes free.
    func fill(leaving rest: Int) throws {
        try release()
        try write(Array(repeating: 1, count: max(0, available - rest)), to: path + "/ballast")
    }

    func release() throws { try? FileManager.default.removeItem(atPath: path + "/ballast") }
}

@Suite struct FullDiskTests {
    private static func isFull(_ error: StateStoreError?) -> Bool {
        if case .full = error { true } else { false }
    }

    private static func open(_ disk: SmallDisk, lowWater: Int = 0) throws -> StateStore {
        try StateStore(
            directory: disk.path + "/state",
            configuration: StoreFolder.configuration {
                $0.lowWaterBytes = lowWater
                $0.checkpointBytes = 300_000
            })
    }

    @Test func commitsAreHeldBackAndGoOnWhenThereIsRoom() throws {
        guard let disk = try SmallDisk(megabytes: 8) else { return }
        let store = try Self.open(disk)
        let shards = 400
        var commits = Commits(job: try store.submit(shards: shards), shards: shards)
        commits.size = 30_000
        var heldBack = 0
        for shard in 0..<shards {
            // Every second shard first, so that many nodes are kept.
            let record = try commits.next(shard * 2 % shards + shard * 2 / shards)
            if shard % 40 == 10 { try disk.fill(leaving: 4096 * (shard % 7)) }
            do {
                try store.commit([record])
            } catch {
                #expect(Self.isFull(error), "\(error)")
                heldBack += 1
                #expect(try store.recover().unfinished[0].shards.count == shard)
                #expect(Self.isFull(failure { try store.commit([record]) }))
                try disk.release()
                try store.commit([record])
            }
        }
        #expect(heldBack >= 8)
        let tree = try store.tree(of: store.recover().unfinished[0]) { bytes, _ in try #require(Fold(bytes)) }
        #expect(tree.root?.leaves == (0..<400).map { UInt32($0) })
    }

    @Test func sqliteItselfMayRunOutOfRoom() throws {
        guard let disk = try SmallDisk(megabytes: 6) else { return }
        let store = try Self.open(disk)
        let job = try store.submit(shards: 4)
        var full = 0
        // Decisions ask nobody for room first: the log grows until the disk says no.
        for rest in [0, 4096, 8192, 20_000] {
            for sample in 0..<100_000 {
                if sample == 0 { try disk.fill(leaving: rest) }
                let lines = sample % 16 == 0 ? try StateModel.lines(of: store) : nil
                let reason = String(repeating: "x", count: 20_000)
                guard let error = failure({ try store.recordPoison(job: job, sample: sample + rest, reason: reason) })
                else { continue }
                #expect(Self.isFull(error), "\(error)")
                if let lines { #expect(try StateModel.lines(of: store) == lines) }
                full += 1
                break
            }
            try disk.release()
            try store.recordPoison(job: job, sample: 1_000_000 + rest, reason: "there is room")
        }
        #expect(full == 4)
        #expect(try store.recover().unfinished[0].poisoned.suffix(4).allSatisfy { $0.reason == "there is room" })
    }

    @Test func blobsAreHeldBackAndGoOnWhenThereIsRoom() throws {
        guard let disk = try SmallDisk(megabytes: 4) else { return }
        let store = try Self.open(disk)
        let content = Array(repeating: UInt8(3), count: 1_000_000)
        let digest = ContentDigest(of: content)
        try disk.fill(leaving: 100_000)
        #expect(Self.isFull(failure { _ = try store.blobs.put(content) }))
        #expect(Self.isFull(failure { _ = try store.blobs.upload(digest, size: content.count) }))
        try disk.release()
        let upload = try store.blobs.upload(digest, size: content.count)
        try disk.fill(leaving: 100_000)
        #expect(Self.isFull(failure { try upload.append(content) }))
        try disk.release()
        try upload.append(content)
        try upload.finish()
        #expect(try store.blobs.bytes(digest) == content)
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path + "/state/uploads") == [])
    }

    @Test func belowTheLowWaterMarkOnlyDecisionsAreTaken() throws {
        guard let disk = try SmallDisk(megabytes: 8) else { return }
        let store = try Self.open(disk, lowWater: 2_000_000)
        let job = try store.submit(shards: 4)
        var commits = Commits(job: job, shards: 4)
        let record = try commits.next(0)
        try store.checkSpace()
        try disk.fill(leaving: 1_500_000)
        #expect(Self.isFull(failure { try store.checkSpace() }))
        #expect(Self.isFull(failure { try store.commit([record]) }))
        #expect(Self.isFull(failure { _ = try store.submit(shards: 4, request: 2) }))
        #expect(Self.isFull(failure { _ = try store.blobs.put([1]) }))
        try store.recordQuarantine(WorkerDevice(node: "a", rank: 0), reason: "differs")
        try store.recordEnd(job: job, JobEnd(state: .cancelled, exitStatus: 70))
        try disk.release()
        try store.checkSpace()
        #expect(try store.submit(shards: 4, request: 2) == 2)
    }

    @Test func aFullDiskAtTheStartIsSaid() throws {
        guard let disk = try SmallDisk(megabytes: 4) else { return }
        do { _ = try Self.open(disk).submit(shards: 4) }
        try disk.fill(leaving: 0)
        #expect(Self.isFull(failure { _ = try Self.open(disk) }))
        try disk.release()
        #expect(try Self.open(disk).jobs().count == 1)
    }

    @Test func afterAnInputOutputErrorNothingIsPromised() throws {
        let folder = try StoreFolder()
        let outcome = try ChildStore(["limit", folder.state]).finish()
        #expect(outcome.status == 74, "\(outcome.errors)")
        // The first error, and the same one for the calls after it.
        #expect(outcome.lines.count == 3 && Set(outcome.lines).count == 1, "\(outcome.lines)")
        #expect(outcome.lines.first?.contains("start the coordinator again") == true)
        // What was acknowledged before is there.
        let shards = try folder.open().shards(of: 1).map(\.shard)
        #expect(shards == Array(0..<shards.count) && !shards.isEmpty)
    }
}
