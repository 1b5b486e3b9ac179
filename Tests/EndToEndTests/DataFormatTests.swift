import Calibration
import Foundation
import Tensors
import TestSupport
import Testing

/// Wherever samples are kept, the same samples give the same model.
@Suite struct DataFormatTests {
    private static let count = 48

    /// The first images of the digits example.
    private static func images() throws -> Tensor {
        try NPZFile(path: Example.calibration).tensor("image").slice(outermost: 0..<count)
    }

    private static func calibrate(
        _ data: [String], _ folder: TemporaryFolder, _ name: String
    ) throws -> TareProcess.Outcome {
        try TareProcess.run(
            ["calibrate", Example.model] + data + ["--workers", "2", "--output", folder.path("\(name).onnx")],
            in: folder.url)
    }

    @Test func everyFormatGivesTheSameModel() throws {
        let folder = try TemporaryFolder()
        let images = try Self.images()
        try NPZFile.write(["image": images], to: folder.path("data.npz"))
        let reference = try Self.calibrate(["--data", folder.path("data.npz")], folder, "reference")
        try #require(reference.status == 0, "\(reference.errors)")
        let expected = try digest(folder.path("reference.onnx"))

        try Safetensors(tensors: ["image": images]).write(to: folder.path("data.safetensors"))
        let raw = try folder.file("data.bin", images.storage.copyBytes())
        let archive = try SampleFiles.archive(images, folder, classes: [Int64](repeating: 0, count: Self.count))
        let frames = try folder.file(
            "frames", (0..<Self.count).flatMap { NPYFile.encode(SampleFiles.sample(images, $0)) })
        let forms: [String: [String]] = [
            "safetensors": ["--data", folder.path("data.safetensors")],
            "raw": ["--data", raw, "--data-format", "raw:float32:1x32x32"], "tar": ["--data", archive],
            "command": ["--data-command", "cat '\(frames)'"],
            "batches": ["--data-command", "cat '\(folder.path("data.npy"))'", "--data-frames", "batch"],
        ]
        try NPYFile.write(images, to: folder.path("data.npy"))
        for (name, words) in forms.sorted(by: { $0.key < $1.key }) {
            let outcome = try Self.calibrate(words, folder, name)
            try #require(outcome.status == 0, "\(name): \(outcome.errors)")
            #expect(try digest(folder.path("\(name).onnx")) == expected, "\(name)")
        }
    }

    @Test func aCommandRunsOnceThoughAMethodNeedsTwoPasses() throws {
        let folder = try TemporaryFolder()
        let images = try Self.images()
        try NPYFile.write(images, to: folder.path("data.npy"))
        let options = ["--observer", "histogram:torch"]
        let file = try Self.calibrate(["--data", folder.path("data.npy")] + options, folder, "file")
        try #require(file.status == 0, "\(file.errors)")
        // The command counts its runs: the second pass reads what the first one kept.
        let command = "echo run >> '\(folder.path("runs"))'; cat '\(folder.path("data.npy"))'"
        let piped = try Self.calibrate(
            ["--data-command", command, "--data-frames", "batch"] + options, folder, "command")
        try #require(piped.status == 0, "\(piped.errors)")
        #expect(try digest(folder.path("file.onnx")) == digest(folder.path("command.onnx")))
        #expect(try String(contentsOfFile: folder.path("runs"), encoding: .utf8) == "run\n")
        let manifest = try ResultManifest(
            jsonBytes: Array(Data(contentsOf: folder.url.appending(path: "command.manifest.json"))))
        #expect(manifest.data?.samples == Self.count)
        #expect(manifest.data?.files.map(\.path) == ["--data-command '\(command)'"])
    }

    @Test func aCommandThatGoesOnForeverIsEndedAfterTheFirstSamples() throws {
        let folder = try TemporaryFolder()
        try NPYFile.write(SampleFiles.sample(try Self.images(), 0), to: folder.path("one.npy"))
        let outcome = try Self.calibrate(
            ["--data-command", "while cat '\(folder.path("one.npy"))'; do :; done", "--samples", "16"], folder,
            "endless")
        #expect(outcome.status == 0, "\(outcome.errors)")
    }

