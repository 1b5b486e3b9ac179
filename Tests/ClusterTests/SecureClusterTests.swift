import Calibration
import CoordinatorCore
import CoordinatorService
import Foundation
import Synchronization
import Testing
import Wire
import WorkerCore
import WorkerService

/// A coordinator with keys and workers with and without the right ones.
@Suite(.timeLimit(.minutes(2))) struct SecureClusterTests {
    /// Keys and an allow list in a folder.
    private final class Keys: Sendable {
        let folder: URL
        let coordinator: KeyPair
        let worker: KeyPair
        let access: ClusterAccess

        init() throws {
            folder = FileManager.default.temporaryDirectory.appending(path: "tare-secure-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            coordinator = try KeyPair.generate()
            worker = try KeyPair.generate()
            let list = folder.appending(path: "authorized_keys").path
            try KeyFile.writeAuthorizedKeys(
                AuthorizedKeys([AuthorizedKey(key: worker.publicKey, role: .worker, name: "worker")]), to: list)
            access = try ClusterAccess(keys: coordinator, authorizedKeysFile: list)
        }

        deinit {
            try? FileManager.default.removeItem(at: folder)
        }

        func write(_ text: String) throws {
            try Data(text.utf8).write(to: folder.appending(path: "authorized_keys"))
        }

        func security(_ keys: KeyPair, server: PublicKey? = nil) -> SocketSecurity {
            .client(ClientSecurity(keys: keys, serverKey: server ?? coordinator.publicKey))
        }
    }

    @Test func workersWithTheKeyGiveTheSameStatistics() async throws {
        let keys = try Keys()
        let job = try FakeComputation.job(samples: 23, perShard: 2, delivery: .stream, filler: 400_000)
        let (outcome, exits) = await ClusterTests.run(
            job, endpoint: "tcp://127.0.0.1:*", workers: [FakeComputers(), FakeComputers()],
            security: [keys.security(keys.worker), keys.security(keys.worker)]
        ) { $0.access = keys.access }
        #expect(try outcome.get().statistics == FakeComputation.statistics(0..<23, filler: 0))
        for exit in exits { #expect(try exit.get() == .done(.completed, text: "")) }
        #expect(keys.access.refusals == [:])
    }

    @Test func strangersFindOutAndDoNotDisturb() async throws {
        let keys = try Keys()
        let stranger = try KeyPair.generate()
        let job = try FakeComputation.job(samples: 60, perShard: 1, delivery: .stream)
        let (outcome, exits) = await ClusterTests.run(
            job, endpoint: "tcp://127.0.0.1:*",
            workers: [FakeComputers(), FakeComputers(), FakeComputers(), FakeComputers()],
            security: [
                keys.security(stranger), .unprotected, keys.security(keys.worker, server: stranger.publicKey),
                keys.security(keys.worker),
            ], delaysLast: true
        ) { $0.access = keys.access }
        #expect(try outcome.get().statistics == FakeComputation.statistics(0..<60, filler: 0))
        let reasons = exits.prefix(3).map { exit -> ServerRefusal.Reason? in
            guard case .failure(WorkerServiceError.refused(let refusal)) = exit else { return nil }
            return refusal.reason
        }
        #expect(
            reasons == [
                .notAllowed(stranger.publicKey), .clientUnprotected, .serverKey(expected: stranger.publicKey),
            ])
        #expect(try exits[3].get() == .done(.completed, text: ""))
        #expect(keys.access.refusals == [.unknownKey: 1])
    }

    @Test func aRevokedWorkerIsSentAwayAndAnotherGoesOn() async throws {
        let keys = try Keys()
        let other = try KeyPair.generate()
        try keys.write("\(keys.worker.publicKey) worker first\n\(other.publicKey) worker second\n")
        #expect(try keys.access.reload().change.added == [other.publicKey])
        let revoking = FakeComputers { shard in
            // In the middle of its first shard.
            try keys.write("\(other.publicKey) worker second\n")
            let reload = try keys.access.reload()
            #expect(reload.ended.count <= 1)
        }
        let job = try FakeComputation.job(samples: 20, perShard: 1, delivery: .stream)
        let (outcome, exits) = await ClusterTests.run(
            job, endpoint: "tcp://127.0.0.1:*", workers: [revoking, FakeComputers()],
            security: [keys.security(keys.worker), keys.security(other)], delaysLast: true
        ) { $0.access = keys.access }
        #expect(try outcome.get().statistics == FakeComputation.statistics(0..<20, filler: 0))
        guard case .failure(WorkerServiceError.rejected(let text)) = exits[0] else {
            Issue.record("the revoked worker was not sent away: \(exits[0])")
            return
        }
        #expect(text.contains("is not in the coordinator's allow list any more"))
        #expect(try exits[1].get() == .done(.completed, text: ""))
    }

    @Test func aFaultyListLeavesTheOldOneInForce() throws {
        let keys = try Keys()
        try keys.write("nonsense\n")
        #expect(throws: SecurityError.self) { try keys.access.reload() }
        #expect(throws: SecurityError.self) {
            try ClusterAccess(
                keys: keys.coordinator, authorizedKeysFile: keys.folder.appending(path: "authorized_keys").path)
        }
    }
}
