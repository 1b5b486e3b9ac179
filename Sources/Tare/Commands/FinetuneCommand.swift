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
            "YAML file with these options as keys; an option on the command line wins.", valueName: "file"))
    var config: String?

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

    @OptionGroup(title: "Data")
    var data: DataOptions

    @Option(
        help: ArgumentHelp(
            "How workers get the samples: shared reads the paths, stream receives them over ZeroMQ.", valueName: "way"))
    var dataDelivery: PlanOptions.DataDeliveryChoice = .shared

    @OptionGroup(title: "Training")
    var training: TrainingOptionGroup

    @OptionGroup(title: "Teacher")
    var teacher: DistillationOptionGroup

    @OptionGroup(title: "Workers")
    var cluster: LocalClusterOptions

    @OptionGroup(title: "Keys")
    var keys: CoordinatorKeyOptions

    @OptionGroup(title: "Dump")
    var dump: DumpOptions

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        try keys.validate(listens: cluster.listen != nil)
        try dump.validate(hasLocalWorkers: cluster.hasLocalWorkers)
        try dump.validateTraining()
        if let observerEpochs, observerEpochs < 1 { throw ValidationError("--observer-epochs must be at least 1.") }
        if training.labels == nil, teacher.distill < 1 {
            throw ValidationError("--labels are needed, unless the float model says all (--distill 1).")
        }
        if training.augment?.augmentation.mixesUp == true, teacher.distill < 1 {
            throw ValidationError("A blend of two images has no label: --augment mixup needs --distill 1.")
        }
    }

    func run() async throws {
        try await FailureReport.exitOnFailure {
            var files = [("--output", output)] + (training.checkpoint.map { [("--checkpoint", $0)] } ?? [])
            if let stateDictionary {
                _ = try StateFileFormat(path: stateDictionary)
                files.append(("--state-dict", stateDictionary))
            }
            try TrainingFiles.check(files, against: [model, training.labels, data.preprocess] + data.paths)
            let job = try TrainingJob(
                model: model, data: data, training: training, qconfig: try RecipeArgument(text: qconfig).qconfig(),
                overrides: try qconfigFor.map { text in
                    let other = try RecipeOverride(text)
                    return .init(pattern: other.pattern, qconfig: try other.recipe.qconfig())
                }, floatPaths: floatModules, distillation: teacher.distillation, observerEpochs: observerEpochs)
            let run = TrainingRun(
                cluster: cluster, keys: keys, training: training, data: data, delivery: dataDelivery,
                dump: dump)
            let (state, summary) = try await run.run(job)
            var network = Network(state.graph)
            try network.quantize()
            try ONNXModel.write(network.graph.loweredFromQuantized(), to: URL(filePath: output))
            if let stateDictionary { try network.stateDictionary.write(to: stateDictionary) }
            try TrainingFiles.report(summary, written: files.map(\.1), json: json)
        }
    }
}
