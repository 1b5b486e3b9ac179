import Calibration
import CoordinatorStore
import Foundation
import Glibc

/// A folder that lives as long as a test, in memory where there is such a file system: syncing costs nothing there.
final class StoreFolder {
    let path: String

    init(inMemory: Bool = true) throws {
        let memory = "/dev/shm"
        let base =
            inMemory && FileManager.default.isWritableFile(atPath: memory)
            ? memory : FileManager.default.temporaryDirectory.path
        path = "\(base)/tare-store-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The state directory.
    var state: String { path + "/state" }

    var database: String { state + "/state.sqlite" }

    var log: String { state + "/state.sqlite-wal" }

    func open(_ change: (inout StateStoreConfiguration) -> Void = { _ in }) throws -> StateStore {
        try StateStore(directory: state, configuration: Self.configuration(change))
    }

    static func configuration(_ change: (inout StateStoreConfiguration) -> Void = { _ in }) -> StateStoreConfiguration {
        var configuration = StateStoreConfiguration()
        configuration.lowWaterBytes = 0
        configuration.wallClock = { 1_000_000 }
        change(&configuration)
        return configuration
    }

    /// Replaces the state with a copy of another one's files, as a crash at this moment would leave them.
    func copyState(of other: StoreFolder) throws {
        try? FileManager.default.removeItem(atPath: state)
        try FileManager.default.copyItem(atPath: other.state, toPath: state)
    }
}

func read(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: path)))
}

func write(_ bytes: [UInt8], to path: String) throws {
    try Data(bytes).write(to: URL(filePath: path))
}

/// The error of a store that a call throws.
func failure(_ body: () throws -> Void) -> StateStoreError? {
    do {
        try body()
        return nil
    } catch {
        return error as? StateStoreError
    }
}

extension StateStore {
    /// A job without blobs.
    func submit(shards: Int, request: UInt64 = 1) throws -> UInt64 {
        try submit(Self.submission(shards: shards, request: request)).job
    }

    static func submission(shards: Int, request: UInt64 = 1) -> JobSubmission {
        JobSubmission(
            request: StateIdentifier(high: 0, low: request), name: "digits", shardCount: shards, document: [1, 2],
            specification: [3], delivery: [])
    }
}
