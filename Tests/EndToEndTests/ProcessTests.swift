import Foundation
import Glibc
import TestSupport
import Testing

/// Processes that come and go: nobody stays behind, nothing is lost, and the status says what happened.
@Suite struct ProcessTests {
    @Test func killedParentLeavesNoWorkers() throws {
        let folder = try TemporaryFolder()
        let process = try Self.startLongJob("calibrate", ["--workers", "2"], in: folder)
        var children: [Int32] = []
        #expect(
            becomesTrue {
                children = TareProcess.children(of: process.identifier)
                return children.count == 2
                    && children.allSatisfy { TareProcess.processorTime(of: $0) > .milliseconds(50) }
            })
        kill(process.identifier, SIGKILL)
        _ = try process.finish()
        #expect(becomesTrue { !children.contains(where: isRunning) })
        #expect(try folder.names == ["many.npz"])
    }

    @Test func workerWithoutCoordinatorGivesUp() throws {
        try expectFailure(status: 69, saying: ["No coordinator answered", "ipc://"]) { folder in
            ["worker", "--coordinator", "ipc://\(folder.path("nobody"))", "--join-timeout", "1"]
        }
    }

    @Test(arguments: ["here", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "udp://127.0.0.1:7788"])
    func malformedEndpoints(endpoint: String) throws {
        try expectFailure(status: 64, saying: [endpoint]) { _ in
            ["worker", "--coordinator", endpoint, "--join-timeout", "1"]
        }
        try expectFailure(status: 64, saying: [endpoint]) { folder in
            [
                "calibrate", Example.model, "--data", Example.calibration, "--output", folder.path("o.onnx"),
                "--listen",
                endpoint,
            ]
        }
    }

    @Test(arguments: ["tcp://0.0.0.0:7788", "tcp://*:7788", "tcp://192.0.2.1:7788"])
    func coordinatorListensOnThisMachineOnly(endpoint: String) throws {
        try expectFailure(status: 64, saying: [endpoint, "this machine only"]) { folder in
            [
                "calibrate", Example.model, "--data", Example.calibration, "--output", folder.path("o.onnx"),
                "--listen",
                endpoint,
            ]
        }
    }

    @Test func interruptedCoordinatorSendsItsWorkersHome() throws {
        let folder = try TemporaryFolder()
        let endpoint = "ipc://\(folder.path("socket"))"
        let coordinator = try Self.startLongJob("calibrate", ["--listen", endpoint], in: folder)
        let worker = try TareProcess(["worker", "--coordinator", endpoint], in: folder.url)
        #expect(becomesTrue { TareProcess.processorTime(of: worker.identifier) > .milliseconds(200) })
        kill(coordinator.identifier, SIGINT)
        let outcome = try coordinator.finish()
        #expect(outcome.status == 75, "\(outcome.errors)")
        _ = try worker.finish()
        #expect(try folder.names.filter { !$0.hasPrefix("socket") } == ["many.npz"])
    }

    @Test func drainedWorkerHandsItsShardToAnother() throws {
        let folder = try TemporaryFolder()
        let endpoint = "ipc://\(folder.path("socket"))"
        let coordinator = try Self.startLongJob("calibrate", ["--listen", endpoint], samples: 4000, in: folder)
        let leaving = try TareProcess(["worker", "--coordinator", endpoint], in: folder.url)
        #expect(becomesTrue { TareProcess.processorTime(of: leaving.identifier) > .milliseconds(200) })
        kill(leaving.identifier, SIGTERM)
        let left = try leaving.finish()
        #expect(left.status == 75, "\(left.errors)")
        let staying = try TareProcess(["worker", "--coordinator", endpoint], in: folder.url)
        let outcome = try coordinator.finish()
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("goes to another worker") || outcome.errors.contains("left"))
        #expect(try staying.finish().status == 0)
        #expect(FileManager.default.fileExists(atPath: folder.path("o.onnx")))
    }

    private static func startLongJob(
        _ command: String, _ options: [String], samples: Int = 20_000, in folder: TemporaryFolder
    ) throws -> TareProcess {
        try Arrays.write(["image": Arrays.images(samples)], to: folder.path("many.npz"))
        return try TareProcess(
            [command, Example.model, "--data", folder.path("many.npz"), "--output", folder.path("o.onnx")] + options,
            in: folder.url)
    }
}
