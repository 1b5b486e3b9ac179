import Foundation
import Glibc
import Tensors
import TestSupport
import Testing

/// Files that are not what the user thinks: each gives a message that names the file and the reason.
@Suite struct HostileFileTests {
    @Test(arguments: [
        ["--batch-size", "65537"], ["--batch-size", "0"], ["--shard-batches", "0"], ["--workers", "0"],
        ["--observer", "percentile:200"], ["--qconfig", "best"], ["--activation-type", "int32"], ["--seed", "1"],
        ["--weight-granularity", "per-row"], ["--on-bad-sample", "hide"],
    ])
    func valuesOutOfRange(option: [String]) throws {
        try expectFailure(status: 64, saying: option[0] == "--qconfig" ? ["best", "mlu"] : [option[0]]) { folder in
            ["calibrate", Example.model, "--data", Example.calibration, "--output", folder.path("o.onnx")] + option
        }
    }

    @Test func folderAsModel() throws {
        try expectFailure(status: 66, saying: ["is a folder"]) { folder in
            ["calibrate", folder.url.path, "--data", Example.calibration, "--output", folder.path("o.onnx")]
        }
    }

    @Test(arguments: [
        ("empty.onnx", [UInt8]()),
        ("photo.onnx", [0xFF, 0xD8, 0xFF, 0xE0, 0, 16] + Array("JFIF".utf8) + [0, 1, 1, 0]),
    ])
    func noModelAtAll(name: String, bytes: [UInt8]) throws {
        for command in ["calibrate", "inspect", "run", "quantize"] {
            try expectFailure(status: 65, saying: [name, "not an ONNX model"], leaving: [name, "s.safetensors"]) {
                folder in
                try Data(bytes).write(to: folder.url.appending(path: name))
                try Data().write(to: folder.url.appending(path: "s.safetensors"))
                let options: [String: [String]] = [
                    "calibrate": ["--data", Example.calibration, "--output", folder.path("o.onnx")],
                    "run": ["--input", Example.evaluation, "--output", folder.path("o.npz")],
                    "quantize": ["--statistics", folder.path("s.safetensors"), "--output", folder.path("o.onnx")],
                ]
                return [command, folder.path(name)] + options[command, default: []]
            }
        }
    }

    @Test func unsupportedOperatorsAreAllNamed() throws {
        guard let python = PythonOracle.interpreter() else { return }
        try expectFailure(status: 65, saying: ["Bernoulli", "first", "TfIdfVectorizer", "second"], leaving: ["m.onnx"])
        {
            folder in
            let script = """
                import sys
                from onnx import helper as h, TensorProto as t, save
                x = h.make_tensor_value_info("x", t.FLOAT, ["n", 4])
                y = h.make_tensor_value_info("y", t.FLOAT, None)
                nodes = [h.make_node("Bernoulli", ["x"], ["b"], name="first"), h.make_node("TfIdfVectorizer", ["b"], ["y"], name="second")]
                model = h.make_model(h.make_graph(nodes, "g", [x], [y]), opset_imports=[h.make_opsetid("", 17)], ir_version=8)
                save(model, sys.argv[1])
                """
            let made = try PythonOracle.run(python, script: script, arguments: [folder.path("m.onnx")])
            try #require(made.status == 0, "\(made.output)")
            return ["calibrate", folder.path("m.onnx"), "--data", "/nowhere.npz", "--output", folder.path("o.onnx")]
        }
    }

    @Test(arguments: [
        ("image", Tensor(zeros: [4, 32, 32], elementType: .float32)),
        ("image", Tensor(zeros: [4, 1, 32, 32], elementType: .float64)),
        ("image", Tensor(zeros: [4, 1, 28, 28], elementType: .float32)),
        ("samples.npz", Tensor(zeros: [0, 1, 32, 32], elementType: .float32)),
    ])
    func arraysThatDoNotFit(text: String, array: Tensor) throws {
        try expectFailure(status: 65, saying: [text], leaving: ["samples.npz"]) { folder in
            try Arrays.write(["image": array], to: folder.path("samples.npz"))
            return [
                "calibrate", Example.model, "--data", folder.path("samples.npz"), "--output", folder.path("o.onnx"),
            ]
        }
    }

