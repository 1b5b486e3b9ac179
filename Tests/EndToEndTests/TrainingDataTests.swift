import Foundation
import Tensors
import TestSupport
import Testing

/// `tare train`, `tare finetune` and `tare equalize` take their samples, and the first two their labels, from wherever they are kept.
@Suite struct TrainingDataTests {
    private static let count = 32

    private static func samples() throws -> (images: Tensor, classes: [Int64]) {
        let data = try NPZFile(path: Example.evaluation)
        return (
            try data.tensor("image").slice(outermost: 0..<count),
            try data.tensor("label").slice(outermost: 0..<count).elements(as: Int64.self)
        )
    }

    /// The options of the same samples in each form in which they can be, by its name.
    private static func forms(
        _ images: Tensor, classes: [Int64], _ folder: TemporaryFolder
    ) throws -> [String: [String]] {
        let arrays = ["image": images, "label": Tensor(shape: [classes.count], elements: classes)]
        try NPZFile.write(arrays, to: folder.path("data.npz"))
        try Safetensors(tensors: arrays).write(to: folder.path("data.safetensors"))
        return [
            "npz": ["--data", folder.path("data.npz"), "--labels", "label"],
            "safetensors": ["--data", folder.path("data.safetensors"), "--labels", "label"],
            "tar": ["--data", try SampleFiles.archive(images, folder, classes: classes), "--labels", "cls"],
            "command": [
                "--data-command", try SampleFiles.command(images, folder, classes: classes), "--labels", "label",
            ],
        ]
    }

    @Test(arguments: ["train", "finetune"]) func everyFormTrainsTheSameWeights(command: String) throws {
        let folder = try TemporaryFolder()
        let (images, classes) = try Self.samples()
        func train(_ name: String, _ data: [String]) throws -> TareProcess.Outcome {
            try TareProcess.run(
                [
                    command, Example.model, "--batch-size", "8", "--micro-batches", "2", "--epochs", "1",
                    "--learning-rate", "0.001", "--workers", "2", "--output", folder.path("\(name).onnx"),
                ] + data, in: folder.url)
        }
        var results: Set<String> = []
        for (name, data) in try Self.forms(images, classes: classes, folder).sorted(by: { $0.key < $1.key }) {
            let outcome = try train(name, data)
            try #require(outcome.status == 0, "\(name): \(outcome.errors)")
            results.insert(try digest(folder.path("\(name).onnx")))
        }
        #expect(results.count == 1)

        let preprocessing = try folder.file("p.yaml", Array("channels: gray\nscale: 1/255".utf8))
        let pictures = try SampleFiles.folders(images, folder, classes: classes)
        let folders = try train("folders", ["--data", pictures, "--preprocess", preprocessing, "--labels", "folders"])
        #expect(folders.status == 0, "\(folders.errors)")
        // The order is another one, and the pixels are rounded.
        #expect(try results.insert(digest(folder.path("folders.onnx"))).inserted)
    }

    @Test(arguments: ["train", "finetune"]) func labelsThatTheDataCannotHaveAreRefused(command: String) throws {
        let folder = try TemporaryFolder()
        let raw = try folder.file("data.bin", [UInt8](repeating: 0, count: 16 * 4096))
        for (data, texts) in [
            (
                ["--data", raw, "--data-format", "raw:float32:1x32x32", "--labels", "label"],
                ["'label' is no file", "--data-format", "name a file"]
            ),
            (
                ["--data", raw, "--data-format", "raw:float32:1x32x32", "--labels", "folders"],
                ["folders of images", "name a file"]
            ),
            (
                ["--data-command", "touch '\(folder.path("touched"))'", "--labels", "folders"],
                ["--data-command", "name a file"]
            ),
        ] {
            let outcome = try TareProcess.run(
                [command, Example.model, "--workers", "1", "--output", folder.path("out.onnx")] + data, in: folder.url)
            #expect(outcome.status == 64, "\(outcome.errors)")
            for text in texts { #expect(outcome.errors.contains(text), "\(outcome.errors)") }
        }
        #expect(try folder.names == ["data.bin"])
    }

    @Test func everyFormEqualizesTheSame() throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: 8)
        let images = Tensor(shape: [8, 1, 28, 28], elements: (0..<8 * 784).map { _ in abs(random.normal()) / 4 })
        let model = Fixtures.directory.appending(path: "models/fmnist_mobile.onnx").path
        func equalize(_ name: String, _ data: [String]) throws -> TareProcess.Outcome {
            try TareProcess.run(["equalize", model, "--output", folder.path("\(name).onnx")] + data, in: folder.url)
        }
        var results: Set<String> = []
        let classes = [Int64](repeating: 0, count: 8)
        for (name, data) in try Self.forms(images, classes: classes, folder).sorted(by: { $0.key < $1.key }) {
            // It needs no labels.
            let outcome = try equalize(name, Array(data.dropLast(2)))
            try #require(outcome.status == 0, "\(name): \(outcome.errors)")
            results.insert(try digest(folder.path("\(name).onnx")))
        }
        #expect(results.count == 1)
        let preprocessing = try folder.file("p.yaml", Array("channels: gray\nscale: 1/255".utf8))
        let folders = try equalize(
            "folders",
            ["--data", try SampleFiles.folders(images, folder, classes: classes), "--preprocess", preprocessing])
        #expect(folders.status == 0, "\(folders.errors)")
    }
}
