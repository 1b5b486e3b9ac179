import Calibration
import Conversion
import Foundation
import Tensors
import TestSupport
import Testing

/// `--qconfig mlu`: state dictionaries, the ONNX model beside them, and running them on the simulated device.
@Suite struct MLUCalibrateTests {
    private static let model = Fixtures.directory.appending(path: "models/fmnist_resnet.onnx").path

    private func calibrate(
        _ folder: TemporaryFolder, _ options: [String], model: String = Example.model, output: String = "q.onnx"
    ) throws -> TareProcess.Outcome {
        let outcome = try TareProcess.run(
            [
                "calibrate", model, "--data", Example.calibration, "--output", folder.path(output),
            ] + (options.contains("--samples") ? [] : ["--samples", "64"]) + options, in: folder.url)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return outcome
    }

    @Test func theStateDictionaryDoesNotDependOnWorkersAndIsWhatQuantizeGives() throws {
        let folder = try TemporaryFolder()
        let options = ["--qconfig", "mlu", "--use-avg", "--per-channel"]
        _ = try calibrate(
            folder,
            options + [
                "--workers", "1", "--state-dict", folder.path("q.pth"), "--statistics", folder.path("s.safetensors"),
            ])
        _ = try calibrate(
            folder, options + ["--workers", "2", "--state-dict", folder.path("two.pth")], output: "two.onnx")
        let quantized = try TareProcess.run(
            [
                "quantize", Example.model, "--statistics", folder.path("s.safetensors"), "--output",
                folder.path("three.onnx"), "--state-dict", folder.path("three.safetensors"),
            ] + options, in: folder.url)
        try #require(quantized.status == 0, "\(quantized.errors)")
        #expect(try digest(folder.path("q.pth")) == digest(folder.path("two.pth")))
        #expect(try digest(folder.path("q.onnx")) == digest(folder.path("two.onnx")))
        #expect(try digest(folder.path("q.onnx")) == digest(folder.path("three.onnx")))
        let state = try StateDictionary(path: folder.path("q.pth"))
        let other = try StateDictionary(path: folder.path("three.safetensors"))
        #expect(state.names == other.names && state.entries.allSatisfy { other[$0.name] == $0.tensor })
        #expect(state.names.contains { $0.hasSuffix(".scale_weight_per_channel") })

        let manifest = try ResultManifest(
            jsonBytes: Array(try Data(contentsOf: folder.url.appending(path: "q.manifest.json"))))
        let modules = try #require(manifest.mlu)
        #expect(modules.specification.usesAverage && modules.specification.isPerChannel)
        #expect(modules.modules.allSatisfy { state["\($0.path).scale"] != nil } && !modules.modules.isEmpty)
        #expect(modules.stateSHA256 == (try digest(folder.path("three.safetensors"))))

        let inspected = try TareProcess.run(["inspect", folder.path("q.pth")], in: folder.url)
        #expect(inspected.status == 0)
        #expect(inspected.output.split(separator: "\n").count == state.count)
        #expect(inspected.output.contains("\(modules.modules[0].path).quantized_mode: int32[1]"))
    }

    @Test(arguments: ["mlu", "mlu-int16"])
    func aStateDictionaryRunsInAnotherProcessOnBothBackends(preset: String) throws {
        let folder = try TemporaryFolder()
        // Every sample, so that nothing that is run below lies outside of the observed ranges.
        _ = try calibrate(
            folder,
            ["--qconfig", preset, "--state-dict", folder.path("q.pth"), "--workers", "1", "--samples", "256"])
        func run(_ name: String, _ arguments: [String]) throws -> [Float] {
            let outcome = try TareProcess.run(
                ["run"] + arguments + ["--input", Example.calibration, "--output", folder.path(name)], in: folder.url)
            try #require(outcome.status == 0, "\(outcome.errors)")
            let tensors = try NPZFile.read(path: folder.path(name))
            return try #require(tensors.values.first).elements(as: Float.self)
        }
        let float = try run("float.npz", [Example.model])
        let power = float.reduce(0.0) { $0 + Double($1) * Double($1) }
        var results: [[Float]] = []
        for backend in ["cnnl", "magicmind"] {
            results.append(
                try run("\(backend).npz", [Example.model, "--state-dict", folder.path("q.pth"), "--backend", backend]))
        }
        results.append(try run("onnx.npz", [folder.path("q.onnx")]))
        // The guide's software asks for 0.02 of a layer; those of ten add up.
        for (index, result) in results.enumerated() {
            let error = zip(result, float).reduce(0.0) {
                $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
            }
            #expect((error / power).squareRoot() <= (preset == "mlu" ? 0.04 : 0.0005), "result \(index)")
        }
        #expect(results[0] == results[1], "both backends give the same bits")
    }

