import ArgumentParser
import Calibration
import Conversion
import Foundation
import ONNXFormat
import TrainingJobs

/// `tare train`: a float model trained by worker processes.
struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a float ONNX model with worker processes, byte for byte the same on any number of them.",
        discussion: """
            Every step has a fixed number of micro-batches; their gradients are added in their order. So the weights depend \
            neither on the number of workers nor on what fails. A lost micro-batch is computed again.

            Examples:
              tare train model.onnx --data train.npz --labels label --epochs 12 --output trained.onnx
              tare train job.yaml --workers 4 --checkpoint state.pth
            """)

    @Argument(help: "The ONNX model, or a YAML file with the options as keys.")
    var model: String

    @Option(help: ArgumentHelp("Where to write the trained model.", valueName: "file"))
    var output: String

    @OptionGroup
    var common: TrainingCommandOptions

    func validate() throws {
        guard common.training.labels != nil else { throw ValidationError("--labels are needed.") }
        if common.training.augment?.augmentation.mixesUp == true {
            throw ValidationError(
                "A blend of two images has no label: --augment mixup is for tare finetune --distill 1.")
        }
    }

    func run() async throws {
        try await FailureReport.exitOnFailure {
            try await common.run(
                model, files: [("--output", output)],
                job: { try TrainingJob(model: model, data: common.data, training: common.training, qconfig: nil) },
                write: { state in
                    try ONNXModel.write(
                        state.graph.expandingModules(isTraining: false).graph, to: URL(filePath: output))
                })
        }
    }
}
