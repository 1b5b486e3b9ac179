import Calibration
import Foundation
import Glibc
import Tensors
import TestSupport
import Testing

/// `tare evaluate` and `tare calibrate --evaluate`: what quantization cost, the same to the bit whoever computed it.
@Suite struct EvaluateTests {
    /// The digits model quantized, in a folder.
    private static func quantized(_ options: [String] = []) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let outcome = try TareProcess.run(
            [
                "calibrate", Example.model, "--data", Example.calibration, "--workers", "1", "--output",
                folder.path("int8.onnx"),
            ] + options, in: folder.url)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return folder
    }

    private static func evaluate(
        _ folder: TemporaryFolder, data: String = Example.evaluation, _ options: [String]
    ) throws -> TareProcess.Outcome {
        try TareProcess.run(
            ["evaluate", Example.model, folder.path("int8.onnx"), "--data", data] + options, in: folder.url)
    }

    private static func report(_ text: String) throws -> ResultManifest.Evaluation {
        try JSONDecoder().decode(ResultManifest.Evaluation.self, from: Data(text.utf8))
    }

    @Test func workersTransportAndDeliveryDoNotChangeTheStatistics() throws {
        let folder = try Self.quantized()
        var reports: Set<String> = []
        var digests: Set<String> = []
        for (index, options) in [
            ["--workers", "1"], ["--workers", "2"], ["--workers", "4"],
            ["--workers", "2", "--transport", "tcp", "--data-delivery", "stream"],
        ].enumerated() {
            let statistics = folder.path("\(index).safetensors")
            let outcome = try Self.evaluate(
                folder, ["--labels", "label", "--json", "--statistics", statistics] + options)
            try #require(outcome.status == 0, "\(outcome.errors)")
            reports.insert(outcome.output)
            digests.insert(try digest(statistics))
            #expect(try Self.report(outcome.output).statisticsSHA256 == digest(statistics))
        }
        #expect(reports.count == 1 && digests.count == 1)
    }

    /// The device's modules are compared themselves, and agree with their ONNX form up to ties between two integers.
    @Test(arguments: ["q.pth", "q.safetensors"])
    func aStateDictionaryIsEvaluatedOnTheDevice(name: String) throws {
        let folder = try TemporaryFolder()
        let outcome = try TareProcess.run(
            [
                "calibrate", Example.model, "--data", Example.calibration, "--samples", "64", "--qconfig", "mlu",
                "--output", folder.path("int8.onnx"), "--state-dict", folder.path(name),
            ], in: folder.url)
        try #require(outcome.status == 0, "\(outcome.errors)")
        func evaluate(_ model: String, _ options: [String]) throws -> String {
            let outcome = try TareProcess.run(
                ["evaluate", Example.model, folder.path(model), "--data", Example.evaluation, "--samples", "64"]
                    + ["--labels", "label", "--json"] + options, in: folder.url)
            try #require(outcome.status == 0, "\(outcome.errors)")
            return outcome.output
        }
        let text = try evaluate(name, ["--workers", "1"])
        #expect(try evaluate(name, ["--workers", "2", "--data-delivery", "stream"]) == text)
        let (device, lowered) = (try Self.report(text), try Self.report(try evaluate("int8.onnx", [])))
        #expect(device.quantizedModel.name == name && device.layers.count { $0.operator.hasPrefix("MLU") } > 5)
        let (ours, theirs) = (
            try #require(device.layers.first { $0.value == "logits" }?.total.sqnrDecibels),
            try #require(lowered.layers.first { $0.value == "logits" }?.total.sqnrDecibels)
        )
        #expect(abs(ours - theirs) < 0.5 && ours > 20)
    }

    @Test func aStateDictionaryOfAnotherModelIsRefused() throws {
        let folder = try TemporaryFolder()
        try StateDictionary([.init(name: "other.weight", tensor: Tensor(zeros: [2, 2], elementType: .float32))])
            .write(to: folder.path("other.pth"))
        let outcome = try TareProcess.run(
            ["evaluate", Example.model, folder.path("other.pth"), "--data", Example.evaluation], in: folder.url)
        #expect(outcome.status == 65 && outcome.errors.contains("other.weight"), "\(outcome.errors)")
    }

    @Test func killedWorkersDoNotChangeTheStatistics() throws {
        let folder = try Self.quantized()
        try Arrays.write(["image": Arrays.images(6000)], to: folder.path("images.npz"))
        func arguments(workers: Int, name: String) -> [String] {
            [
                "evaluate", Example.model, folder.path("int8.onnx"), "--data", folder.path("images.npz"), "--workers",
                "\(workers)", "--statistics", folder.path("\(name).safetensors"), "--json",
            ]
        }
        let undisturbed = try TareProcess.run(arguments(workers: 1, name: "undisturbed"), in: folder.url)
        try #require(undisturbed.status == 0, "\(undisturbed.errors)")
        let process = try TareProcess(arguments(workers: 3, name: "disturbed"), in: folder.url)
        let killed = process.killWorkers(2)
        let outcome = try process.finish()
        try #require(outcome.status == 0, "\(outcome.errors)")
        #expect(killed == 2)
        #expect(outcome.output == undisturbed.output)
        #expect(try digest(folder.path("undisturbed.safetensors")) == digest(folder.path("disturbed.safetensors")))
    }

    @Test func onnxRuntimeFindsTheSameErrorAndTheSameClasses() throws {
        guard let python = PythonOracle.interpreter() else { return }
        let folder = try Self.quantized()
        let outcome = try Self.evaluate(folder, ["--labels", "label", "--json", "--workers", "2"])
        try #require(outcome.status == 0, "\(outcome.errors)")
        let report = try Self.report(outcome.output)
        let script = """
            import sys, numpy as np, onnxruntime as ort
            values = np.load(sys.argv[3])
            f, q = (ort.InferenceSession(path).run(["logits"], {"image": values["image"]})[0].astype(np.float64)
                    for path in sys.argv[1:3])
            print(10 * np.log10(np.sum(f * f) / np.sum((q - f) ** 2)))
            print(np.sum(f * q) / np.sqrt(np.sum(f * f) * np.sum(q * q)))
            a, b = f.argmax(1), q.argmax(1)
            print((a == b).sum(), (a == values["label"]).sum(), (b == values["label"]).sum())
            """
        let oracle = try PythonOracle.run(
            python, script: script, arguments: [Example.model, folder.path("int8.onnx"), Example.evaluation])
        try #require(oracle.status == 0, "\(oracle.output)")
        let numbers = oracle.output.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        try #require(numbers.count == 5, "\(oracle.output)")
        let logits = try #require(report.layers.first { $0.value == "logits" })
        // ONNX Runtime computes in integers, with other roundings.
        #expect(abs(try #require(logits.total.sqnrDecibels) - numbers[0]) < 0.1)
        #expect(abs(try #require(logits.total.cosine) - numbers[1]) < 1e-5)
        let classification = try #require(report.classification)
        #expect(Double(classification.agreeing) == numbers[2])
        #expect(classification.floatCorrect.map(Double.init) == numbers[3])
        #expect(classification.quantizedCorrect.map(Double.init) == numbers[4])
    }

    @Test func theTableMarksTheOutputAndTheWorstLayer() throws {
        let folder = try Self.quantized()
        let outcome = try Self.evaluate(
            folder, ["--samples", "40", "--seed", "3", "--labels", "label", "--report", folder.path("report.json")])
        try #require(outcome.status == 0, "\(outcome.errors)")
        let lines = outcome.output.split(separator: "\n")
        let report = try Self.report(String(contentsOfFile: folder.path("report.json"), encoding: .utf8))
        #expect(lines[0] == "digits.onnx against int8.onnx: 40 samples" && report.samples == 40)
        #expect(lines[1].hasPrefix("layer"))
        #expect(lines.count { $0.hasSuffix("output") || $0.hasSuffix("output, worst") } == 1)
        #expect(lines.count { $0.hasSuffix("worst") } == 1)
        let sorted = try Self.evaluate(
            folder, ["--samples", "40", "--seed", "3", "--labels", "label", "--order", "worst"])
        #expect(sorted.output.split(separator: "\n")[2].hasSuffix("worst"))
        #expect(sorted.output.split(separator: "\n").sorted() == lines.sorted())
        // The labels are those of the samples that were drawn: the model is right about nearly all of them.
        #expect(try #require(report.classification?.floatCorrect) >= 37)
    }

    @Test func calibrateEvaluatesIntoTheManifest() throws {
        let folder = try Self.quantized()
        let evaluated = try Self.quantized([
            "--evaluate", "all", "--evaluation-data", Example.evaluation, "--labels", "label", "--workers", "2",
        ])
        #expect(try digest(folder.path("int8.onnx")) == digest(evaluated.path("int8.onnx")))
        let manifest = try ResultManifest(
            jsonBytes: Array(Data(contentsOf: evaluated.url.appending(path: "int8.manifest.json"))))
        var plain = manifest
        plain.evaluation = nil
        let other = try ResultManifest(
            jsonBytes: Array(Data(contentsOf: folder.url.appending(path: "int8.manifest.json"))))
        #expect(plain == other)
        let outcome = try Self.evaluate(evaluated, ["--labels", "label", "--json", "--workers", "1"])
        try #require(outcome.status == 0, "\(outcome.errors)")
        #expect(try Self.report(outcome.output) == manifest.evaluation)
        let described = try TareProcess.run(["inspect", evaluated.path("int8.manifest.json")], in: evaluated.url)
        #expect(described.output.contains("evaluated on 450 samples: 'logits' SQNR"))
        #expect(described.output.contains("top-1: float 98.67 %"))
    }

    @Test func workersFromElsewhereStayForTheEvaluation() throws {
        let folder = try TemporaryFolder()
        let endpoint = "ipc://\(folder.path("socket"))"
        let worker = try TareProcess(["worker", "--coordinator", endpoint], in: folder.url)
        let outcome = try TareProcess.run(
            [
                "calibrate", Example.model, "--data", Example.calibration, "--listen", endpoint, "--output",
                folder.path("int8.onnx"), "--evaluate", "64", "--json",
            ], in: folder.url)
        kill(worker.identifier, outcome.status == 0 ? 0 : SIGKILL)
        let left = try worker.finish()
        try #require(outcome.status == 0, "\(outcome.errors)")
        #expect(left.status == 0, "\(left.errors)")
        let manifest = try ResultManifest(jsonBytes: Array(outcome.output.utf8))
        #expect(manifest.evaluation?.samples == 64)
    }

    @Test func modelsThatDoNotBelongTogetherAreRefused() throws {
        try expectFailure(status: 65, saying: ["'image'", "give the float model that the quantized one was made from"])
        {
            _ in
            [
                "evaluate", Example.model, Fixtures.directory.appending(path: "models/fmnist_resnet.onnx").path,
                "--data",
                Example.evaluation,
            ]
        }
    }

    @Test func aQuantizedModelIsNoFloatModel() throws {
        let folder = try Self.quantized()
        let outcome = try TareProcess.run(
            ["evaluate", folder.path("int8.onnx"), Example.model, "--data", Example.evaluation], in: folder.url)
        #expect(outcome.status == 65 && outcome.errors.contains("is quantized already"))
    }

    @Test func wrongLabelsAreRefused() throws {
        let folder = try Self.quantized()
        try Arrays.write(
            ["label": Tensor(shape: [7], elements: [Int64](repeating: 1, count: 7))], to: folder.path("seven.npz"))
        let few = try Self.evaluate(folder, ["--labels", folder.path("seven.npz")])
        #expect(few.status == 65 && few.errors.contains("has 7 entries for 450 samples"))
        let missing = try Self.evaluate(folder, ["--labels", "nowhere"])
        #expect(missing.status == 65 && missing.errors.contains("nowhere"))
        let alone = try TareProcess.run(
            [
                "calibrate", Example.model, "--data", Example.calibration, "--output", folder.path("x.onnx"),
                "--labels", "label",
            ], in: folder.url)
        #expect(alone.status == 64 && alone.errors.contains("--evaluate"))
    }
}
