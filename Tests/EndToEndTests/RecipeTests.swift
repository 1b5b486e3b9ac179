import Calibration
import Foundation
import Quantization
import TestSupport
import Testing

/// `--qconfig` with recipes of one's own, and `--qconfig-for`: other recipes for some nodes and operators.
@Suite struct RecipeTests {
    private static let data = ["--data", Example.calibration, "--samples", "64", "--workers", "2"]
    private static let average = """
        weight_observer: {class: MinMaxObserver, dtype: qint8, narrow_range: true}
        act_observer: {class: ExponentialMovingAverageObserver, dtype: quint8, mode: asymmetric, momentum: 0.5}
        """
    private static let torch = """
        weight_observer: {class: MinMaxObserver, dtype: qint8_narrow}
        act_observer: {class: HistogramObserver, dtype: qint8, form: torch, bins: 256}
        """

    private static func write(_ text: String, to path: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    private static func calibrate(_ words: [String], in folder: TemporaryFolder) throws -> ResultManifest {
        let outcome = try TareProcess.run(["calibrate"] + words + ["--json"], in: folder.url)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return try ResultManifest(jsonBytes: Array(outcome.output.utf8))
    }

    @Test func nodesOperatorsAndInputsHaveRecipesOfTheirOwn() throws {
        let folder = try TemporaryFolder()
        try Self.write(Self.average, to: folder.path("average.yaml"))
        try Self.write(Self.torch, to: folder.path("torch.yaml"))
        let options = [
            "--qconfig-for", "/stage2/*=\(folder.path("torch.yaml"))", "Gemm=min_max_fakequant",
            "image=min_max_fakequant",
        ]
        let fromFlags = try Self.calibrate(
            [Example.model] + Self.data + [
                "--output", folder.path("flags.onnx"), "--qconfig", folder.path("average.yaml"),
            ]
                + options, in: folder)
        #expect(fromFlags.choices.observer == "ema:0.5")
        #expect(fromFlags.choices.activations == QuantizationScheme(type: .uint8, isSymmetric: false))
        let recipes = try #require(fromFlags.choices.recipes)
        #expect(recipes.map(\.observer) == ["histogram:torch:256:16", "minmax", "minmax"])
        #expect(recipes.map(\.pattern) == ["/stage2/*", "Gemm", "image"])
        #expect(fromFlags.histogramPlan != nil)
        // The value behind a node is its own, and what it reads is not.
        func recipe(_ value: String) throws -> String? {
            try #require(fromFlags.activations.first { $0.name == value }, "\(value)").recipe
        }
        #expect(try recipe("image") == "image" && recipe("logits") == "Gemm")
        #expect(try recipe("/stage1/relu2/Relu_output_0") == nil)
        #expect(try recipe("/stage2/relu2/Relu_output_0") == "/stage2/*")
        let symmetric = try #require(fromFlags.activations.first { $0.name == "logits" })
        #expect(symmetric.zeroPoint == 0)

        // A job file says the same, with the recipes in it.
        let indented = { (text: String) in text.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n") }
        try FileManager.default.createDirectory(
            at: folder.url.appending(path: "jobs"), withIntermediateDirectories: true)
        try Self.write(
            """
            model: \(Example.model)
            data: \(Example.calibration)
            samples: 64
            output: ../file.onnx
            qconfig: ../average.yaml
            qconfig-for:
              /stage2/*:
            \(indented(Self.torch))
              Gemm: min_max_fakequant
              image: min_max_fakequant
            """, to: folder.path("jobs/job.yaml"))
        var fromFile = try Self.calibrate(["--config", folder.path("jobs/job.yaml")], in: folder)
        #expect(try digest(folder.path("file.onnx")) == digest(folder.path("flags.onnx")))
        fromFile.output = fromFlags.output
        #expect(fromFile == fromFlags)
        #expect(try accuracy(of: folder.path("file.onnx"), in: folder) > 0.95)
    }

    private func accuracy(of model: String, in folder: TemporaryFolder) throws -> Double {
        let outcome = try TareProcess.run(
            ["run", model, "--input", Example.evaluation, "--labels", "label", "--json"], in: folder.url)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        let accuracy = try #require(object?["accuracy"] as? [String: Any])
        return Double(try #require(accuracy["correct"] as? Int)) / Double(try #require(accuracy["samples"] as? Int))
    }

    @Test func modelsWithSeveralSchemesRunInONNXRuntime() throws {
        guard let python = PythonOracle.interpreter() else { return }
        let folder = try TemporaryFolder()
        _ = try Self.calibrate(
            [Example.model] + Self.data + [
                "--output", folder.path("mixed.onnx"), "--qconfig-for", "Conv=ema_fakequant", "/head/*=calibration",
            ], in: folder)
        let script = """
            import sys, onnx, onnxruntime, numpy
            onnx.checker.check_model(sys.argv[1], full_check=True)
            values = numpy.load(sys.argv[2])
            session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
            logits = session.run(None, {"image": values["image"]})[0]
            assert (logits.argmax(1) == values["label"]).mean() > 0.95
            """
        let judged = try PythonOracle.run(
            python, script: script, arguments: [folder.path("mixed.onnx"), Example.evaluation])
        #expect(judged.status == 0, "\(judged.output)")
        #expect(try accuracy(of: folder.path("mixed.onnx"), in: folder) > 0.95)
    }

    @Test func recipesTravelWithTheJob() throws {
        let cluster = try DaemonCluster(workers: 1)
        let folder = cluster.folder
        try Self.write(Self.average, to: folder.path("average.yaml"))
        let words = [Example.model, "--data", Example.calibration, "--samples", "32"]
        let average = folder.path("average.yaml")
        let recipes = ["--qconfig", average, "--qconfig-for", "Gemm=\(average)", "Conv=min_max_fakequant"]
        let submitted = try cluster.ask(["submit"] + words + recipes + ["--wait"])
        #expect(submitted.status == 0, "\(submitted.errors)")
        let result = try cluster.ask(["result", "1", "--output", folder.path("ours.onnx")])
        #expect(result.status == 0, "\(result.errors)")
        _ = try Self.calibrate(words + recipes + ["--output", folder.path("local.onnx")], in: folder)
        #expect(try digest(folder.path("ours.onnx")) == digest(folder.path("local.onnx")))
    }

    @Test(arguments: [
        (["--qconfig", "tqt"], ["'tqt'", "TQT", "tare finetune"]),
        (["--qconfig", "lsq"], ["'lsq'", "LSQ", "tare finetune --qconfig lsq"]),
        (["--qconfig", "ema_lowbit_fakequant"], ["4-bit", "tare finetune"]),
        (["--qconfig", "passive"], ["'passive'", "--observer"]),
        (["--qconfig-for", "Conv=lsq_int4"], ["'lsq_int4'", "tare finetune"]),
        (["--qconfig-for", "Conv=passive"], ["'Conv=passive'", "--observer"]),
        (["--qconfig-for", "Conv=best"], ["'best'", "min_max_fakequant"]),
        (["--qconfig-for", "Resize=min_max_fakequant"], ["'Resize'", "tare inspect"]),
        (["--qconfig-for", "/stem/bn/*=min_max_fakequant"], ["'/stem/bn/*'", "folding"]),
        (["--qconfig-for", "Conv"], ["PATTERN=PRESET", "'Conv'"]), (["--qconfig-for", "=tqt"], ["PATTERN=PRESET"]),
        (["--qconfig-for", "Conv=mlu"], ["--mixed-layer"]),
        (["--qconfig", "mlu", "--qconfig-for", "Conv=calibration"], ["--qconfig-for Conv=calibration", "mlu"]),
        (["--observer", "histogram:numpy"], ["histogram:megengine"]),
        (["--qconfig", "{act_observer: {class: MinMaxObserver, bins: 5}}"], ["'act_observer.bins'"]),
    ])
    func whatCannotBeMeantIsRefused(options: [String], texts: [String]) throws {
        let status: Int32 = options[1].contains("bins") ? 78 : 64
        try expectFailure(status: status, saying: texts) { folder in
            ["calibrate", Example.model] + Self.data + ["--output", folder.path("o.onnx")] + options
        }
    }

    @Test func wrongRecipesInAJobFileAreNamed() throws {
        for (value, texts) in [
            (
                "{act_observer: {class: MinMaxObserver, dtype: int8}}",
                ["'act_observer.dtype'", "qint8_narrow", "line 2"]
            ),
            ("[calibration]", ["key 'qconfig'"]), ("tqt", ["TQT", "tare finetune"]),
        ] {
            try expectFailure(status: value == "tqt" ? 64 : 78, saying: texts, leaving: ["job.yaml"]) { folder in
                try Self.write("model: \(Example.model)\nqconfig: \(value)\n", to: folder.path("job.yaml"))
                return [
                    "calibrate", "--config", folder.path("job.yaml"), "--data", Example.calibration, "--output",
                    folder.path("o.onnx"),
                ]
            }
        }
    }
}
