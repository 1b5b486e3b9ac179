public import Conversion
import Foundation
public import Quantization

/// Everything that a reader of a quantized model may ask: from what it was made, how, and with which scales.
///
/// Written as JSON beside the model. The same job gives the same bytes whoever computed it: neither times nor hosts nor
/// the number of workers are in it.
public struct ResultManifest: Codable, Sendable, Hashable {
    /// The version of this format.
    public static let currentFormat = "tare-manifest-1"

    /// A file with its digest.
    public struct File: Codable, Sendable, Hashable {
        /// Name without folder.
        public var name: String
        /// SHA-256 in hexadecimal.
        public var sha256: String
        /// Size in bytes.
        public var bytes: Int

        /// Makes an entry.
        public init(name: String, sha256: String, bytes: Int) {
            self.name = name
            self.sha256 = sha256
            self.bytes = bytes
        }
    }

    /// The calibration data.
    public struct DataSummary: Codable, Sendable, Hashable {
        /// SHA-256 over the content of all samples used, in order.
        public var sha256: String
        /// Samples used.
        public var samples: Int
        /// The files, in the order in which they were read.
        public var files: [DataFile]
        /// Samples that were left out, and why.
        public var skipped: [SkippedSample]

        /// Makes a summary.
        public init(sha256: String, samples: Int, files: [DataFile], skipped: [SkippedSample]) {
            self.sha256 = sha256
            self.samples = samples
            self.files = files
            self.skipped = skipped
        }
    }

    /// One file of calibration data.
    public struct DataFile: Codable, Sendable, Hashable {
        /// Path relative to the path that was given.
        public var path: String
        /// SHA-256 in hexadecimal.
        public var sha256: String
        /// Size in bytes.
        public var bytes: Int
        /// Samples in the file.
        public var samples: Int

        /// Makes an entry.
        public init(path: String, sha256: String, bytes: Int, samples: Int) {
            self.path = path
            self.sha256 = sha256
            self.bytes = bytes
            self.samples = samples
        }
    }

    /// A sample that was left out.
    public struct SkippedSample: Codable, Sendable, Hashable {
        /// Which sample.
        public var sample: String
        /// Why.
        public var reason: String

        /// Makes an entry.
        public init(sample: String, reason: String) {
            self.sample = sample
            self.reason = reason
        }
    }

    /// How the work was cut.
    public struct Plan: Codable, Sendable, Hashable {
        /// SHA-256 of the plan.
        public var sha256: String
        /// Samples in a batch.
        public var batchSize: Int
        /// Batches in a shard.
        public var batchesPerShard: Int
        /// Number of shards.
        public var shards: Int

        /// Makes an entry.
        public init(sha256: String, batchSize: Int, batchesPerShard: Int, shards: Int) {
            self.sha256 = sha256
            self.batchSize = batchSize
            self.batchesPerShard = batchesPerShard
            self.shards = shards
        }
    }

    /// How a model was quantized for the simulated device.
    public struct DeviceModules: Codable, Sendable, Hashable {
        /// The choices under their names in the guide.
        public var specification: MLUQuantizationSpecification
        /// The modules, in node order.
        public var modules: [DeviceModule]
        /// SHA-256 of the state dictionary's safetensors form.
        public var stateSHA256: String

        /// Makes an entry.
        public init(specification: MLUQuantizationSpecification, modules: [DeviceModule], stateSHA256: String) {
            self.specification = specification
            self.modules = modules
            self.stateSHA256 = stateSHA256
        }
    }

    /// A module of the simulated device.
    public struct DeviceModule: Codable, Sendable, Hashable {
        /// Path, under which its parameters lie in the state dictionary.
        public var path: String
        /// `linear`, `conv1d`, `conv2d` or `conv3d`.
        public var kind: MLUModuleKind
        /// `int8` or `int16`.
        public var type: MLUDataType
        /// Nodes that call it.
        public var nodes: [String]

        /// Makes an entry.
        public init(_ module: MLUModule) {
            path = module.path
            kind = module.kind
            type = module.dataType
            nodes = module.calls.map(\.node)
        }
    }

    /// A quantized activation.
    public struct Activation: Codable, Sendable, Hashable {
        /// Name in the float model.
        public var name: String
        /// `observed`, `fixed`, or `shared with NAME`.
        public var source: String
        /// The range chosen, for observed tensors.
        public var minimum: Float?
        /// The range chosen, for observed tensors.
        public var maximum: Float?
        /// Elements observed.
        public var elements: UInt64?
        /// Real value of one step.
        public var scale: Float
        /// The integer that stands for 0.
        public var zeroPoint: Int32
        /// Pattern of the recipe that decided; absent for the choices of the whole model.
        public var recipe: String?
    }

