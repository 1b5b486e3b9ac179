import Foundation

/// Runs Python where it has NumPy and safetensors; they are the other side of the file formats.
enum PythonOracle {
    struct Failure: Error {
        let output: String
    }

    /// The output of a script.
    ///
    /// - Returns: `nil`, after saying so on standard error, when no Python with the modules is there.
    static func run(_ script: String, _ arguments: [String] = [], test: String = #function) throws -> String? {
        let candidates = ["/opt/tarevenv/bin/python", "/usr/bin/python3"]
        for candidate in candidates where FileManager.default.isExecutableFile(atPath: candidate) {
            guard try execute(candidate, ["-c", "import numpy, safetensors.numpy, ml_dtypes"]).status == 0 else {
                continue
            }
            let (status, output) = try execute(candidate, ["-c", script] + arguments)
            guard status == 0 else { throw Failure(output: output) }
            return output.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        FileHandle.standardError.write(Data("SKIPPED \(test): no Python with numpy, safetensors, ml_dtypes\n".utf8))
        return nil
    }

    private static func execute(_ program: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }
}
