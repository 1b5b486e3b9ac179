import ArgumentParser
import Calibration
import Conversion
import Foundation
import Graphs
import Modules
import ONNXFormat
import Quantization
import Tensors
import TrainingJobs
import Yams

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
                + "act_fake_quant.", valueName: "preset|file"))
    var qconfig: String = "ema_fakequant"

    @Option(
        name: .customLong("qconfig-for"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Other recipes for some modules: a path (with * and ?) or a module name such as Linear, and a preset or file; may be "
                + "repeated, the first match counts.", valueName: "pattern=preset|file"))
    var qconfigFor: [String] = []

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
                model: model, data: data, training: training, qconfig: try Self.recipes(qconfig),
                overrides: try overrides(), floatPaths: floatModules)
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

    /// The recipes of some modules.
    private func overrides() throws -> [TrainingOptions.Override] {
        try qconfigFor.map { text in
            let parts = text.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else {
                throw CommandFailure(
                    .usage, "--qconfig-for takes PATTERN=PRESET, such as 'Linear=ema_fakequant', not '\(text)'")
            }
            return .init(pattern: String(parts[0]), qconfig: try Self.recipes(String(parts[1])))
        }
    }

    /// A preset or the recipes of a file.
    private static func recipes(_ qconfig: String) throws -> QConfig {
        guard [".yaml", ".yml"].contains(where: qconfig.lowercased().hasSuffix) else {
            return try QConfig(named: qconfig)
        }
        let file = try InputFile(path: InputPath.existingFile(qconfig, what: "The file with the recipes"))
        guard let text = String(validating: try file.bytes(0..<min(file.byteCount, 1 << 20)), as: UTF8.self) else {
            throw CommandFailure(.configuration, "\(qconfig) is not UTF-8 text")
        }
        do {
            return try YAMLDecoder().decode(QConfig.self, from: text)
        } catch {
            throw CommandFailure(.configuration, "\(qconfig): \(error)")
        }
    }
}

extension QConfig {
    /// A preset of MegEngine, or one of those that it leaves to its users: trained steps, and 4 bits with trained thresholds.
    fileprivate init(named name: String) throws(QConfigError) {
        func trained(_ algorithm: FakeQuantSpecification.Algorithm, _ weight: QuantDtype, _ act: QuantDtype) -> QConfig
        {
            QConfig(
                weightObserver: nil, actObserver: nil,
                weightFakeQuant: FakeQuantSpecification(algorithm, dtype: weight),
                actFakeQuant: FakeQuantSpecification(algorithm, dtype: act))
        }
        switch name {
        case "lsq": self = trained(.lsq, .qint8Narrow, .qint8)
        case "lsq_int4": self = trained(.lsq, .qint4, .qint4)
        case "tqt_int4": self = trained(.tqt, .qint4, .qint4)
        default: try self.init(preset: name)
        }
    }
}
