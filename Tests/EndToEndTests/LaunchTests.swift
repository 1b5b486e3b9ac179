import Foundation
import Glibc
import TestSupport
import Testing

/// How workers find their coordinator, and how several are kept on one machine.
@Suite struct LaunchTests {
    private static func startCoordinator(
        _ options: [String], samples: Int = 20_000, in folder: TemporaryFolder
    ) throws -> TareProcess {
        try Arrays.write(["image": Arrays.images(samples)], to: folder.path("many.npz"))
        return try TareProcess(
            ["calibrate", Example.model, "--data", folder.path("many.npz"), "--output", folder.path("o.onnx")]
                + options, in: folder.url)
    }

    @Test func workersFindTheCoordinatorByItsAddressFile() throws {
        let folder = try TemporaryFolder()
        let (file, endpoint) = (folder.path("address.json"), "ipc://\(folder.path("socket"))")
        // The worker is there first, and what an earlier coordinator left does not mislead it.
        try Data(
            #"{"format":"tare-address-1","coordinator":"ipc:///tmp/tare-nobody","host":"h","process":1}"#.utf8
        ).write(to: URL(filePath: file))
        let worker = try TareProcess(
            ["worker"], in: folder.url, environment: ["TARE_ADDRESS_FILE": file, "RANK": "2", "WORLD_SIZE": "4"])
        #expect(becomesTrue { worker.errorsSoFar.contains("waiting for the address file") })
        let coordinator = try Self.startCoordinator(
            ["--listen", endpoint, "--address-file", file], samples: 400, in: folder)
        let outcome = try coordinator.finish()
        #expect(outcome.status == 0, "\(outcome.errors)")
        let ended = try worker.finish()
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.errors.contains("rank 2 of 4 (torchrun), coordinator named in \(file) (TARE_ADDRESS_FILE)"))
        #expect(!FileManager.default.fileExists(atPath: file))
    }

    @Test func supervisorReplacesAWorkerThatIsKilled() throws {
        let folder = try TemporaryFolder()
        let endpoint = "ipc://\(folder.path("socket"))"
        let coordinator = try Self.startCoordinator(["--listen", endpoint], samples: 6000, in: folder)
        let supervisor = try TareProcess(
            ["worker", "--coordinator", endpoint, "--workers-per-node", "2"], in: folder.url)
        var children: [Int32] = []
        #expect(
            becomesTrue {
                children = TareProcess.children(of: supervisor.identifier)
                return children.count == 2
                    && children.allSatisfy { TareProcess.processorTime(of: $0) > .milliseconds(50) }
            })
        kill(try #require(children.first), SIGKILL)
        let outcome = try coordinator.finish()
        #expect(outcome.status == 0, "\(outcome.errors)")
        let ended = try supervisor.finish()
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.errors.contains("it was killed by signal 9; it starts again in 1 s"))
        #expect(ended.errors.contains("starting 2 workers (--workers-per-node 2)"))
    }

    @Test func supervisorDrainsItsWorkers() throws {
        let folder = try TemporaryFolder()
        let endpoint = "ipc://\(folder.path("socket"))"
        let coordinator = try Self.startCoordinator(["--listen", endpoint], in: folder)
        let supervisor = try TareProcess(
            ["worker", "--coordinator", endpoint, "--workers-per-node", "2"], in: folder.url)
        #expect(
            becomesTrue {
                let children = TareProcess.children(of: supervisor.identifier)
                return children.count == 2
                    && children.allSatisfy { TareProcess.processorTime(of: $0) > .milliseconds(200) }
            })
        kill(supervisor.identifier, SIGTERM)
        let ended = try supervisor.finish()
        #expect(ended.status == 75, "\(ended.errors)")
        #expect(ended.errors.contains("Drained: 2 of 2 workers left"))
        kill(coordinator.identifier, SIGTERM)
        #expect(try coordinator.finish().status == 75)
    }

    @Test func killedSupervisorLeavesNoWorkers() throws {
        let folder = try TemporaryFolder()
        let supervisor = try TareProcess(
            ["worker", "--coordinator", "ipc://\(folder.path("nobody"))", "--workers-per-node", "3"], in: folder.url)
        var children: [Int32] = []
        #expect(
            becomesTrue {
                children = TareProcess.children(of: supervisor.identifier)
                // They read their lifeline once they have begun to look for the coordinator.
                return children.count == 3
                    && children.allSatisfy { TareProcess.processorTime(of: $0) > .milliseconds(5) }
            })
        kill(supervisor.identifier, SIGKILL)
        _ = try supervisor.finish()
        #expect(becomesTrue { !children.contains(where: isRunning) })
    }

    @Test func workersThatFindNobodyAreNotRestarted() throws {
        try expectFailure(status: 69, saying: ["2 of 2 workers ended with status 69", "worker 1: tare: error:"]) {
            folder in
            [
                "worker", "--coordinator", "ipc://\(folder.path("nobody"))", "--workers-per-node", "2",
                "--join-timeout", "1",
            ]
        }
    }

    @Test func underALauncherThereIsOneWorker() throws {
        let folder = try TemporaryFolder()
        let variables = ["RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"]
        let outcome = try TareProcess(
            [
                "worker", "--workers-per-node", "auto", "--join-timeout", "1", "--coordinator",
                "ipc://\(folder.path("nobody"))",
            ], in: folder.url, environment: variables
        ).finish()
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("the launcher starts 2 processes on this node (LOCAL_WORLD_SIZE)"))
        #expect(!outcome.errors.contains("worker 0:"))
    }

    @Test(arguments: [
        ([:], [], "Nothing says where the coordinator is"),
        (["LOCAL_RANK": "2", "LOCAL_WORLD_SIZE": "2"], [], "LOCAL_RANK=2 does not fit LOCAL_WORLD_SIZE=2"),
        (["RANK": "x"], ["--coordinator", "ipc:///tmp/x"], "RANK is 'x'"),
        ([:], ["--coordinator", "ipc:///tmp/x", "--address-file", "f"], "--coordinator and --address-file"),
        ([:], ["--coordinator", "ipc:///tmp/x", "--workers-per-node", "0"], "--workers-per-node"),
    ])
    func whatCannotBeRightIsAUsageError(variables: [String: String], options: [String], text: String) throws {
        let folder = try TemporaryFolder()
        let outcome = try TareProcess(["worker"] + options, in: folder.url, environment: variables).finish()
        #expect(outcome.status == 64, "\(outcome.errors)")
        #expect(outcome.errors.contains(text), "\(outcome.errors)")
    }

    @Test func hostWithoutAnAddressIsAnErrorThatNamesItsOrigin() throws {
        let folder = try TemporaryFolder()
        let outcome = try TareProcess(
            ["worker", "--join-timeout", "1"], in: folder.url, environment: ["MASTER_ADDR": "no..such..host"]
        ).finish()
        #expect(outcome.status == 69, "\(outcome.errors)")
        #expect(outcome.errors.contains("'no..such..host' (from MASTER_ADDR) has no address"), "\(outcome.errors)")
    }
}