    @Test(arguments: [
        ("emtpy: 3\n", "emtpy"), ("scale: much\n", "scale"), ("mean: [1, 2", "YAML"), ("", "keys"), ("std: 0\n", "std"),
    ])
    func wrongPreprocessing(yaml: String, text: String) throws {
        try expectFailure(status: 78, saying: ["p.yaml", text], leaving: ["p.yaml"]) { folder in
            try Data(yaml.utf8).write(to: folder.url.appending(path: "p.yaml"))
            return [
                "calibrate", Example.model, "--data", Example.calibration, "--preprocess", folder.path("p.yaml"),
                "--output", folder.path("o.onnx"),
            ]
        }
    }

    @Test(arguments: [("0", 64, "--samples"), ("-3", 64, "--samples"), ("many", 64, "--samples"), ("257", 64, "256")])
    func wrongNumberOfSamples(number: String, status: Int32, text: String) throws {
        try expectFailure(status: status, saying: [text]) { folder in
            [
                "calibrate", Example.model, "--data", Example.calibration, "--samples=\(number)", "--output",
                folder.path("o.onnx"),
            ]
        }
    }

    @Test(arguments: ["model.onnx", "model.npz", "model.safetensors", "model.manifest.json", "model.png"])
    func inspectRefusesGarbage(name: String) throws {
        try expectFailure(status: 65, saying: [name], leaving: [name]) { folder in
            try Data("what is this? \u{0}\u{1}\u{2}".utf8).write(to: folder.url.appending(path: name))
            return ["inspect", folder.path(name)]
        }
    }

    @Test func inspectDescribesEveryKindOfFile() throws {
        let folder = try TemporaryFolder()
        let calibrated = try TareProcess.run(
            [
                "calibrate", Example.model, "--data", Example.calibration, "--samples", "16", "--workers", "1",
                "--output", folder.path("q.onnx"), "--statistics", folder.path("s.safetensors"),
            ], in: folder.url)
        try #require(calibrated.status == 0, "\(calibrated.errors)")
        for path in [
            Example.model, Example.calibration, folder.path("q.onnx"), folder.path("q.manifest.json"),
            folder.path("s.safetensors"),
        ] {
            for options in [[], ["--json"]] {
                let outcome = try TareProcess.run(["inspect", path] + options, in: folder.url)
                #expect(outcome.status == 0, "\(path): \(outcome.errors)")
                #expect(!outcome.output.isEmpty)
                if !options.isEmpty {
                    #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) }
                }
            }
        }
    }

    @Test func runNamesTheMissingInput() throws {
        try expectFailure(status: 65, saying: ["image", "pixels"], leaving: ["wrong.npz"]) { folder in
            try Arrays.write(["pixels": Arrays.images(4)], to: folder.path("wrong.npz"))
            return ["run", Example.model, "--input", folder.path("wrong.npz"), "--output", folder.path("o.npz")]
        }
    }

    @Test func unreadableModel() throws {
        guard geteuid() != 0 else {
            FileHandle.standardError.write(Data("SKIPPED unreadableModel: root may read everything\n".utf8))
            return
        }
        try expectFailure(status: 66, saying: ["cannot be read"], leaving: ["m.onnx"]) { folder in
            try FileManager.default.copyItem(atPath: Example.model, toPath: folder.path("m.onnx"))
            unsafe chmod(folder.path("m.onnx"), 0)
            return [
                "calibrate", folder.path("m.onnx"), "--data", Example.calibration, "--output", folder.path("o.onnx"),
            ]
        }
    }
}
