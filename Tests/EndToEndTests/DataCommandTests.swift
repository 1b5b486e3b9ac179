import Foundation
import Glibc
import Tensors
import TestSupport
import Testing

/// How a `--data-command` ends, and what is seen of it while it runs.
@Suite struct DataCommandTests {
    /// A sample of the digits model in a file.
    private static func sample(_ folder: TemporaryFolder) throws -> String {
        try NPYFile.write(SampleFiles.sample(Arrays.images(1), 0), to: folder.path("one.npy"))
        return folder.path("one.npy")
    }

    private static func arguments(_ command: String, _ folder: TemporaryFolder) -> [String] {
        [
            "calibrate", Example.model, "--workers", "1", "--output", folder.path("out.onnx"), "--data-command",
            command,
        ]
    }

    /// The process id that a command wrote to the file `pid`.
    private static func identifier(_ folder: TemporaryFolder) throws -> Int32 {
        func text() -> String? { try? String(contentsOfFile: folder.path("pid"), encoding: .utf8) }
        #expect(becomesTrue { text()?.hasSuffix("\n") == true })
        return try #require(text().flatMap { Int32($0.trimmingCharacters(in: .newlines)) })
    }

    @Test func aCommandThatGoesOnWithoutOutputIsEndedAndReported() throws {
        let folder = try TemporaryFolder()
        let command = "cat '\(try Self.sample(folder))'; echo $$ > '\(folder.path("pid"))'; exec sleep 100000 >&-"
        let outcome = try TareProcess.run(Self.arguments(command, folder), in: folder.url)
        #expect(outcome.status == 65, "\(outcome.errors)")
        #expect(outcome.errors.contains("closed its standard output and had not ended 5 seconds later"))
        #expect(try !isRunning(Self.identifier(folder)))
        #expect(!FileManager.default.fileExists(atPath: folder.path("out.onnx")))
    }

    @Test func aCommandHasTimeToEndThoughItsStandardErrorIsClosed() throws {
        let folder = try TemporaryFolder()
        let cleaned = folder.path("cleaned")
        let command =
            "exec 2>&-; trap \"sleep 0.5; touch '\(cleaned)'; exit 0\" TERM; while cat '\(try Self.sample(folder))'; do :; done"
        let outcome = try TareProcess.run(
            Self.arguments(command, folder) + ["--samples", "8"], in: folder.url)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(FileManager.default.fileExists(atPath: cleaned))
    }

    @Test(arguments: [SIGINT, SIGTERM]) func aSignalEndsTheCommandToo(number: Int32) throws {
        let folder = try TemporaryFolder()
        let command = "cat '\(try Self.sample(folder))'; echo $$ > '\(folder.path("pid"))'; exec sleep 100000"
        let process = try TareProcess(Self.arguments(command, folder), in: folder.url)
        let identifier = try Self.identifier(folder)
        #expect(isRunning(identifier))
        kill(process.identifier, number)
        let outcome = try process.finish()
        #expect(outcome.status == 75, "\(outcome.errors)")
        #expect(outcome.errors.contains("Stopped by a signal; nothing was written"))
        #expect(!isRunning(identifier))
    }

    @Test func aSecondSignalEndsACommandThatIgnoresTheFirst() throws {
        let folder = try TemporaryFolder()
        let command =
            "trap '' TERM INT; cat '\(try Self.sample(folder))'; echo $$ > '\(folder.path("pid"))'; while :; do sleep 1; done"
        let process = try TareProcess(Self.arguments(command, folder), in: folder.url)
        let identifier = try Self.identifier(folder)
        kill(process.identifier, SIGTERM)
        // Each further signal may come while the first one is still being dealt with.
        #expect(
            becomesTrue {
                kill(process.identifier, SIGTERM)
                return !isRunning(process.identifier)
            })
        let outcome = try process.finish()
        #expect([75, 128 + SIGTERM].contains(outcome.status), "\(outcome.status) \(outcome.errors)")
        #expect(becomesTrue { !isRunning(identifier) })
    }

    @Test func whatComesInIsShownWhileItLasts() throws {
        let folder = try TemporaryFolder()
        let process = try TareProcess(
            Self.arguments("while cat '\(try Self.sample(folder))'; do :; done", folder), in: folder.url)
        #expect(
            becomesTrue {
                process.errorsSoFar.contains(/keeping the data: \d+ samples, [\d.]+ samples\/s, \d+ MB\n/)
            })
        kill(process.identifier, SIGTERM)
        let outcome = try process.finish()
        #expect(outcome.status == 75, "\(outcome.errors)")
        #expect(!outcome.errors.contains("\r"))
    }

    @Test func aCommandIsNotRunAgainForTheEvaluation() throws {
        let folder = try TemporaryFolder()
        let words = Self.arguments("touch '\(folder.path("touched"))'", folder) + ["--evaluate", "all"]
        let outcome = try TareProcess.run(words, in: folder.url)
        #expect(outcome.status == 64 && outcome.errors.contains("--evaluation-data"), "\(outcome.errors)")
        #expect(try folder.names.isEmpty)
        let endless = "while cat '\(try Self.sample(folder))'; do :; done"
        let evaluated = try TareProcess.run(
            Self.arguments(endless, folder)
                + ["--samples", "8", "--evaluate", "16", "--evaluation-data", Example.evaluation], in: folder.url)
        #expect(evaluated.status == 0, "\(evaluated.errors)")
    }
}
