import Foundation
import Glibc
import TestSupport
import Testing

/// What a user sees when something is wrong: the thing, the reason, the remedy, the right status, and no files.
@Suite struct FailureTests {
    @Test func missingModel() throws {
        try expectFailure(status: 66, saying: ["/nowhere/model.onnx", "does not exist"]) { folder in
            ["calibrate", "/nowhere/model.onnx", "--data", Example.calibration, "--output", folder.path("o.onnx")]
        }
    }

    @Test func missingData() throws {
        try expectFailure(status: 66, saying: ["/nowhere/images.npz"]) { folder in
            ["calibrate", Example.model, "--data", "/nowhere/images.npz", "--output", folder.path("o.onnx")]
        }
    }

    @Test func truncatedModel() throws {
        try expectFailure(status: 65, saying: ["cut.onnx"], leaving: ["cut.onnx"]) { folder in
            let whole = try Data(contentsOf: URL(filePath: Example.model))
            try whole.prefix(whole.count / 2).write(to: folder.url.appending(path: "cut.onnx"))
            return [
                "calibrate", folder.path("cut.onnx"), "--data", Example.calibration, "--output", folder.path("o.onnx"),
            ]
        }
    }

    @Test func wrongInputName() throws {
        try expectFailure(status: 65, saying: ["image", "pixels"], leaving: ["wrong.npz"]) { folder in
            try Arrays.write(["pixels": Arrays.images(4)], to: folder.path("wrong.npz"))
            return ["calibrate", Example.model, "--data", folder.path("wrong.npz"), "--output", folder.path("o.onnx")]
        }
    }

    @Test func sampleThatIsNotANumber() throws {
        try expectFailure(status: 65, saying: ["nan.npz", "2", "NaN"], leaving: ["nan.npz"]) { folder in
            try Arrays.write(["image": Arrays.images(4, notANumberAt: 2)], to: folder.path("nan.npz"))
            return [
                "calibrate", Example.model, "--data", folder.path("nan.npz"), "--workers", "1",
                "--output", folder.path("o.onnx"),
            ]
        }
    }

    @Test func imageThatIsNone() throws {
        try expectFailure(status: 65, saying: ["broken.jpg"], leaving: ["images", "preprocess.yaml"]) { folder in
            let images = folder.url.appending(path: "images")
            try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
            try Data("no image at all".utf8).write(to: images.appending(path: "broken.jpg"))
            try Data("resize: [32, 32]\nchannels: gray\nscale: 1/255\n".utf8)
                .write(to: folder.url.appending(path: "preprocess.yaml"))
            return [
                "calibrate", Example.model, "--data", images.path, "--preprocess", folder.path("preprocess.yaml"),
                "--output", folder.path("o.onnx"),
            ]
        }
    }

    @Test func unknownFlag() throws {
        try expectFailure(status: 64, saying: ["--wrokers"]) { folder in
            [
                "calibrate", Example.model, "--data", Example.calibration, "--output", folder.path("o.onnx"),
                "--wrokers", "2",
            ]
        }
    }

    @Test func skippedOperatorThatDoesNotOccur() throws {
        try expectFailure(status: 64, saying: ["Cnov"]) { folder in
            [
                "calibrate", Example.model, "--data", Example.calibration, "--output", folder.path("o.onnx"),
                "--skip-op", "Cnov",
            ]
        }
    }

    @Test func outputFolderThatDoesNotExist() throws {
        try expectFailure(status: 74, saying: ["/nowhere"]) { _ in
            ["calibrate", Example.model, "--data", Example.calibration, "--output", "/nowhere/o.onnx"]
        }
    }

    @Test func fullDisk() throws {
        guard geteuid() == 0 else {
            FileHandle.standardError.write(Data("SKIPPED fullDisk: mounting a small disk needs root\n".utf8))
            return
        }
        let mount = try TemporaryFolder()
        guard try Command.run("/bin/mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", mount.url.path]) == 0 else {
            FileHandle.standardError.write(Data("SKIPPED fullDisk: this machine allows no mount\n".utf8))
            return
        }
        defer { _ = try? Command.run("/bin/umount", [mount.url.path]) }
        let folder = try TemporaryFolder()
        let outcome = try TareProcess.run(
            [
                "calibrate", Example.model, "--data", Example.calibration, "--samples", "16", "--workers", "1",
                "--output", mount.path("o.onnx"),
            ], in: folder.url)
        #expect(outcome.status == 74)
        #expect(outcome.errors.contains("no space left"))
        #expect(try mount.names == [])
    }

    @Test func interruptLeavesNoProcessAndNoFile() throws {
        let folder = try TemporaryFolder()
        try Arrays.write(["image": Arrays.images(20_000)], to: folder.path("many.npz"))
        let process = try TareProcess(
            [
                "calibrate", Example.model, "--data", folder.path("many.npz"), "--workers", "2", "--output",
                folder.path("o.onnx"),
            ],
            in: folder.url)
        var children: [Int32] = []
        #expect(
            becomesTrue {
                children = TareProcess.children(of: process.identifier)
                return children.count == 2
            })
        kill(process.identifier, SIGINT)
        let outcome = try process.finish()
        #expect(outcome.status == 75, "\(outcome.errors)")
        #expect(becomesTrue { !children.contains(where: isRunning) })
        #expect(try folder.names == ["many.npz"])
    }
}
