import Foundation
import StoreScenario
import TestSupport
import Testing

@testable import CoordinatorStore

@Suite struct DamageTests {
    /// A small page makes every byte of a transaction affordable.
    private static func open(_ folder: StoreFolder, pageBytes: Int) throws -> StateStore {
        let schema = pageBytes == 512 ? smallPages : StateSchema.current
        return try StateStore(directory: folder.state, configuration: StoreFolder.configuration(), schema: schema)
    }

    private static let smallPages = {
        var schema = StateSchema()
        schema.pageBytes = 512
        return schema
    }()

    private struct Torn {
        var folder: StoreFolder
        /// Size of the log before and after the last transaction.
        var sizes: Range<Int>
        /// The state before and after it.
        var before: [String]
        var after: [String]
    }

    /// A state whose log ends with one transaction; nothing was moved into the database since the start.
    private static func torn(pageBytes: Int, _ last: (StateStore, inout Commits) throws -> Void) throws -> Torn {
        let (folder, copy) = (try StoreFolder(), try StoreFolder())
        let store = try open(folder, pageBytes: pageBytes)
        var commits = Commits(job: try store.submit(shards: 8), shards: 8)
        for shard in [0, 5, 2] { try store.commit([try commits.next(shard)]) }
        let (before, size) = (try StateModel.lines(of: store), try read(folder.log).count)
        try last(store, &commits)
        let (after, end) = (try StateModel.lines(of: store), try read(folder.log).count)
        try copy.copyState(of: folder)
        return Torn(folder: copy, sizes: size..<end, before: before, after: after)
    }

    private static func check(_ torn: Torn, pageBytes: Int, offsets: some Sequence<Int>) throws -> Int {
        let (log, victim) = (try read(torn.folder.log), try StoreFolder())
        #expect(torn.before != torn.after && log.count == torn.sizes.upperBound)
        var count = 0
        for offset in offsets {
            try victim.copyState(of: torn.folder)
            try write(Array(log[..<offset]), to: victim.log)
            let found = try StateModel.lines(of: open(victim, pageBytes: pageBytes))
            #expect(found == (offset == torn.sizes.upperBound ? torn.after : torn.before), "cut at \(offset)")
            count += 1
        }
        return count
    }

    @Test func aTornTransactionIsWhollyThereOrNotAtEveryByte() throws {
        let torn = try Self.torn(pageBytes: 512) { store, commits in
            commits.size = 40
            try store.commit([try commits.next(1)])
        }
        let count = try Self.check(torn, pageBytes: 512, offsets: torn.sizes.lowerBound...torn.sizes.upperBound)
        #expect(count > 1000)
    }

    @Test func aTornTransactionOfTheRealPageSizeIsWhollyThereOrNot() throws {
        let torn = try Self.torn(pageBytes: StateSchema().pageBytes) { store, commits in
            try store.commit([try commits.next(1), try commits.next(3)])
        }
        let frames = Array(stride(from: torn.sizes.lowerBound, through: torn.sizes.upperBound, by: 16384 + 24))
        let offsets =
            frames.flatMap { frame in (-2...26).map { frame + $0 } }
            + Array(stride(from: torn.sizes.lowerBound, to: torn.sizes.upperBound, by: 1009))
        _ = try Self.check(
            torn, pageBytes: 16384,
            offsets: Set(offsets).filter { $0 >= torn.sizes.lowerBound && $0 <= torn.sizes.upperBound }.sorted())
    }

    @Test func aChangedByteInTheMiddleOfTheLogIsRefused() throws {
        let torn = try Self.torn(pageBytes: 512) { store, commits in
            try store.recordPoison(job: 1, sample: 1, reason: "a")
            try store.commit([try commits.next(1)])
            try store.recordPoison(job: 1, sample: 2, reason: "b")
        }
        let (log, victim) = (try read(torn.folder.log), try StoreFolder())
        // All but the header's counters, which nothing depends on, and the last two transactions.
        var generator = SeededGenerator(seed: 5)
        let offsets =
            Array(0..<32) + (0..<400).map { _ in Int.random(in: 32..<torn.sizes.lowerBound, using: &generator) }
        for offset in offsets {
            var changed = log
            changed[offset] ^= UInt8(1 << Int.random(in: 0..<8, using: &generator))
            try victim.copyState(of: torn.folder)
            try write(changed, to: victim.log)
            do {
                let lines = try StateModel.lines(of: Self.open(victim, pageBytes: 512))
                #expect(lines == torn.after, "offset \(offset): acknowledged work is gone and nobody says so")
            } catch let error as StateStoreError {
                guard case .damaged(victim.log, let reason) = error else {
                    Issue.record("offset \(offset): \(error)")
                    continue
                }
                #expect(reason.contains("offset"))
            }
        }
    }

    @Test func aChangedByteInTheDatabaseIsRefusedOrHarmless() throws {
        let (folder, victim) = (try StoreFolder(), try StoreFolder())
        var lines: [String] = []
        do {
            let store = try Self.open(folder, pageBytes: 512)
            var scenario = StoreScenario(seed: 3, nodeBytes: 2000)
            for _ in 0..<80 { try scenario.step(store) }
            lines = scenario.model.lines
        }
        let bytes = try read(folder.database)
        var generator = SeededGenerator(seed: 6)
        var refused = 0
        let offsets = Array(0..<100) + (0..<700).map { _ in Int.random(in: 100..<bytes.count, using: &generator) }
        for offset in offsets {
            var changed = bytes
            changed[offset] ^= UInt8(1 << Int.random(in: 0..<8, using: &generator))
            try victim.copyState(of: folder)
            try write(changed, to: victim.database)
            do {
                let found = try StateModel.lines(of: Self.open(victim, pageBytes: 512))
                #expect(found == lines, "offset \(offset): another state, and nobody says so")
            } catch let error as StateStoreError {
                refused += 1
                switch error {
                case .damaged, .foreign, .newer: continue
                default: Issue.record("offset \(offset): \(error)")
                }
            }
        }
        #expect(refused > 300)
    }

    @Test func aShortenedDatabaseIsRefused() throws {
        let folder = try StoreFolder()
        do {
            let store = try folder.open()
            var commits = Commits(job: try store.submit(shards: 8), shards: 8)
            commits.size = 100_000
            for shard in 0..<5 { try store.commit([try commits.next(shard)]) }
        }
        let bytes = try read(folder.database)
        for size in [1, 99, 100, 5000, 16384, bytes.count / 2, bytes.count - 1] {
            try write(Array(bytes[..<size]), to: folder.database)
            let error = failure { _ = try StateModel.lines(of: folder.open()) }
            switch error {
            case .damaged, .foreign: continue
            default: Issue.record("\(size) bytes: \(String(describing: error))")
            }
        }
    }
}
