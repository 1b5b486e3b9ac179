import Foundation
import Tensors
import TestSupport
import Testing
import Training

/// `tare train` and `tare finetune`: weights that depend neither on who computed them nor on what failed.
@Suite struct TrainTests {
    private static let options = [
        "--data", Example.evaluation, "--labels", "label", "--batch-size", "32", "--micro-batches", "4", "--epochs",
        "1",
        "--learning-rate", "0.002",
    ]

    private static func finetune(
        _ folder: TemporaryFolder, _ name: String, _ options: [String]
    ) throws -> TareProcess.Outcome {
        try TareProcess.run(
            [
                "finetune", Example.model, "--output", folder.path("\(name).onnx"), "--checkpoint",
                folder.path("\(name).pth"),
            ] + options, in: folder.url)
    }

    private static func digests(_ folder: TemporaryFolder, _ name: String) throws -> [String] {
        [try digest(folder.path("\(name).onnx")), try digest(folder.path("\(name).pth"))]
    }

    @Test func workersTransportAndDeliveryDoNotChangeTheWeights() throws {
        let folder = try TemporaryFolder()
        var results: Set<[String]> = []
        for (index, words) in [
            ["--workers", "1"], ["--workers", "2"], ["--workers", "8"],
            ["--workers", "2", "--transport", "tcp", "--data-delivery", "stream"],
        ].enumerated() {
            let outcome = try Self.finetune(folder, "\(index)", Self.options + words)
            try #require(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("14 steps") && outcome.errors.contains("epoch 1 of 1"))
            // The labels are no input of the model, and are read.
            #expect(!outcome.errors.contains("'label'"), "\(outcome.errors)")
            results.insert(try Self.digests(folder, "\(index)"))
        }
        #expect(results.count == 1)
        // What is trained is still right about nearly all of the images.
        let run = try TareProcess.run(
            ["run", folder.path("0.onnx"), "--input", Example.evaluation, "--labels", "label"], in: folder.url)
        try #require(run.status == 0, "\(run.errors)")
        let right = try #require(run.output.firstMatch(of: /top-1 ([0-9.]+) %/))
        #expect(Double(right.1) ?? 0 > 90, "\(run.output)")
    }