    @Test func theJobFileTakesTheGuidesKeys() throws {
        let folder = try TemporaryFolder()
        let job = """
            model: \(Example.model)
            data: \(Example.calibration)
            samples: 16
            output: a.onnx
            state-dict: a.pth
            qconfig: mlu
            use-avg: true
            data-scale: 0.5
            firstconv: true
            mean: [0.5]
            std: [0.25]
            iteration: 2
            mapping: [conv2d]
            """
        let path = try folder.file("job.yaml", Array(job.utf8))
        let fromFile = try TareProcess.run(["calibrate", "--config", path], in: folder.url)
        try #require(fromFile.status == 0, "\(fromFile.errors)")
        let fromFlags = try TareProcess.run(
            [
                "calibrate", Example.model, "--data", Example.calibration, "--samples", "16", "--output",
                folder.path("b.onnx"), "--state-dict", folder.path("b.pth"), "--qconfig", "mlu", "--use-avg",
                "--data-scale", "0.5", "--firstconv", "--mean", "0.5", "--std", "0.25", "--iteration", "2",
                "--mapping", "conv2d",
            ], in: folder.url)
        try #require(fromFlags.status == 0, "\(fromFlags.errors)")
        #expect(try digest(folder.path("a.pth")) == digest(folder.path("b.pth")))
        #expect(try digest(folder.path("a.onnx")) == digest(folder.path("b.onnx")))
        let state = try StateDictionary(path: folder.path("a.pth"))
        #expect(state.names.count { $0.hasSuffix(".input_mean") } == 1)
    }

    @Test(arguments: [
        (["--qconfig", "mlu", "--observer", "histogram"], "it only has minmax"),
        (["--qconfig", "mlu", "--activation-type", "uint8"], "use mlu or mlu-int16"),
        (["--qconfig", "mlu", "--asymmetric"], "symmetric"),
        (["--qconfig", "mlu", "--firstconv"], "mean: firstconv needs it"),
        (["--qconfig", "mlu", "--mean", "1.5", "--std", "0.5", "--firstconv"], "[0, 1)"),
        (["--qconfig", "mlu", "--mean", "x"], "write numbers with commas"),
        (["--qconfig", "mlu", "--data-scale", "0"], "data_scale"),
        (["--qconfig", "mlu", "--iteration", "0"], "iteration"),
        (["--qconfig", "mlu", "--mixed-layer", "nothing=int16"], "'nothing'"),
        (["--qconfig", "mlu", "--mixed-layer", "nothing"], "PATH,PATH=TYPE"),
        (["--qconfig", "mlu", "--skip-op", "Resize"], "'Resize'"),
        (["--use-avg"], "--qconfig mlu"), (["--state-dict", "a.pth"], "--qconfig mlu"),
        (["--qconfig", "mlu", "--state-dict", "a.npz"], ".safetensors or .pth"),
    ])
    func optionsThatDoNotFitAreRefused(options: [String], text: String) throws {
        let isFile = options.contains("a.npz")
        try expectFailure(status: isFile ? 65 : 64, saying: [text]) { folder in
            ["calibrate", Example.model, "--data", Example.calibration, "--output", folder.path("q.onnx")] + options
        }
    }
}
