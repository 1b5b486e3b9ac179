import Foundation
import Glibc
import TestSupport
import Testing

/// `tare doctor` names the first step that fails, and fails with its status.
@Suite struct DoctorTests {
    /// Runs the command; its lines, and what `--json` says of the same.
    private static func examine(
        _ options: [String], in folder: TemporaryFolder, environment: [String: String] = [:]
    ) throws -> (status: Int32, lines: [String: String], json: [String: Any]) {
        let plain = try TareProcess(
            ["doctor"] + Self.timeout(options) + options, in: folder.url, environment: environment
        ).finish()
        let json = try TareProcess(
            ["doctor", "--json"] + Self.timeout(options) + options, in: folder.url, environment: environment
        ).finish()
        #expect(plain.status == json.status)
        var lines: [String: String] = [:]
        for line in plain.output.split(separator: "\n") {
            let name = line.prefix { $0 != " " }
            lines[String(name)] = line.dropFirst(name.count).trimmingCharacters(in: .whitespaces)
        }
        let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        return (plain.status, lines, object ?? [:])
    }

    /// A second is enough where nobody answers anyway.
    private static func timeout(_ options: [String]) -> [String] {
        options.contains("--timeout") ? [] : ["--timeout", "1"]
    }

    @Test func machineAloneIsExamined() throws {
        let folder = try TemporaryFolder()
        let (status, lines, json) = try Self.examine(["--state-dir", folder.url.path], in: folder)
        #expect(status == 0)
        #expect(json["first_failure"] == nil)
        for step in ["environment", "clock", "libraries", "disk", "descriptors", "memory"] {
            #expect(lines[step]?.hasPrefix("ok: ") == true, "\(step): \(lines[step] ?? "")")
        }
        for step in ["address", "resolution", "connection", "handshake", "protocol"] {
            #expect(lines[step]?.hasPrefix("skipped: no coordinator is named") == true)
        }
        #expect(lines["libraries"]?.contains("CURVE") == true)
    }

    @Test func coordinatorThatAnswersPassesEveryStep() throws {
        let folder = try TemporaryFolder()
        let (file, endpoint) = (folder.path("address.json"), "ipc://\(folder.path("socket"))")
        let coordinator = try TareProcess(
            [
                "calibrate", Example.model, "--data", Example.calibration, "--output", folder.path("o.onnx"),
                "--listen", endpoint, "--address-file", file,
            ], in: folder.url)
        #expect(becomesTrue { FileManager.default.fileExists(atPath: file) })
        let (status, lines, _) = try Self.examine(["--address-file", file], in: folder)
        #expect(status == 0)
        for step in ["environment", "address", "resolution", "connection", "handshake", "protocol"] {
            #expect(lines[step]?.hasPrefix("ok: ") == true, "\(step): \(lines[step] ?? "")")
        }
        kill(coordinator.identifier, SIGTERM)
        _ = try coordinator.finish()
    }

    @Test func keysAreExaminedToo() throws {
        let folder = try TemporaryFolder()
        for name in ["keys", "others"] {
            #expect(try TareProcess.run(["keygen", "--directory", folder.path(name)], in: folder.url).status == 0)
        }
        let file = folder.path("address.json")
        let coordinator = try TareProcess(
            [
                "calibrate", Example.model, "--data", Example.calibration, "--output", folder.path("o.onnx"),
                "--listen", "tcp://127.0.0.1:*", "--keys", folder.path("keys"), "--address-file", file,
            ], in: folder.url)
        #expect(becomesTrue { FileManager.default.fileExists(atPath: file) })
        let find = ["--timeout", "10", "--address-file", file]
        // The address file names the coordinator's key.
        let right = try Self.examine(find + ["--key", folder.path("keys/worker.secret")], in: folder)
        #expect(right.status == 0)
        #expect(right.lines["handshake"]?.hasPrefix("ok: encrypted") == true, "\(right.lines)")
        for (options, step) in [
            (["--key", folder.path("others/worker.secret")], "handshake"),
            (["--key", folder.path("keys/submitter.secret")], "protocol"),
            (
                [
                    "--key", folder.path("keys/worker.secret"), "--server-key",
                    folder.path("others/coordinator.public"),
                ], "handshake"
            ),
        ] {
            let wrong = try Self.examine(find + options, in: folder)
            #expect(wrong.status == 77, "\(options): \(wrong.lines)")
            #expect(wrong.json["first_failure"] as? String == step, "\(options): \(wrong.lines)")
        }
        kill(coordinator.identifier, SIGTERM)
        _ = try coordinator.finish()
    }