    @Test func aDumpShowsTheWayBackAndChangesNoByte() throws {
        let folder = try TemporaryFolder()
        let words = Self.options + ["--workers", "2"]
        let dump = ["--dump-dir", folder.path("dump"), "--dump-iterations", "0-3", "--dump-level", "1"]
        for (name, words) in [("plain", words), ("dumped", words + dump)] {
            let outcome = try Self.finetune(folder, name, words)
            try #require(outcome.status == 0, "\(outcome.errors)")
        }
        #expect(try Self.digests(folder, "plain") == Self.digests(folder, "dumped"))
        func names(_ path: String) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: folder.path(path)).sorted()
        }
        let iterations = try names("dump").flatMap { worker in
            try names("dump/\(worker)").map { "dump/\(worker)/\($0)" }
        }
        // The four micro-batches of the first step, unless a second attempt was begun for speed.
        #expect(Set(iterations.map { $0.split(separator: "/")[2] }) == ["iter_0", "iter_1", "iter_2", "iter_3"])
        for iteration in iterations {
            let calls = try names(iteration)
            for name in ["cross_entropy_loss", "cross_entropy_loss_backward", "convolution_overrideable_backward"] {
                #expect(calls.contains { $0.hasSuffix("_\(name)") }, "\(iteration)")
            }
        }
        let refused = try Self.finetune(folder, "refused", words + dump + ["--compare-cpu"])
        #expect(refused.status == 64 && refused.errors.contains("--compare-cpu"), "\(refused.errors)")
    }

    /// What a teacher says, random images and phases follow from the options as all else does.
    @Test func distilledAndAugmentedWeightsAreTheSameToo() throws {
        let folder = try TemporaryFolder()
        let words =
            Self.options.filter { !["--labels", "label"].contains($0) } + [
                "--epochs", "3", "--distill", "1", "--distill-temperature", "2", "--augment", "flip,shift=2,mixup",
                "--batch-norm-epochs", "1", "--observer-epochs", "2", "--schedule", "cosine",
            ]
        var results: Set<[String]> = []
        for (index, more) in [
            ["--workers", "1"], ["--workers", "8"],
            ["--workers", "2", "--transport", "tcp", "--data-delivery", "stream"],
        ].enumerated() {
            let outcome = try Self.finetune(folder, "\(index)", words + more)
            try #require(outcome.status == 0, "\(outcome.errors)")
            results.insert(try Self.digests(folder, "\(index)"))
        }
        #expect(results.count == 1)
        for other in [["--augment", "flip"], ["--batch-norm-epochs", "2"], ["--distill-temperature", "3"]] {
            let outcome = try Self.finetune(folder, "other", words + other + ["--workers", "2"])
            try #require(outcome.status == 0, "\(outcome.errors)")
            #expect(try results.insert(Self.digests(folder, "other")).inserted, "\(other)")
        }
    }

    @Test func killedWorkersDoNotChangeTheWeights() throws {
        let folder = try TemporaryFolder()
        let words = Self.options + ["--epochs", "6"]
        let undisturbed = try Self.finetune(folder, "undisturbed", words + ["--workers", "1"])
        try #require(undisturbed.status == 0, "\(undisturbed.errors)")
        let process = try TareProcess(
            [
                "finetune", Example.model, "--output", folder.path("disturbed.onnx"), "--checkpoint",
                folder.path("disturbed.pth"), "--workers", "3",
            ] + words, in: folder.url)
        let killed = process.killWorkers(2)
        let outcome = try process.finish()
        try #require(outcome.status == 0, "\(outcome.errors)")
        #expect(killed == 2)
        #expect(try Self.digests(folder, "undisturbed") == Self.digests(folder, "disturbed"))
    }

    @Test func aCheckpointGoesOnToTheSameBytes() throws {
        let folder = try TemporaryFolder()
        let words = Self.options + ["--schedule", "constant", "--workers", "1"]
        let whole = try Self.finetune(folder, "whole", words + ["--epochs", "2"])
        try #require(whole.status == 0, "\(whole.errors)")
        let half = try Self.finetune(folder, "half", words)
        try #require(half.status == 0, "\(half.errors)")
        let checkpoint = try Checkpoint(path: folder.path("half.pth"))
        #expect(checkpoint.step == 14 && checkpoint.optimizerState.keys.contains { $0.hasSuffix(".momentum_buffer") })
        let rest = try Self.finetune(
            folder, "rest", words + ["--epochs", "2", "--resume", folder.path("half.pth"), "--workers", "2"])
        try #require(rest.status == 0, "\(rest.errors)")
        #expect(try Self.digests(folder, "whole") == Self.digests(folder, "rest"))
        let other = try Self.finetune(
            folder, "other", words + ["--epochs", "2", "--resume", folder.path("half.pth"), "--order-seed", "9"])
        #expect(other.status == 65 && other.errors.contains("another order"), "\(other.errors)")
    }

    @Test func floatTrainingAndAJobFile() throws {
        let folder = try TemporaryFolder()
        let job = """
            model: \(Example.model)
            data: \(Example.evaluation)
            labels: label
            output: trained.onnx
            epochs: 1
            batch-size: 64
            micro-batches: 2
            learning-rate: 0.001
            optimizer: adam
            """
        try job.write(to: folder.url.appending(path: "job.yaml"), atomically: true, encoding: .utf8)
        let outcome = try TareProcess.run(
            ["train", folder.path("job.yaml"), "--json", "--workers", "2"], in: folder.url)
        try #require(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("\"steps\" : 7") || outcome.output.contains("\"steps\":7"), "\(outcome.output)")
        let run = try TareProcess.run(
            ["run", folder.path("trained.onnx"), "--input", Example.evaluation, "--labels", "label"], in: folder.url)
        #expect(run.status == 0, "\(run.errors)")
    }

    @Test(arguments: [
        (["--qconfig", "calibration"], 65, "histogram"), (["--qconfig", "nothing"], 64, "nothing"),
        (["--batch-size", "30"], 64, "--micro-batches"), (["--float-module", "nowhere"], 65, "nowhere"),
        (["--qconfig-for", "nowhere*=lsq"], 65, "No module matches 'nowhere*'"),
        (["--qconfig", "nothing"], 64, "lsq_int4"),
        (["--batch-size", "1000"], 65, "--batch-size"),
        (["--labels", "classes"], 65, "no array 'classes' with labels, only: image, label"),
        (["--learning-rate", "1e30"], 65, "diverged"), (["--augment", "mixup"], 64, "--distill 1"),
        (["--augment", "turn"], 64, "--augment"), (["--augment", "shift=40"], 65, "shift of 40"),
        (["--distill", "2"], 64, "--distill"), (["--observer-epochs", "0"], 64, "--observer-epochs"),
    ])
    func whatCannotBeTrainedIsRefused(words: [String], status: Int32, text: String) throws {
        let folder = try TemporaryFolder()
        let outcome = try Self.finetune(folder, "refused", Self.options + words + ["--workers", "1"])
        #expect(outcome.status == status && outcome.errors.contains(text), "\(outcome.status) \(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("refused.onnx")))
    }

    @Test func someModulesHaveOtherRecipes() throws {
        let folder = try TemporaryFolder()
        let outcome = try Self.finetune(
            folder, "mixed",
            Self.options + [
                "--qconfig", "lsq_int4", "--qconfig-for", "Linear=lsq", "QuantStub=lsq", "stem*=ema_fakequant",
                "--workers",
                "2", "--state-dict", folder.path("mixed.safetensors"),
            ])
        try #require(outcome.status == 0, "\(outcome.errors)")
        let state = try StateDictionary(path: folder.path("mixed.safetensors"))
        func largest(_ suffix: String) throws -> Int {
            let name = try #require(state.names.first { $0.hasSuffix(suffix) }, "\(state.names)")
            return try #require(state[name]).elements(as: Int8.self).map { abs(Int($0)) }.max() ?? 0
        }
        // Eight bits in the first module, four in the next.
        let (first, second) = (try largest("stem.conv.weight"), try largest("stage1.conv1.weight"))
        #expect(first > 8 && second <= 8)
    }

    @Test(arguments: ["tqt", "lsq_int4", "min_max_fakequant", "recipes.yaml"])
    func everyKindOfRecipeIsTrained(name: String) throws {
        let folder = try TemporaryFolder()
        let recipes = """
            weight_observer: {class: MinMaxObserver, dtype: qint8, narrow_range: true}
            act_observer: {class: ExponentialMovingAverageObserver, dtype: quint8, mode: asymmetric, momentum: 0.8}
            weight_fake_quant: {class: FakeQuantize, dtype: qint8_narrow}
            act_fake_quant: {class: FakeQuantize, dtype: quint8}
            """
        try recipes.write(to: folder.url.appending(path: "recipes.yaml"), atomically: true, encoding: .utf8)
        let qconfig = name.hasSuffix(".yaml") ? folder.path(name) : name
        let outcome = try Self.finetune(folder, "trained", Self.options + ["--qconfig", qconfig, "--workers", "2"])
        try #require(outcome.status == 0, "\(outcome.errors)")
        let run = try TareProcess.run(
            ["run", folder.path("trained.onnx"), "--input", Example.evaluation, "--labels", "label"], in: folder.url)
        #expect(run.status == 0, "\(run.errors)")
    }
}
