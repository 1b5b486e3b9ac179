import ArgumentParser
import ControlAPI
import Foundation
import Tensors

/// `tare result`: fetches what a job gave.
struct ResultCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "result",
        abstract: "Fetch the quantized model, the manifest and the statistics of a job.",
        discussion: """
            Example:
              tare result 3 --output model.int8.onnx --statistics model.safetensors
            """)

    @Argument(help: "Number of the job.")
    var job: UInt64

    @Option(help: ArgumentHelp("Where to write the quantized model; its manifest lies beside it.", valueName: "file"))
    var output: String

    @Option(help: ArgumentHelp("Also write the statistics.", valueName: "file"))
    var statistics: String?

    @Option(
        name: .customLong("state-dict"),
        help: ArgumentHelp(
            "Also write the quantized state dictionary of an mlu job, as .pth or .safetensors.", valueName: "file"))
    var stateDictionary: String?

    @OptionGroup(title: "Coordinator")
    var connection: ConnectionOptions

    @Flag(help: "Print what was fetched as JSON.")
    var json = false

    func run() async throws {
        try await FailureReport.exitOnFailure {
            let outputs = try OutputFiles(
                model: output, statistics: statistics, stateDictionary: stateDictionary)
            let connection = try await connection.connect()
            let result = try connection.ask(.result(job: modelJob(connection)), for: ResultDocument.self)
            func file(_ name: String) throws -> [UInt8] {
                guard let file = result.files.first(where: { $0.name == name }) else {
                    throw CommandFailure(.badData, "Job \(result.job) has no \(name)")
                }
                var progress = ProgressLine(title: "fetching the \(name)", unit: "KB")
                let bytes = try connection.fetch(file, from: result.dataEndpoint) {
                    progress.update(done: $0 / 1000, total: file.bytes / 1000)
                }
                progress.finish()
                return bytes
            }
            let (model, manifest) = (try file("model"), try file("manifest"))
            if let path = outputs.statistics { try AtomicFile.write(try file("statistics"), to: path) }
            let state = try outputs.stateDictionary.map { _ in
                StateDictionary(try Safetensors(decoding: try file("state"), name: "the state of job \(result.job)"))
            }
            try outputs.write(model: model, manifest: manifest, state: state)
            if json {
                StandardStreams.writeOutput(try Documents.text(result))
            } else {
                for file in result.files { StandardStreams.writeOutput("\(file.name) sha256 \(file.sha256)") }
                StandardStreams.writeOutput("wrote \(outputs.model) and \(outputs.manifest)")
            }
        }
    }

    /// The job that has the model: the second pass, when the first one is asked for.
    private func modelJob(_ connection: CoordinatorConnection) throws -> UInt64 {
        let document = try connection.ask(.status(job: job), for: JobDocument.self)
        guard document.isFirstPass, let next = document.followUp else { return job }
        StandardStreams.writeError("note: job \(job) was the first of two passes; the model is that of job \(next)")
        return next
    }
}
