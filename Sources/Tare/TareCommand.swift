import ArgumentParser

/// The `tare` command.
@main
struct TareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tare",
        abstract:
            "Calibrates and quantizes neural networks on a cluster, byte for byte the same on any number of workers.",
        discussion: """
            Examples:
              tare calibrate model.onnx --data images.npz --output model.int8.onnx
              tare inspect model.int8.onnx
              tare run model.int8.onnx --input sample.npz --output result.npz

            Exit status: 0 done, 64 usage, 65 bad data, 66 no such file, 69 unreachable, 70 internal fault, 74 input or \
            output failed, 75 ended on request before the work was done, 77 refused, 78 configuration.
            """,
        version: Version.text,
        subcommands: [
            EqualizeCommand.self, CalibrateCommand.self, QuantizeCommand.self, TrainCommand.self, FinetuneCommand.self,
            EvaluateCommand.self,
            RunCommand.self, InspectCommand.self, OperatorsCommand.self,
            CoordinatorCommand.self, WorkerCommand.self, SubmitCommand.self, StatusCommand.self, ResultCommand.self,
            CancelCommand.self,
            DrainCommand.self, WorkersCommand.self, ShardsCommand.self, KeygenCommand.self, DoctorCommand.self,
            DumpDiffCommand.self,
        ])

    /// Runs the command line, with a job file's options in it.
    static func main() async {
        do {
            let arguments = try FailureReport.exitOnFailure {
                try ConfiguredArguments(Array(CommandLine.arguments.dropFirst()))
            }
            var command = try parse(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            exit(withError: error)
        }
    }

    private static func parse(_ arguments: ConfiguredArguments) throws -> any ParsableCommand {
        do {
            return try parseAsRoot(arguments.words)
        } catch {
            guard exitCode(for: error) == .validationFailure,
                let failure = arguments.failure(for: message(for: error))
            else { throw error }
            return try FailureReport.exitOnFailure { throw failure }
        }
    }
}
