import Calibration
import Foundation
import TestSupport
import Testing

/// What a run writes never harms what is there.
@Suite struct OutputTests {
    @Test func modelIsNeverOverwritten() throws {
        try expectFailure(status: 64, saying: ["m.onnx", "is read"], leaving: ["m.onnx"]) { folder in
            try FileManager.default.copyItem(atPath: Example.model, toPath: folder.path("m.onnx"))
            return [
                "calibrate", folder.path("m.onnx"), "--data", Example.calibration, "--output", folder.path("./m.onnx"),
            ]
        }
    }

    @Test func modelIsNotOverwrittenThroughALink() throws {
        try expectFailure(status: 64, saying: ["is read"], leaving: ["link.onnx", "m.onnx"]) { folder in
            try FileManager.default.copyItem(atPath: Example.model, toPath: folder.path("m.onnx"))
            try FileManager.default.createSymbolicLink(
                atPath: folder.path("link.onnx"), withDestinationPath: folder.path("m.onnx"))
            return [
                "calibrate", folder.path("m.onnx"), "--data", Example.calibration, "--output", folder.path("link.onnx"),
            ]
        }
    }

    @Test(arguments: ["--output", "--statistics"])
    func dataAreNeverOverwritten(option: String) throws {
        try expectFailure(status: 64, saying: [option, "is read"], leaving: ["d.npz"]) { folder in
            try FileManager.default.copyItem(atPath: Example.calibration, toPath: folder.path("d.npz"))
            let other = option == "--output" ? [] : ["--output", folder.path("o.onnx")]
            return ["calibrate", Example.model, "--data", folder.path("d.npz"), option, folder.path("d.npz")] + other
        }
    }

    @Test func outputsDoNotGoAmongTheSamples() throws {
        try expectFailure(status: 64, saying: ["among the samples"], leaving: ["images"]) { folder in
            let images = folder.url.appending(path: "images")
            try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
            return [
                "calibrate", Example.model, "--data", images.path, "--output", images.appending(path: "o.onnx").path,
            ]
        }
    }

    @Test(arguments: ["o.onnx", "o.manifest.json"])
    func outputsAreDifferentFiles(statistics: String) throws {
        try expectFailure(status: 64, saying: ["same file"]) { folder in
            [
                "calibrate", Example.model, "--data", Example.calibration, "--output", folder.path("o.onnx"),
                "--statistics", folder.path(statistics),
            ]
        }
    }

    @Test(arguments: [("/dev/null", "device"), ("/", "folder"), ("", "name a file"), ("/proc/o.onnx", "/proc")])
    func placesWhereNoFileCanBe(path: String, text: String) throws {
        try expectFailure(status: 74, saying: [text]) { _ in
            ["calibrate", Example.model, "--data", Example.calibration, "--output", path]
        }
    }

    @Test func runDoesNotOverwriteItsInput() throws {
        try expectFailure(status: 64, saying: ["is read"], leaving: ["i.npz"]) { folder in
            try FileManager.default.copyItem(atPath: Example.evaluation, toPath: folder.path("i.npz"))
            return ["run", Example.model, "--input", folder.path("i.npz"), "--output", folder.path("i.npz")]
        }
    }

    @Test func failedRunLeavesEarlierResultsAlone() throws {
        let folder = try TemporaryFolder()
        let names = ["o.manifest.json", "o.onnx", "s.safetensors"]
        for name in names { try Data("earlier \(name)".utf8).write(to: folder.url.appending(path: name)) }
        try Arrays.write(["image": Arrays.images(4, notANumberAt: 2)], to: folder.path("nan.npz"))
        let outcome = try TareProcess.run(
            [
                "calibrate", Example.model, "--data", folder.path("nan.npz"), "--workers", "1", "--output",
                folder.path("o.onnx"), "--statistics", folder.path("s.safetensors"),
            ], in: folder.url)
        #expect(outcome.status == 65)
        for name in names {
            #expect(try String(contentsOfFile: folder.path(name), encoding: .utf8) == "earlier \(name)")
        }
    }

    @Test func twoRunsIntoTheSameFileLeaveOneWholeResult() throws {
        let folder = try TemporaryFolder()
        func arguments(_ observer: String) -> [String] {
            [
                "calibrate", Example.model, "--data", Example.calibration, "--samples", "16", "--workers", "1",
                "--observer", observer, "--output", folder.path("o.onnx"),
            ]
        }
        let first = try TareProcess(arguments("minmax"), in: folder.url)
        let second = try TareProcess(arguments("percentile"), in: folder.url)
        #expect(try first.finish().status == 0)
        #expect(try second.finish().status == 0)
        let manifest = try ResultManifest(
            jsonBytes: Array(try Data(contentsOf: folder.url.appending(path: "o.manifest.json"))))
        #expect(manifest.output.sha256 == (try digest(folder.path("o.onnx"))))
        #expect(try folder.names == ["o.manifest.json", "o.onnx"])
    }
}
