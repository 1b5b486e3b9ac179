import Calibration
import Foundation
import GRDB
import StoreScenario
import TestSupport
import Testing

@testable import CoordinatorStore

@Suite struct OpeningTests {
    @Test func aSecondCoordinatorIsToldWhoHasTheDirectory() throws {
        let folder = try StoreFolder()
        let first = try folder.open()
        let holder = ProcessInfo.processInfo.processIdentifier
        #expect(failure { _ = try folder.open() } == .locked(directory: folder.state, holder: holder))
        withExtendedLifetime(first) {}
    }

    @Test func aSecondProcessIsToldWhoHasTheDirectory() throws {
        let folder = try StoreFolder()
        let child = try ChildStore(["hold", folder.state])
        #expect(try child.line() == "epoch 1")
        #expect(
            failure { _ = try folder.open() } == .locked(directory: folder.state, holder: child.identifier))
        let second = try ChildStore(["hold", folder.state])
        let outcome = try second.finish()
        #expect(outcome.status == 75)
        #expect(outcome.errors.contains("process id \(child.identifier)"))
        // The lock goes with the process, however that ends.
        child.kill()
        _ = try child.finish()
        #expect(try folder.open().epoch == 2)
    }

    @Test func filesOfOthersAreRefused() throws {
        let folder = try StoreFolder()
        try FileManager.default.createDirectory(atPath: folder.state, withIntermediateDirectories: true)
        for bytes in [Array("my diary\n".utf8), Array(repeating: 7, count: 5000)] {
            try write(bytes, to: folder.database)
            guard case .foreign(folder.database, _) = failure({ _ = try folder.open() }) else {
                Issue.record("A file of another program was opened")
                continue
            }
            #expect(try read(folder.database) == bytes)
        }
        try FileManager.default.removeItem(atPath: folder.database)
        try DatabaseQueue(path: folder.database).write { try $0.execute(sql: "CREATE TABLE diary (day)") }
        guard case .foreign(folder.database, let reason) = failure({ _ = try folder.open() }) else {
            Issue.record("A database of another program was opened")
            return
        }
        #expect(reason.contains("application_id 0"))
    }

    @Test func aPlaceThatIsNoFolderIsRefused() throws {
        let folder = try StoreFolder()
        try write([1], to: folder.state)
        guard case .broken(_, folder.state, _) = failure({ _ = try folder.open() }) else {
            Issue.record("A file was opened as a state directory")
            return
        }
        #expect(failure { _ = try StateStore(directory: folder.path + "/no/such", configuration: .init()) } != nil)
    }

    @Test func aLaterVersionIsRefusedAndAnEarlierOneMigrated() throws {
        let folder = try StoreFolder()
        var later = StateSchema()
        later.versions.append { database in
            try database.execute(sql: "CREATE TABLE alerts (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT")
        }
        var commits = Commits(job: 1, shards: 3)
        var lines: [String] = []
        do {
            let store = try folder.open()
            _ = try store.submit(shards: 3)
            try store.commit([try commits.next(2)])
            lines = try StateModel.lines(of: store)
        }
        do {
            let store = try StateStore(
                directory: folder.state, configuration: StoreFolder.configuration(), schema: later)
            #expect(store.epoch == 2)
            #expect(try StateModel.lines(of: store) == lines)
            try store.commit([try commits.next(0)])
        }
        #expect(failure { _ = try folder.open() } == .newer(file: folder.database, found: 2, known: 1))
    }

    @Test func aMigrationThatFailsLeavesTheVersionBefore() throws {
        struct Failure: Error {}
        let folder = try StoreFolder()
        _ = try folder.open().submit(shards: 3)
        var later = StateSchema()
        later.versions.append { database in
            try database.execute(sql: "DROP TABLE poisoned")
            throw Failure()
        }
        #expect(
            failure {
                _ = try StateStore(
                    directory: folder.state, configuration: StoreFolder.configuration(), schema: later)
            } != nil)
        #expect(try folder.open().jobs().count == 1)
    }

    @Test func theStateOfVersion1IsReadAndContinued() throws {
        let folder = try StoreFolder()
        let fixture = Fixtures.directory.appending(path: "state/version1").path
        try FileManager.default.copyItem(atPath: fixture, toPath: folder.state)
        let expected = String(decoding: try read(folder.state + "/expected.txt"), as: UTF8.self)
        let store = try folder.open()
        #expect(try StateModel.lines(of: store).joined(separator: "\n") + "\n" == expected)
        #expect(store.epoch == 2)
        let job = try #require(try store.recover().unfinished.last)
        try store.recordPoison(job: job.summary.job, sample: 1, reason: "crashes")
    }

    @Test func aTableThatSomebodyChangedIsNoticed() throws {
        let folder = try StoreFolder()
        _ = try folder.open()
        try DatabaseQueue(path: folder.database).write { try $0.execute(sql: "CREATE TABLE notes (text)") }
        guard case .damaged(folder.database, _) = failure({ _ = try folder.open() }) else {
            Issue.record("A table too many was accepted")
            return
        }
    }

    @Test func aRowThatSomebodyChangedIsNoticed() throws {
        let changes = [
            "UPDATE shards SET samples = samples + 1", "UPDATE shards SET shard = 1 WHERE shard = 2",
            "DELETE FROM shards WHERE shard = 2", "UPDATE tree_nodes SET position = 3 WHERE position = 2",
            "UPDATE tree_nodes SET bytes = x'00'", "DELETE FROM tree_nodes", "UPDATE jobs SET priority = 5",
            "UPDATE jobs SET shard_count = 6", "UPDATE cluster SET epoch = 77", "UPDATE losses SET node = 'b'",
            "UPDATE quarantined SET rank = 7",
        ]
        for change in changes {
            let folder = try StoreFolder()
            do {
                let store = try folder.open()
                var commits = Commits(job: try store.submit(shards: 5), shards: 5)
                try store.commit([try commits.next(0), try commits.next(2), try commits.next(4)])
                let device = WorkerDevice(node: "a", rank: 0)
                try store.recordQuarantine(device, reason: "")
                try store.recordLoss(
                    job: 1,
                    ShardLoss(shard: 1, session: StateIdentifier(high: 0, low: 0), device: device, reason: ""))
            }
            try DatabaseQueue(path: folder.database).write { try $0.execute(sql: change) }
            guard case .damaged(folder.database, _) = failure({ _ = try StateModel.lines(of: folder.open()) }) else {
                Issue.record("Not noticed: \(change)")
                continue
            }
        }
    }
}
