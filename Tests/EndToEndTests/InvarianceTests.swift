import Foundation
import Glibc
import TestSupport
import Testing

/// The promise: the same bytes for any number of workers, any transport, any way to deliver data, and any kill.
@Suite struct InvarianceTests {
    @Test(arguments: [1, 2, 3, 5, 8])
    func workersDoNotChangeTheResult(count: Int) throws {
        try expectReference(["--workers", "\(count)"])
    }

    @Test(arguments: [
        ["--transport", "tcp"], ["--data-delivery", "stream"], ["--transport", "tcp", "--data-delivery", "stream"],
    ])
    func transportAndDeliveryDoNotChangeTheResult(options: [String]) throws {
        try expectReference(["--workers", "2"] + options)
    }

    @Test func killedWorkersDoNotChangeTheResult() throws {
        let folder = try TemporaryFolder()
        let process = try TareProcess(Self.arguments(["--workers", "3"], in: folder), in: folder.url)
        // Kills every worker that shows up in the first moments, up to two of them, each at a different point of its life.
        var killed: Set<Int32> = []
        let deadline = ContinuousClock.now + .seconds(20)
        while killed.count < 2, ContinuousClock.now < deadline, kill(process.identifier, 0) == 0 {
            for child in TareProcess.children(of: process.identifier) where killed.count < 2 && !killed.contains(child)
            {
                // A child that has read a sample holds the data file open or has worked for some time; either is fine.
                usleep(useconds_t(200_000 * (killed.count + 1)))
                if kill(child, SIGKILL) == 0 { killed.insert(child) }
            }
        }
        let outcome = try process.finish()
        try #require(outcome.status == 0, "\(outcome.errors)")
        #expect(killed.count == 2)
        try expectSameBytes(folder)
    }

    private func expectReference(_ options: [String]) throws {
        let folder = try TemporaryFolder()
        let outcome = try TareProcess.run(Self.arguments(options, in: folder), in: folder.url)
        try #require(outcome.status == 0, "\(outcome.errors)")
        try expectSameBytes(folder)
    }

    private func expectSameBytes(_ folder: TemporaryFolder) throws {
        let reference = try Self.reference.get()
        for name in ["int8.onnx", "int8.manifest.json", "statistics.safetensors"] {
            #expect(try digest(folder.path(name)) == reference[name], "\(name) differs")
        }
    }

    private static func arguments(_ options: [String], in folder: TemporaryFolder) -> [String] {
        [
            "calibrate", Example.model, "--data", Example.calibration, "--batch-size", "4", "--shard-batches", "2",
            "--output", folder.path("int8.onnx"), "--statistics", folder.path("statistics.safetensors"),
        ] + options
    }

    /// Digests of a run with one worker, computed once.
    private static let reference = Result {
        let folder = try TemporaryFolder()
        let outcome = try TareProcess.run(arguments(["--workers", "1"], in: folder), in: folder.url)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return Dictionary(
            uniqueKeysWithValues: try ["int8.onnx", "int8.manifest.json", "statistics.safetensors"].map {
                ($0, try digest(folder.path($0)))
            })
    }
}
