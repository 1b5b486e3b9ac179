import Calibration
import Foundation
import TestSupport
import Testing

@Suite struct CalibrateTests {
    @Test func digitsKeepTheirAccuracy() throws {
        let folder = try TemporaryFolder()
        let calibrated = try TareProcess.run(
            [
                "calibrate", Example.model, "--data", Example.calibration, "--workers", "2",
                "--output", folder.path("int8.onnx"), "--statistics", folder.path("statistics.safetensors"),
            ], in: folder.url)
        try #require(calibrated.status == 0, "\(calibrated.errors)")
        #expect(try folder.names == ["int8.manifest.json", "int8.onnx", "statistics.safetensors"])

        let float = try accuracy(of: Example.model, in: folder)
        let int8 = try accuracy(of: folder.path("int8.onnx"), in: folder)
        #expect(float > 0.98)
        #expect(int8 >= float - 0.01)
    }

    @Test func manifestHoldsTheDigestsOfWhatWasWritten() throws {
        let folder = try TemporaryFolder()
        let calibrated = try TareProcess.run(
            [
                "calibrate", Example.model, "--data", Example.calibration, "--samples", "32", "--workers", "1",
                "--output", folder.path("int8.onnx"), "--statistics", folder.path("statistics.safetensors"), "--json",
            ], in: folder.url)
        try #require(calibrated.status == 0, "\(calibrated.errors)")
        let manifest = try ResultManifest(
            jsonBytes: Array(try Data(contentsOf: folder.url.appending(path: "int8.manifest.json"))))
        #expect(manifest.output.sha256 == (try digest(folder.path("int8.onnx"))))
        #expect(manifest.statisticsSHA256 == (try digest(folder.path("statistics.safetensors"))))
        #expect(manifest.model.sha256 == (try digest(Example.model)))
        #expect(manifest.data?.samples == 32)
        #expect(!manifest.activations.isEmpty && !manifest.weights.isEmpty)
        // --json prints the same manifest.
        #expect(try ResultManifest(jsonBytes: Array(calibrated.output.utf8)) == manifest)
    }

    @Test func quantizeFromStatisticsEqualsCalibrate() throws {
        let folder = try TemporaryFolder()
        let calibrated = try TareProcess.run(
            [
                "calibrate", Example.model, "--data", Example.calibration, "--samples", "64", "--workers", "2",
                "--observer", "percentile", "--output", folder.path("a.onnx"),
                "--statistics", folder.path("statistics.safetensors"),
            ], in: folder.url)
        try #require(calibrated.status == 0, "\(calibrated.errors)")
        let quantized = try TareProcess.run(
            [
                "quantize", Example.model, "--statistics", folder.path("statistics.safetensors"),
                "--observer", "percentile", "--output", folder.path("b.onnx"),
            ], in: folder.url)
        try #require(quantized.status == 0, "\(quantized.errors)")
        #expect(try digest(folder.path("a.onnx")) == digest(folder.path("b.onnx")))
    }

    @Test func exportedModelsPassTheCheckerAndLoadInONNXRuntime() throws {
        guard let python = PythonOracle.interpreter() else { return }
        let folder = try TemporaryFolder()
        for options in [
            [], ["--activation-type", "int16"], ["--qconfig", "mlu"], ["--weight-granularity", "per-tensor"],
        ] {
            let output = folder.path("model.onnx")
            let calibrated = try TareProcess.run(
                [
                    "calibrate", Example.model, "--data", Example.calibration, "--samples", "32", "--workers", "1",
                    "--output", output,
                ] + options, in: folder.url)
            try #require(calibrated.status == 0, "\(options): \(calibrated.errors)")
            let script = """
                import sys, onnx, onnxruntime, numpy
                path, data = sys.argv[1:]
                onnx.checker.check_model(path, full_check=True)
                images = numpy.load(data)["image"][:16]
                results = []
                for level in (onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL, onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL):
                    options = onnxruntime.SessionOptions(); options.graph_optimization_level = level
                    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
                    results.append(session.run(None, {"image": images})[0])
                assert (results[0].argmax(1) == results[1].argmax(1)).mean() > 0.9
                """
            let judged = try PythonOracle.run(python, script: script, arguments: [output, Example.evaluation])
            #expect(judged.status == 0, "\(options): \(judged.output)")
        }
    }

    private func accuracy(of model: String, in folder: TemporaryFolder) throws -> Double {
        let outcome = try TareProcess.run(
            ["run", model, "--input", Example.evaluation, "--labels", "label", "--json"], in: folder.url)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        let accuracy = try #require(object?["accuracy"] as? [String: Any])
        let correct = try #require(accuracy["correct"] as? Int)
        let samples = try #require(accuracy["samples"] as? Int)
        return Double(correct) / Double(samples)
    }
}

/// SHA-256 of a file in hexadecimal.
func digest(_ path: String) throws -> String {
    ContentDigest(of: Array(try Data(contentsOf: URL(filePath: path)))).hexadecimal
}
