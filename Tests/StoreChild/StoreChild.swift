import Calibration
import CoordinatorStore
import Foundation
import Glibc
import StoreScenario

/// A process that works with a store until it is killed; crash tests start it.
///
/// `store-child run DIRECTORY SEED FIRST LAST` takes the steps from FIRST to before LAST of a scenario and writes a line to
/// standard output when one is done. `store-child hold DIRECTORY` opens the store, says so, and waits for the end of its
/// standard input. `store-child limit DIRECTORY` commits shards until a limit on the size of files makes that fail, and
/// says what three calls answer. `store-child fixture DIRECTORY` makes `Tests/Fixtures/state/versionN`.
@main
enum StoreChild {
    static func main() throws {
        let arguments = CommandLine.arguments
        do {
            switch (arguments.count, arguments.dropFirst().first) {
            case (6, "run"):
                try run(
                    arguments[2], seed: UInt64(arguments[3]) ?? 0, first: Int(arguments[4]) ?? 0,
                    last: Int(arguments[5]) ?? 0)
            case (3, "hold"):
                let store = try StateStore(directory: arguments[2], configuration: configuration)
                say("epoch \(store.epoch)")
                _ = try FileHandle.standardInput.readToEnd()
            case (3, "limit"): try limit(arguments[2])
            case (3, "fixture"): try fixture(arguments[2])
            default: exit(64)
            }
        } catch let error as StateStoreError {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            exit(error.exitStatus)
        }
    }

    private static func run(_ directory: String, seed: UInt64, first: Int, last: Int) throws {
        let store = try StateStore(directory: directory, configuration: configuration)
        say("open")
        var scenario = StoreScenario(seed: seed)
        for index in 0..<last {
            try scenario.step(index < first ? nil : store)
            if index >= first { say("\(index)") }
        }
        say("end")
    }

    private static func limit(_ directory: String) throws {
        let store = try StateStore(directory: directory, configuration: configuration)
        let shards = 1000
        let job = try store.submit(
            JobSubmission(
                request: StateIdentifier(high: 0, low: 1), name: "", shardCount: shards, document: [],
                specification: [], delivery: [])
        ).job
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: 2_000_000, rlim_max: 2_000_000)
        guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { exit(69) }
        var tree = MergeTree<Fold>(count: shards)
        var last: StateStoreError?
        for shard in 0..<shards where last == nil {
            let step = try tree.insert(Fold(leaf: shard, size: 250_000), at: shard, merge: Fold.merge)
            let record = ShardCommit(
                job: job, shard: shard, attempt: 1, session: StateIdentifier(high: 0, low: 0),
                device: WorkerDevice(node: "a", rank: 0), digest: ContentDigest(of: []), size: 0, samples: 0,
                update: TreeUpdate(step) { $0.bytes })
            last = error { () throws(StateStoreError) in try store.commit([record]) }
        }
        let answers = [
            last, error { () throws(StateStoreError) in _ = try store.blobs.put([1]) },
            error { () throws(StateStoreError) in _ = try store.recover() },
        ]
        for answer in answers { say(answer.map { "\($0)" } ?? "no error") }
        exit(last?.exitStatus ?? 0)
    }

    private static func fixture(_ directory: String) throws {
        var configuration = configuration
        configuration.wallClock = { 1_795_000_000_000 }
        let lines: [String]
        do {
            let store = try StateStore(directory: directory, configuration: configuration)
            var scenario = StoreScenario(seed: try fixtureSeed(), nodeBytes: 500)
            for _ in 0..<fixtureSteps { try scenario.step(store) }
            lines = try StateModel.lines(of: store)
        }
        try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: URL(filePath: directory + "/expected.txt"))
        for name in ["lock", "uploads"] { try FileManager.default.removeItem(atPath: "\(directory)/\(name)") }
    }

    private static let fixtureSteps = 80

    /// The first seed whose scenario ends with a row in every table.
    private static func fixtureSeed() throws -> UInt64 {
        let words = [
            "completed", "cancelled", "running", "poisoned", "loss", "witness", "restart", "quarantined", "node",
        ]
        for seed in 0..<UInt64(10_000) {
            var scenario = StoreScenario(seed: seed, nodeBytes: 500)
            for _ in 0..<fixtureSteps { try scenario.step(nil) }
            let text = scenario.model.lines.joined(separator: "\n")
            if words.allSatisfy({ text.contains($0) }) { return seed }
        }
        exit(70)
    }

    private static func error(_ body: () throws(StateStoreError) -> Void) -> StateStoreError? {
        do {
            try body()
            return nil
        } catch {
            return error
        }
    }

    private static var configuration: StateStoreConfiguration {
        var configuration = StateStoreConfiguration()
        configuration.lowWaterBytes = 0
        configuration.checkpointBytes = 400_000
        return configuration
    }

    private static func say(_ text: String) {
        FileHandle.standardOutput.write(Data("\(text)\n".utf8))
    }
}
