import ArgumentParser
import Calibration
import Foundation
import Graphs
import ONNXFormat
import Tensors

/// `tare inspect`: says what a file holds.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Say what a model, a manifest, a statistics file or an array file holds.",
        discussion: """
            Examples:
              tare inspect model.onnx
              tare inspect model.int8.manifest.json
              tare inspect statistics.safetensors --json
            """)

    @Argument(help: "An .onnx, .manifest.json, .safetensors, .npz or .npy file.")
    var file: String

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        try FailureReport.exitOnFailure {
            let path = try InputPath.existingFile(file, what: "The file")
            let description = try FileDescription.describe(path)
            StandardStreams.writeOutput(json ? try JSONText.encode(description) : description.text)
        }
    }
}
