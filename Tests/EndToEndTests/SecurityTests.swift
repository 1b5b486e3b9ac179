import Foundation
import Glibc
import TestSupport
import Testing

/// Keys from the command line: what `docs/security.md` shows works, and what it forbids fails with a remedy.
@Suite struct SecurityTests {
    @Test func theCommandsOfTheManualWork() throws {
        let folder = try TemporaryFolder()
        let made = try TareProcess.run(["keygen", "--directory", folder.path("keys")], in: folder.url)
        #expect(made.status == 0 && made.output.isEmpty, "\(made.errors)")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path("keys")).sorted() == [
                "authorized_keys", "coordinator.public", "coordinator.secret", "submitter.public", "submitter.secret",
                "worker.public", "worker.secret",
            ])
        let coordinator = try TareProcess(
            [
                "calibrate", Example.model, "--data", Example.calibration, "--output", folder.path("o.onnx"),
                "--listen", "tcp://127.0.0.1:*", "--keys", folder.path("keys"), "--data-delivery", "stream",
            ], in: folder.url)
        let address = try #require(Self.address(of: coordinator))
        func worker(_ key: String, server: String) -> [String] {
            ["worker", "--coordinator", address, "--key", folder.path(key), "--server-key", folder.path(server)]
        }
        // A key that is not in the list.
        let line = try TareProcess.run(["keygen", "--output", folder.path("stranger")], in: folder.url)
        #expect(line.status == 0 && line.output.hasSuffix(" worker stranger\n"))
        let key = try #require(line.output.split(separator: " ").first)
        let stranger = try TareProcess.run(
            worker("stranger.secret", server: "keys/coordinator.public"), in: folder.url)
        #expect(stranger.status == 77, "\(stranger.errors)")
        #expect(stranger.errors.contains("add the line '\(key) worker NAME'"))
        // One that is, with another role.
        let submitter = try TareProcess.run(
            worker("keys/submitter.secret", server: "keys/coordinator.public"), in: folder.url)
        #expect(submitter.status == 77, "\(submitter.errors)")
        #expect(submitter.errors.contains("has the role submitter, and this needs worker"))
        // A wrong server key, and no key.
        let misled = try TareProcess.run(worker("keys/worker.secret", server: "stranger.public"), in: folder.url)
        #expect(misled.status == 77, "\(misled.errors)")
        #expect(misled.errors.contains("has another key than \(key)"))
        let open = try TareProcess.run(["worker", "--coordinator", address, "--insecure"], in: folder.url)
        #expect(open.status == 77 && open.errors.contains("demands encryption"), "\(open.errors)")
        // The right one.
        let right = try TareProcess.run(worker("keys/worker.secret", server: "keys/coordinator.public"), in: folder.url)
        #expect(right.status == 0, "\(right.errors)")
        let outcome = try coordinator.finish()
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("its key \(key) is not allowed"))
        let plain = try TareProcess.run(
            ["calibrate", Example.model, "--data", Example.calibration, "--output", folder.path("p.onnx")],
            in: folder.url)
        #expect(plain.status == 0, "\(plain.errors)")
        #expect(
            try Data(contentsOf: folder.url.appending(path: "o.onnx"))
                == Data(contentsOf: folder.url.appending(path: "p.onnx")))
    }

    @Test func aHangUpSignalRevokesKeys() throws {
        let folder = try TemporaryFolder()
        _ = try TareProcess.run(["keygen", "--directory", folder.path("keys")], in: folder.url)
        try Arrays.write(["image": Arrays.images(20_000)], to: folder.path("many.npz"))
        let coordinator = try TareProcess(
            [
                "calibrate", Example.model, "--data", folder.path("many.npz"), "--output", folder.path("o.onnx"),
                "--listen", "tcp://127.0.0.1:*", "--keys", folder.path("keys"),
            ], in: folder.url)
        let address = try #require(Self.address(of: coordinator))
        let worker = try TareProcess(
            [
                "worker", "--coordinator", address, "--key", folder.path("keys/worker.secret"), "--server-key",
                folder.path("keys/coordinator.public"),
            ], in: folder.url)
        #expect(becomesTrue { coordinator.errorsSoFar.contains("joined") })
        // A faulty list changes nothing.
        let list = folder.url.appending(path: "keys/authorized_keys")
        try Data("nonsense\n".utf8).write(to: list)
        kill(coordinator.identifier, SIGHUP)
        #expect(becomesTrue { coordinator.errorsSoFar.contains("the allow list stays as it was") })
        #expect(isRunning(worker.identifier))
        try Data("# nobody\n".utf8).write(to: list)
        kill(coordinator.identifier, SIGHUP)
        let outcome = try worker.finish()
        #expect(outcome.status == 77, "\(outcome.errors)")
        #expect(outcome.errors.contains("is not in the coordinator's allow list any more"))
        #expect(coordinator.errorsSoFar.contains("0 keys added, 2 revoked, 1 sessions ended"))
        kill(coordinator.identifier, SIGINT)
        #expect(try coordinator.finish().status == 75)
    }

    /// The address that a coordinator says it listens at.
    private static func address(of coordinator: TareProcess) -> String? {
        var address: String?
        _ = becomesTrue {
            let words = coordinator.errorsSoFar.split(whereSeparator: \.isWhitespace)
            address = words.first { $0.hasPrefix("tcp://") }.map(String.init)
            return address != nil
        }
        return address
    }

    @Test func keysAreNeverOverwritten() throws {
        try expectFailure(status: 64, saying: ["a.secret", "is not overwritten"], leaving: ["a.public", "a.secret"]) {
            folder in
            _ = try TareProcess.run(["keygen", "--output", folder.path("a")], in: folder.url)
            return ["keygen", "--output", folder.path("a")]
        }
        try expectFailure(status: 64, saying: ["--output or --directory"]) { _ in ["keygen"] }
        try expectFailure(status: 64, saying: ["ends in a name"]) { folder in
            ["keygen", "--output", folder.path("a b")]
        }
    }

    @Test func looseModesAndFaultyListsAreRefused() throws {
        func command(_ folder: TemporaryFolder) -> [String] {
            [
                "calibrate", Example.model, "--data", Example.calibration, "--output", folder.path("o.onnx"),
                "--listen", "tcp://127.0.0.1:*", "--keys", folder.path("keys"),
            ]
        }
        try expectFailure(status: 78, saying: ["chmod 0600", "coordinator.secret"], leaving: ["keys"]) { folder in
            _ = try TareProcess.run(["keygen", "--directory", folder.path("keys")], in: folder.url)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o644], ofItemAtPath: folder.path("keys/coordinator.secret"))
            return command(folder)
        }
        try expectFailure(status: 78, saying: ["authorized_keys:1: a line is"], leaving: ["keys"]) { folder in
            _ = try TareProcess.run(["keygen", "--directory", folder.path("keys")], in: folder.url)
            try Data("nonsense\n".utf8).write(to: folder.url.appending(path: "keys/authorized_keys"))
            return command(folder)
        }
        try expectFailure(status: 66, saying: ["keys", "tare keygen"]) { folder in command(folder) }
        try expectFailure(status: 66, saying: ["nowhere.secret"]) { folder in
            [
                "worker", "--coordinator", "tcp://127.0.0.1:1", "--key", folder.path("nowhere.secret"), "--server-key",
                "nowhere.public",
            ]
        }
    }

    @Test func withoutKeysOnlyLoopbackAndOnlyWhenAsked() throws {
        func coordinator(_ folder: TemporaryFolder, _ options: [String]) -> [String] {
            ["calibrate", Example.model, "--data", Example.calibration, "--output", folder.path("o.onnx")] + options
        }
        try expectFailure(status: 64, saying: ["tcp is encrypted", "--keys"]) {
            coordinator($0, ["--listen", "tcp://127.0.0.1:7788"])
        }
        try expectFailure(status: 64, saying: ["--listen"]) { coordinator($0, ["--insecure"]) }
        try expectFailure(status: 64, saying: ["this machine only"]) {
            coordinator($0, ["--listen", "tcp://0.0.0.0:7788", "--insecure"])
        }
        try expectFailure(status: 64, saying: ["leave out --keys"]) { coordinator($0, ["--insecure", "--keys", "k"]) }
        try expectFailure(status: 64, saying: ["--authorized-keys needs --keys"]) {
            coordinator($0, ["--authorized-keys", "k"])
        }
        try expectFailure(status: 64, saying: ["tcp is encrypted"]) { _ in
            ["worker", "--coordinator", "tcp://127.0.0.1:1"]
        }
        try expectFailure(status: 64, saying: ["only a coordinator on this machine"]) { _ in
            ["worker", "--coordinator", "tcp://192.0.2.1:1", "--insecure"]
        }
        try expectFailure(status: 64, saying: ["--key needs --server-key"]) { _ in
            ["worker", "--coordinator", "tcp://127.0.0.1:1", "--key", "k"]
        }
        try expectFailure(status: 64, saying: ["--server-key needs --key"]) { _ in
            ["worker", "--coordinator", "tcp://127.0.0.1:1", "--server-key", "k"]
        }
    }
}
