import ArgumentParser
import Calibration
import Conversion
import Foundation
import Graphs
import Modules
import ONNXFormat
import Tensors
import TrainingJobs

/// `tare finetune`: quantization-aware training, and the quantized model.
struct FinetuneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "finetune",
        abstract: "Train a float ONNX model with fake quantization, then quantize it.",
        discussion: """
            Convolutions and linear layers with what is fused into them, sums and joins become modules with observers and fake \
            quantizers; everything between two of them stays quantized. The output has QuantizeLinear and DequantizeLinear \
            nodes. The weights depend neither on the number of workers nor on what fails.

            Examples:
              tare finetune model.onnx --data train.npz --labels label --epochs 3 --learning-rate 0.005 --output model.int8.onnx
              tare finetune model.onnx --data train.npz --labels label --qconfig lsq_int4 --output model.int4.onnx --workers 4
              tare finetune model.onnx --data images.npz --distill 1 --augment flip,shift=2,mixup --output model.int8.onnx
            """)

    @Argument(help: "The float ONNX model, or a YAML file with the options as keys.")
    var model: String

    @Option(help: ArgumentHelp("Where to write the quantized model.", valueName: "file"))
    var output: String

    @Option(
        help: ArgumentHelp(
            "What is observed and rounded: a preset, or a YAML file with weight_observer, act_observer, weight_fake_quant and "
                + "act_fake_quant; in a job file also these keys themselves.", valueName: "preset|file"))
    var qconfig: String = "ema_fakequant"

    @Option(
        name: .customLong("qconfig-for"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Other recipes for some modules: a path (with * and ?) or a module name such as Linear, and a preset or file; may be "
                + "repeated, the first match counts.", valueName: "pattern=preset|file"))
    var qconfigFor: [String] = []

    @Option(
        help: ArgumentHelp(
            "Epochs in which observers follow what they see; later ones keep the scales as they are then. All epochs by default.",
            valueName: "n"))
    var observerEpochs: Int?

    @Option(
        name: .customLong("float-module"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Keep the modules at or below this path in floating point; may be repeated.", valueName: "path"))
    var floatModules: [String] = []

    @Option(
        name: .customLong("state-dict"),
        help: ArgumentHelp(
            "Also write the quantized network's state dictionary, as .pth or .safetensors.", valueName: "file"))
    var stateDictionary: String?

    @OptionGroup
    var common: TrainingCommandOptions

    @OptionGroup(title: "Teacher")
    var teacher: DistillationOptionGroup

    func validate() throws {
        if let observerEpochs, observerEpochs < 1 { throw ValidationError("--observer-epochs must be at least 1.") }
        if common.training.labels == nil, teacher.distill < 1 {
            throw ValidationError("--labels are needed, unless the float model says all (--distill 1).")
        }
        if common.training.augment?.augmentation.mixesUp == true, teacher.distill < 1 {
            throw ValidationError("A blend of two images has no label: --augment mixup needs --distill 1.")
        }
    }

    func run() async throws {
        try await FailureReport.exitOnFailure {
            var files = [("--output", output)]
            if let stateDictionary {
                _ = try StateFileFormat(path: stateDictionary)
                files.append(("--state-dict", stateDictionary))
            }
            try await common.run(model, files: files, job: job) { state in
                var network = Network(state.graph)
                try network.quantize()
                try ONNXModel.write(network.graph.loweredFromQuantized(), to: URL(filePath: output))
                if let stateDictionary { try network.stateDictionary.write(to: stateDictionary) }
            }
        }
    }

    private func job() throws -> TrainingJob {
        try TrainingJob(
            model: model, data: common.data, training: common.training,
            qconfig: try RecipeArgument(text: qconfig).qconfig(),
            overrides: try qconfigFor.map { text in
                let other = try RecipeOverride(text)
                return .init(pattern: other.pattern, qconfig: try other.recipe.qconfig())
            }, floatPaths: floatModules, distillation: teacher.distillation, observerEpochs: observerEpochs)
    }
}
