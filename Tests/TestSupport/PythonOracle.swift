public import Foundation

/// The Python environment that `scripts/setup.sh` makes, with ONNX Runtime, NumPy and others as independent judges.
public enum PythonOracle {
    /// What a script left behind.
    public struct Outcome: Sendable {
        /// Exit status.
        public var status: Int32
        /// Everything that it wrote to standard output and standard error.
        public var output: String
    }

    /// The interpreter: `TARE_PYTHON`, else `.venv/bin/python` of this checkout.
    ///
    /// - Returns: `nil`, after saying so on standard error, when there is none; the caller then skips its test.
    public static func interpreter(test: String = #function) -> URL? {
        let url =
            ProcessInfo.processInfo.environment["TARE_PYTHON"].map { URL(filePath: $0) }
            // Built without standardizing: that would follow the link out of the environment and lose its packages.
            ?? Fixtures.directory.deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: ".venv/bin/python")
        if FileManager.default.isExecutableFile(atPath: url.path) { return url }
        FileHandle.standardError.write(Data("SKIPPED \(test): no Python at \(url.path); run scripts/setup.sh\n".utf8))
        return nil
    }

    /// Runs a Python script to its end.
    public static func run(_ interpreter: URL, script: String, arguments: [String] = []) throws -> Outcome {
        let process = Process()
        process.executableURL = interpreter
        process.arguments = ["-c", script] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Outcome(status: process.terminationStatus, output: String(decoding: output, as: UTF8.self))
    }
}

extension PythonOracle {
    /// An interpreter that has PyTorch: `TARE_TORCH_PYTHON`, else the system's with Debian's `python3-torch`.
    ///
    /// - Returns: `nil`, after saying so on standard error, when there is none; the caller then skips its test.
    public static func torchInterpreter(test: String = #function) -> URL? {
        let url = URL(
            filePath: ProcessInfo.processInfo.environment["TARE_TORCH_PYTHON"] ?? "/usr/bin/python3")
        if FileManager.default.isExecutableFile(atPath: url.path),
            let outcome = try? run(url, script: "import torch"), outcome.status == 0
        {
            return url
        }
        FileHandle.standardError.write(
            Data("SKIPPED \(test): \(url.path) has no PyTorch; install python3-torch\n".utf8))
        return nil
    }
}
