import Foundation
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
        try Arrays.write(["image": Arrays.images(6000)], to: folder.path("images.npz"))
        func arguments(workers: Int, name: String) -> [String] {
            [
                "calibrate", Example.model, "--data", folder.path("images.npz"), "--workers", "\(workers)",
                "--output", folder.path("\(name).onnx"), "--statistics", folder.path("\(name).safetensors"),
            ]
        }
        let undisturbed = try TareProcess.run(arguments(workers: 1, name: "undisturbed"), in: folder.url)
        try #require(undisturbed.status == 0, "\(undisturbed.errors)")

        let process = try TareProcess(arguments(workers: 3, name: "disturbed"), in: folder.url)
        let killed = process.killWorkers(2)
        let outcome = try process.finish()
        try #require(outcome.status == 0, "\(outcome.errors)")
        #expect(killed == 2)
        #expect(outcome.errors.contains("goes to another worker"))
        for kind in ["onnx", "safetensors"] {
            #expect(try digest(folder.path("undisturbed.\(kind)")) == digest(folder.path("disturbed.\(kind)")))
        }
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