    struct Case: CustomTestStringConvertible, Sendable {
        var step: String
        var status: Int32
        var options: [String] = []
        var environment: [String: String] = [:]
        var text: String

        var testDescription: String { "\(step) \(options) \(environment)" }
    }

    static let cases = [
        Case(
            step: "environment", status: 64, environment: ["RANK": "9", "WORLD_SIZE": "8"],
            text: "RANK=9 does not fit WORLD_SIZE=8"),
        Case(step: "environment", status: 64, options: ["--coordinator", "here"], text: "--coordinator is 'here'"),
        Case(
            step: "address", status: 69, options: ["--address-file", "/nonexistent/address.json"],
            text: "it does not exist after 1 s"),
        Case(
            step: "resolution", status: 69, environment: ["SLURM_STEP_NODELIST": "no..such..host[1-2]"],
            text: "the host 'no..such..host1' (from first node of SLURM_STEP_NODELIST) has no address"),
        Case(
            step: "connection", status: 69, options: ["--coordinator", "tcp://127.0.0.1:1"], text: "Connection refused"),
        Case(
            step: "connection", status: 69, options: ["--coordinator", "ipc:///tmp/tare-nobody"],
            text: "No such file or directory"),
        Case(step: "disk", status: 74, options: ["--state-dir", "/nonexistent"], text: "state folder /nonexistent"),
        Case(step: "disk", status: 74, options: ["--cache-directory", "/proc"], text: "cache folder /proc"),
    ]

    @Test(arguments: cases)
    func firstFailureIsNamed(_ item: Case) throws {
        let folder = try TemporaryFolder()
        let (status, lines, json) = try Self.examine(item.options, in: folder, environment: item.environment)
        #expect(status == item.status)
        #expect(json["first_failure"] as? String == item.step)
        #expect(json["status"] as? Int == Int(item.status))
        let findings = json["findings"] as? [[String: Any]] ?? []
        let failed = findings.first { $0["outcome"] as? String == "failed" }
        #expect((failed?["text"] as? String)?.contains(item.text) == true, "\(failed ?? [:])")
        #expect(((failed?["remedy"] as? String) ?? "").isEmpty == false)
        #expect(lines["memory"]?.hasPrefix("ok: ") == true)
    }

    @Test func listenerThatIsNoCoordinatorFailsTheHandshake() throws {
        let folder = try TemporaryFolder()
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address -> UInt16? in
                guard unsafe bind(listener, address, length) == 0, listen(listener, 8) == 0,
                    unsafe getsockname(listener, address, &length) == 0
                else { return nil }
                return 0
            }
        }
        try #require(port != nil)
        let endpoint = "tcp://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
        let (status, lines, json) = try Self.examine(["--coordinator", endpoint], in: folder)
        #expect(status == 69)
        #expect(json["first_failure"] as? String == "handshake")
        #expect(lines["connection"]?.hasPrefix("ok: ") == true)
        #expect(lines["protocol"] == "skipped: it needs the step 'handshake'")
    }

    @Test func tooFewDescriptorsAreFound() throws {
        let folder = try TemporaryFolder()
        let output = folder.path("out")
        let status = try Command.run(
            "/bin/sh", ["-c", "ulimit -n 100; exec '\(TareProcess.executable.path)' doctor > '\(output)'"])
        #expect(status == 78)
        #expect(
            try String(contentsOfFile: output, encoding: .utf8).contains("failed: 100 open files are too few: raise"))
    }
}