    @Test func aCommandThatFailsIsReportedWithWhatItSaid() throws {
        let folder = try TemporaryFolder()
        try NPYFile.write(SampleFiles.sample(try Self.images(), 0), to: folder.path("one.npy"))
        let one = "cat '\(folder.path("one.npy"))'"
        for (command, words) in [
            ("\(one); echo 'no such shard: 17' >&2; exit 3", ["status 3", "no such shard: 17"]),
            ("\(one) | head -c 1000; echo gone >&2; kill -9 $$", ["signal 9", "gone"]),
            ("\(one); echo hello", ["frame 1", "standard error"]), ("true", ["no sample"]),
            ("\(one) | head -c 1000", ["frame 0", "ends within it"]),
        ] {
            let outcome = try Self.calibrate(["--data-command", command], folder, "failed")
            #expect(outcome.status == 65, "\(command): \(outcome.errors)")
            for word in words { #expect(outcome.errors.contains(word), "\(command): \(outcome.errors)") }
        }
        #expect(try !folder.names.contains { $0.hasPrefix("failed") })
    }

    @Test func aCoordinatorRunsNoCommandsOfItsClients() throws {
        let folder = try TemporaryFolder()
        let outcome = try TareProcess.run(
            [
                "submit", Example.model, "--data-command", "touch '\(folder.path("touched"))'", "--coordinator",
                "ipc://\(folder.path("socket"))",
            ], in: folder.url)
        #expect(outcome.status == 64, "\(outcome.errors)")
        #expect(outcome.errors.contains("runs no commands of its clients"))
        #expect(try !folder.names.contains("touched"))
    }

    @Test func labelsLieInArchivesAndInFolders() throws {
        let folder = try TemporaryFolder()
        let data = try NPZFile(path: Example.evaluation)
        let images = try data.tensor("image").slice(outermost: 0..<40)
        let labels = try data.tensor("label").slice(outermost: 0..<40)
        try NPZFile.write(["image": images, "label": labels], to: folder.path("data.npz"))
        let archive = try SampleFiles.archive(images, folder, classes: labels.elements(as: Int64.self))
        let calibrated = try Self.calibrate(["--data", archive], folder, "int8")
        try #require(calibrated.status == 0, "\(calibrated.errors)")
        func correct(_ words: [String]) throws -> Int? {
            let outcome = try TareProcess.run(
                ["evaluate", Example.model, folder.path("int8.onnx"), "--workers", "1", "--json"] + words,
                in: folder.url)
            try #require(outcome.status == 0, "\(outcome.errors)")
            return try JSONDecoder().decode(ResultManifest.Evaluation.self, from: Data(outcome.output.utf8))
                .classification?.floatCorrect
        }
        let expected = try correct(["--data", folder.path("data.npz"), "--labels", "label"])
        #expect(try correct(["--data", archive, "--labels", "cls"]) == expected)
        #expect((expected ?? 0) > 30)

        // In the order of the classes, and with pixels of 8 bits, which leaves nearly all of them where they were.
        let classes = labels.elements(as: Int64.self)
        let preprocessing = try folder.file("p.yaml", Array("channels: gray\nscale: 1/255".utf8))
        func rightInFolders(_ folders: String, _ labels: String) throws -> Int {
            try correct(["--data", folders, "--preprocess", preprocessing, "--labels", labels]) ?? 0
        }
        let digits = try SampleFiles.folders(images, folder, classes: classes)
        #expect(abs(try rightInFolders(digits, "folders") - (expected ?? 0)) <= 1)
        // Other names give other classes, unless a file says which these are.
        let reversed = try SampleFiles.folders(images, folder, classes: classes) { "class \(9 - $0)" }
        #expect(try rightInFolders(reversed, "folders") < 10)
        let names = try folder.file("names", Array((0..<10).map { "class \(9 - $0)\n" }.joined().utf8))
        #expect(abs(try rightInFolders(reversed, "folders:\(names)") - (expected ?? 0)) <= 1)
    }
}
