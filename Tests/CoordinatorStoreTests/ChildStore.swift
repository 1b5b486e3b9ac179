import Foundation
import Glibc

/// A run of the `store-child` executable that was built with these tests.
final class ChildStore {
    struct Outcome {
        /// Whether a signal ended it.
        var wasKilled: Bool
        var status: Int32
        var lines: [String]
        var errors: String
    }

    private let process = Process()
    private let output = Pipe()
    private let errors = Pipe()
    private let input = Pipe()
    private var received: [UInt8] = []

    var identifier: Int32 { process.processIdentifier }

    init(_ arguments: [String], environment: [String: String] = [:]) throws {
        process.executableURL = Self.executable
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = input
        try process.run()
    }

    /// The next line that it writes; `nil` at its end.
    func line() throws -> String? {
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                defer { received.removeSubrange(...end) }
                return String(decoding: received[..<end], as: UTF8.self)
            }
            let data = output.fileHandleForReading.availableData
            guard !data.isEmpty else { return nil }
            received += Array(data)
        }
    }

    func kill() { Glibc.kill(identifier, SIGKILL) }

    func finish() throws -> Outcome {
        try input.fileHandleForWriting.close()
        var lines: [String] = []
        while let line = try line() { lines.append(line) }
        let text = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return Outcome(
            wasKilled: process.terminationReason == .uncaughtSignal, status: process.terminationStatus, lines: lines,
            errors: text)
    }

    /// The executable beside the test bundle.
    private static var executable: URL {
        let bundle = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        let candidates = [bundle, Bundle.main.bundleURL, bundle.deletingLastPathComponent()]
        return candidates.map { $0.appending(path: "store-child") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
            ?? bundle.appending(path: "store-child")
    }
}