    /// A quantized weight or bias.
    public struct Constant: Codable, Sendable, Hashable {
        /// Name in the float model.
        public var name: String
        /// Storage type.
        public var type: String
        /// Axis of the channels; absent for one scale.
        public var axis: Int?
        /// One scale for each channel, or one.
        public var scales: [Float]
        /// Signal to quantization noise in decibels; absent when nothing changed or all elements are zero.
        public var sqnrDecibels: Double?
    }

    /// What happened to a node.
    public struct NodeEntry: Codable, Sendable, Hashable {
        /// Name.
        public var name: String
        /// ONNX operator.
        public var `operator`: String
        /// `quantized`, or why not.
        public var decision: String
    }

    /// `currentFormat`.
    public var format: String
    /// Version of Tare.
    public var version: String
    /// The float model.
    public var model: File
    /// The quantized model.
    public var output: File
    /// The data; absent when the model was converted from saved statistics without their manifest.
    public var data: DataSummary?
    /// The plan; absent like `data`.
    public var plan: Plan?
    /// The plan of the second pass, which counted histograms of MegEngine's or PyTorch's form; absent without one.
    public var histogramPlan: Plan?
    /// SHA-256 of the statistics.
    public var statisticsSHA256: String
    /// Instruction set that the float model ran with.
    public var instructionSet: String?
    /// The choices.
    public var choices: Choices
    /// The modules of the simulated device; absent for other schemes.
    public var mlu: DeviceModules?
    /// Quantized activations, in the order of the graph.
    public var activations: [Activation]
    /// Quantized weights, in the order of the graph.
    public var weights: [Constant]
    /// Quantized biases, in the order of the graph.
    public var biases: [Constant]
    /// Every node of the prepared graph.
    public var nodes: [NodeEntry]
    /// Simplifications made before quantization.
    public var rewrites: [String]
    /// Everything that deserves attention.
    public var warnings: [String]
    /// What quantization cost; absent unless it was measured.
    public var evaluation: Evaluation?

    /// Makes the manifest of a conversion.
    public init(
        version: String, model: File, output: File, data: DataSummary?, plan: Plan?, statisticsSHA256: String,
        instructionSet: String?, options: QuantizationOptions, method: CalibrationMethod, scales: ActivationScales,
        statistics: CalibrationStatistics, report: ConversionReport
    ) {
        format = Self.currentFormat
        self.version = version
        self.model = model
        self.output = output
        self.data = data
        self.plan = plan
        self.statisticsSHA256 = statisticsSHA256
        self.instructionSet = instructionSet
        choices = Choices(options, method: method)
        activations = report.activations.map { Activation($0, scales: scales, statistics: statistics) }
        weights = report.constants.map(Constant.init)
        biases = report.biases.map(Constant.init)
        nodes = report.decisions.map {
            NodeEntry(name: $0.node, operator: $0.operatorName, decision: $0.outcome.description)
        }
        rewrites = report.rewrites.map { "\($0)" }
        warnings = scales.warnings.map(\.description) + report.warnings.map(\.description)
    }

    /// The JSON bytes: sorted keys, two spaces of indentation, a line end at the end.
    public func jsonBytes() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [0x0A]
    }

    /// Reads JSON bytes.
    public init(jsonBytes: [UInt8]) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(jsonBytes))
    }
}

extension ResultManifest.Activation {
    fileprivate init(
        _ activation: ConversionReport.Activation, scales: ActivationScales, statistics: CalibrationStatistics
    ) {
        name = activation.name
        scale = activation.parameters.scales[0]
        zeroPoint = activation.parameters.zeroPoints[0]
        recipe = activation.recipe
        switch activation.source {
        case .observed(let tensor):
            source = "observed"
            minimum = scales.ranges[tensor]?.minimum
            maximum = scales.ranges[tensor]?.maximum
            elements = statistics.tensors[tensor]?.counts.total
        case .fixed(let range):
            source = "fixed"
            minimum = range.minimum
            maximum = range.maximum
        case .shared(let provider):
            source = "shared with \(provider)"
        }
    }
}

extension ResultManifest.Constant {
    fileprivate init(_ constant: ConversionReport.Constant) {
        name = constant.initializer
        type = constant.parameters.type.rawValue
        axis = constant.parameters.axis
        scales = constant.parameters.scales
        sqnrDecibels = constant.signalToQuantizationNoise.flatMap { $0.isFinite ? $0 : nil }
    }
}
