import Foundation
import TestSupport
import Testing

/// `--config FILE.yaml`.
@Suite struct JobFileTests {
    @Test func jobFileGivesWhatFlagsGive() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(at: folder.url.appending(path: "in"), withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: Example.model, toPath: folder.path("in/m.onnx"))
        try FileManager.default.copyItem(atPath: Example.calibration, toPath: folder.path("in/d.npz"))
        try Self.write(
            """
            model: m.onnx                # relative to this file
            data: [d.npz]
            output: ../file.onnx
            samples: 32
            seed: 7
            workers: 2
            observer: percentile:99.9
            weight-granularity: per-tensor
            symmetric: true
            float-outputs: true
            skip-op: [Add, Gemm]
            """, to: folder.path("in/job.yaml"))
        let fromFile = try TareProcess.run(["calibrate", "--config", folder.path("in/job.yaml")], in: folder.url)
        try #require(fromFile.status == 0, "\(fromFile.errors)")
        let fromFlags = try TareProcess.run(
            [
                "calibrate", folder.path("in/m.onnx"), "--data", folder.path("in/d.npz"), "--output",
                folder.path("flags.onnx"), "--samples", "32", "--seed", "7", "--observer", "percentile:99.9",
                "--weight-granularity", "per-tensor", "--symmetric", "--float-outputs", "--skip-op", "Add",
                "--skip-op", "Gemm",
            ], in: folder.url)
        try #require(fromFlags.status == 0, "\(fromFlags.errors)")
        #expect(try digest(folder.path("file.onnx")) == digest(folder.path("flags.onnx")))
    }

    @Test func commandLineWins() throws {
        let folder = try TemporaryFolder()
        try Self.write(
            "model: /nowhere.onnx\ndata: [/nowhere.npz]\nsamples: 4\nasymmetric: true\njson: false\n",
            to: folder.path("job.yaml"))
        let outcome = try TareProcess.run(
            [
                "calibrate", "--config", folder.path("job.yaml"), Example.model, "--samples", "8", "--symmetric",
                "--json",
                "--workers", "1", "--output", folder.path("o.onnx"), "--data", Example.calibration,
            ], in: folder.url)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let manifest = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        #expect((manifest?["data"] as? [String: Any])?["samples"] as? Int == 8)
    }

    @Test(arguments: [
        ("modle: m.onnx\n", "'modle' is unknown"), ("samples: 3\nsamples: 4\n", "twice"),
        ("samples: [3, 4]\n", "'samples' takes one value"), ("json: maybe\n", "'json' takes true or false"),
        ("data: {a: b}\n", "'data' takes"), ("output:\n", "'output' has no value"), ("- a\n- b\n", "keys and values"),
        ("samples: many\n", "'samples'"), ("workers: 0\n", "'workers'"), ("observer: best\n", "'observer'"),
        ("config: other.yaml\n", "'config' is unknown"), ("a: [b\n", "not YAML"), ("", "keys and values"),
    ])
    func mistakesAreNamed(yaml: String, text: String) throws {
        try expectFailure(status: 78, saying: ["job.yaml", text], leaving: ["job.yaml"]) { folder in
            try Self.write(yaml, to: folder.path("job.yaml"))
            // What the file is about to get wrong is left to it; the rest is given here.
            let given = [
                ("model", [Example.model]), ("output:", ["--output", folder.path("o.onnx")]),
                ("data", ["--data", Example.calibration]),
            ].filter { !yaml.hasPrefix($0.0) || $0.0 == "model" }.flatMap(\.1)
            return ["calibrate"] + given + ["--config", folder.path("job.yaml")]
        }
    }

    @Test func unknownKeyListsTheKnownOnes() throws {
        try expectFailure(
            status: 78, saying: ["activation-type", "batch-size", "model", "listen", "skip-node"], leaving: ["job.yaml"]
        ) { folder in
            try Self.write("wrokers: 3\n", to: folder.path("job.yaml"))
            return ["calibrate", "--config", folder.path("job.yaml")]
        }
    }

    @Test func missingJobFile() throws {
        try expectFailure(status: 66, saying: ["/nowhere/job.yaml"]) { _ in
            ["calibrate", "--config", "/nowhere/job.yaml"]
        }
    }

    private static func write(_ yaml: String, to path: String) throws {
        try Data(yaml.utf8).write(to: URL(filePath: path))
    }
}
