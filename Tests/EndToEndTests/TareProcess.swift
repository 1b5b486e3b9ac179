import Dispatch
import Foundation
import Glibc

/// One run of the `tare` executable that was built with these tests.
final class TareProcess {
    /// What a finished run left behind.
    struct Outcome {
        var status: Int32
        var output: String
        var errors: String
    }

    private let process = Process()
    private let outputFile: URL
    private let errorFile: URL

    /// Process id, for signals.
    var identifier: Int32 { process.processIdentifier }

    /// Starts `tare` with these arguments.
    init(_ arguments: [String], in folder: URL, environment: [String: String] = [:]) throws {
        process.executableURL = Self.executable
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        // Files instead of pipes: a process that writes more than a pipe holds would wait for a reader.
        outputFile = folder.appending(path: "output-\(UUID().uuidString)")
        errorFile = folder.appending(path: "errors-\(UUID().uuidString)")
        for file in [outputFile, errorFile] { try Data().write(to: file) }
        process.standardOutput = try FileHandle(forWritingTo: outputFile)
        process.standardError = try FileHandle(forWritingTo: errorFile)
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    /// What was written to standard error until now.
    var errorsSoFar: String {
        (try? String(contentsOf: errorFile, encoding: .utf8)) ?? ""
    }

    /// Waits for the end and collects everything.
    func finish() throws -> Outcome {
        // A process that never ends fails its test instead of holding up all others.
        let overdue = DispatchWorkItem { [identifier] in kill(identifier, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + Self.patience, execute: overdue)
        process.waitUntilExit()
        overdue.cancel()
        let outcome = Outcome(
            status: process.terminationStatus,
            output: try String(contentsOf: outputFile, encoding: .utf8),
            errors: try String(contentsOf: errorFile, encoding: .utf8))
        for file in [outputFile, errorFile] { try FileManager.default.removeItem(at: file) }
        return outcome
    }

    private static let patience = 300.0

    /// Runs `tare` to its end.
    static func run(
        _ arguments: [String], in folder: URL, environment: [String: String] = [:]
    ) throws -> Outcome {
        try TareProcess(arguments, in: folder, environment: environment).finish()
    }

    /// Kills workers that the process has started, each in the middle of its computation.
    ///
    /// - Returns: How many were killed before the process ended.
    func killWorkers(_ count: Int) -> Int {
        var killed: Set<Int32> = []
        _ = becomesTrue(within: .seconds(60)) {
            // Starting takes less than this processor time.
            for child in Self.children(of: identifier)
            where killed.count < count && !killed.contains(child)
                && Self.processorTime(of: child) > .milliseconds(400)
            {
                if kill(child, SIGKILL) == 0 { killed.insert(child) }
            }
            return killed.count == count || !isRunning(identifier)
        }
        return killed.count
    }

    /// Process ids of the children of a process.
    static func children(of parent: Int32) -> [Int32] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap(Int32.init).filter { identifier in
            guard let stat = try? String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8),
                let tail = stat.split(separator: ")").last
            else { return false }
            let fields = tail.split(separator: " ")
            return fields.count > 1 && Int32(fields[1]) == parent
        }
    }

    /// Processor time that a process has used.
    static func processorTime(of process: Int32) -> Duration {
        guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let tail = stat.split(separator: ")").last
        else { return .zero }
        let fields = tail.split(separator: " ")
        guard fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12]) else { return .zero }
        return .milliseconds((user + system) * 1000 / max(sysconf(Int32(_SC_CLK_TCK)), 1))
    }

    /// The executable beside the test bundle.
    static var executable: URL {
        let bundle = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        let candidates = [bundle, Bundle.main.bundleURL, bundle.deletingLastPathComponent()]
        return candidates.map { $0.appending(path: "tare") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
            ?? bundle.appending(path: "tare")
    }
}
