import Foundation
import Glibc
import TestSupport
import Testing

/// What a long job shows while it runs.
@Suite struct ProgressTests {
    private static var line: Regex<Substring> {
        /calibrating: \d+\/20000 samples \(\d+ %\), [\d.]+ samples\/s, ETA [\d:]+, 1 worker/
    }

    @Test func linesElsewhereAndNothingButJSONOnStandardOutput() throws {
        let folder = try TemporaryFolder()
        let process = try TareProcess(try Self.arguments(in: folder) + ["--json"], in: folder.url)
        #expect(becomesTrue { process.errorsSoFar.contains(Self.line) })
        kill(process.identifier, SIGTERM)
        let outcome = try process.finish()
        #expect(outcome.status == 75)
        #expect(outcome.output.isEmpty)
        #expect(!outcome.errors.contains("\r") && !outcome.errors.contains("\u{1B}"))
        #expect(outcome.errors.contains("nothing was written"))
    }

    @Test func terminalLineOverwritesItself() throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/script") else {
            FileHandle.standardError.write(Data("SKIPPED terminalLineOverwritesItself: no /usr/bin/script\n".utf8))
            return
        }
        let folder = try TemporaryFolder()
        let command = try ([TareProcess.executable.path] + Self.arguments(in: folder)).joined(separator: " ")
        let log = folder.url.appending(path: "log")
        let terminal = Process()
        terminal.executableURL = URL(filePath: "/usr/bin/script")
        terminal.arguments = ["-q", "-f", "-e", "-c", "exec " + command, log.path]
        terminal.standardInput = FileHandle.nullDevice
        terminal.standardOutput = FileHandle.nullDevice
        try terminal.run()
        func shown() -> String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }
        #expect(becomesTrue { shown().matches(of: Self.line).count >= 3 })
        for child in TareProcess.children(of: terminal.processIdentifier) { kill(child, SIGTERM) }
        terminal.waitUntilExit()
        // Each update begins at the start of the same line.
        let updates = shown().components(separatedBy: "\r\u{1B}[K").dropFirst().dropLast()
        #expect(updates.count >= 2)
        #expect(updates.allSatisfy { !$0.contains("\n") })
    }

    private static func arguments(in folder: TemporaryFolder) throws -> [String] {
        try Arrays.write(["image": Arrays.images(20_000)], to: folder.path("many.npz"))
        return [
            "calibrate", Example.model, "--data", folder.path("many.npz"), "--workers", "1", "--output",
            folder.path("o.onnx"),
        ]
    }
}
