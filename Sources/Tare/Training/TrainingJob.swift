import Calibration
import Conversion
import CoordinatorService
import Datasets
import Execution
import Foundation
import Graphs
import Modules
import ONNXFormat
import Quantization
import Synchronization
import Tensors
import Training
import TrainingJobs

/// A training from the model and samples that the user named to the job of rounds that workers compute.
struct TrainingJob {
    /// The model.
    let model: SourceModel
    /// The samples.
    let dataset: CalibrationDataset
    /// What decides the computation.
    let options: TrainingOptions
    /// The model with its first parameters, and the optimizer.
    let state: TrainingState
    /// Steps of this job.
    let stepCount: Int
    /// The right classes; `nil` where the teacher says all.
    private let labels: Blob?
    private let microBatches: Int

    /// Samples of each micro-batch.
    var samplesPerShard: Int { options.batchSize / microBatches }

    /// The shards: micro-batches of all steps.
    var shardCount: Int { stepCount * microBatches }

    /// Reads model, data and labels and checks everything that can be checked before anything is computed.
    ///
    /// - Parameters:
    ///   - path: Path of the float model.
    ///   - data: The samples.
    ///   - training: How it is trained.
    ///   - qconfig: The recipes of quantization-aware training; `nil` for floating point.
    ///   - overrides: Recipes of some modules.
    ///   - floatPaths: Modules that stay in floating point.
    ///   - distillation: What the float model teaches.
    ///   - observerEpochs: Epochs in which observers follow what they see; `nil` for all.
    /// - Throws: An error that names the model, the data, the labels or the checkpoint that does not fit.
    init(
        model path: String, data: DataOptions, training: TrainingOptionGroup, qconfig: QConfig?,
        overrides: [TrainingOptions.Override] = [], floatPaths: [String] = [],
        distillation: TrainingOptions.Distillation? = nil, observerEpochs: Int? = nil
    ) throws {
        model = try SourceModel(path: path)
        let labelSource = Self.labelSource(training)
        dataset = try CalibrationDataset(data, graph: model.imported.graph, labels: labelSource)
        let count = dataset.source.sampleCount
        guard count >= training.batchSize else {
            throw CommandFailure(
                .badData, "\(count) samples do not fill a step of \(training.batchSize); lower --batch-size")
        }
        labels = try Self.labels(labelSource, data, dataset)
        var options = TrainingOptions(
            qconfig: qconfig, overrides: overrides, floatPaths: floatPaths, labels: labels?.digest, sampleCount: count,
            batchSize: training.batchSize, seed: training.orderSeed, labelSmoothing: training.labelSmoothing)
        options.distillation = distillation
        options.augmentation = try Self.augmentation(training, dataset)
        var graph = try options.model(of: model.imported.graph)
        if let qconfig, ([qconfig] + overrides.map(\.qconfig)).contains(where: \.needsScales) {
            graph = try Self.calibrated(options, model.imported.graph, dataset)
        }
        let stepsPerEpoch = options.order.stepsPerEpoch
        options.firstStepOfFixedStatistics = training.batchNormalizationEpochs.map { $0 * stepsPerEpoch }
        options.firstStepWithoutObservers = observerEpochs.map { $0 * stepsPerEpoch }
        if let initial = training.initial { try Self.load(initial, into: &graph) }
        var state = try TrainingState(
            graph, optimizer: training.rule, schedule: training.learningRates(stepsPerEpoch: stepsPerEpoch),
            phases: options.phases)
        if let resume = training.resume {
            let checkpoint = try Checkpoint(path: InputPath.existingFile(resume, what: "The checkpoint"))
            guard checkpoint.seed == training.orderSeed else {
                throw TrainingJobError.checkpoint(reason: "its samples come in another order; give its --order-seed")
            }
            try state.restore(
                step: checkpoint.optimizerStep, state: checkpoint.parameters.dictionary,
                optimizer: checkpoint.optimizerState)
        }
        options.firstStep = state.step
        stepCount = training.epochs * stepsPerEpoch - state.step
        guard stepCount > 0 else {
            throw CommandFailure(.usage, "The checkpoint has made all \(state.step) steps already; raise --epochs")
        }
        self.options = options
        self.state = state
        microBatches = training.microBatches
    }

    /// Where the right classes are; `nil` when none are given, or when none fit a blend.
    private static func labelSource(_ training: TrainingOptionGroup) -> LabelSource? {
        training.augment?.augmentation.mixesUp == true ? nil : training.labels.map(LabelSource.init(named:))
    }

    /// The right classes as the file that workers fetch.
    private static func labels(
        _ source: LabelSource?, _ data: DataOptions, _ dataset: CalibrationDataset
    ) throws -> Blob? {
        guard let source else { return nil }
        let classes = try EvaluationLabels(source, data: data, samples: dataset.source).selected
        let tensor = Tensor(shape: [classes.count], elements: classes.map { Int64($0) })
        return Blob(try Safetensors(tensors: ["labels": tensor]).encoded())
    }

    /// How images are changed, with the axes of the preprocessing.
    private static func augmentation(
        _ training: TrainingOptionGroup, _ dataset: CalibrationDataset
    ) throws -> Augmentation? {
        guard var augmentation = training.augment?.augmentation else { return nil }
        if let text = dataset.options.preprocessing {
            augmentation.channelsLast = try Preprocessing(yaml: text, source: "the preprocessing").inputs.contains {
                $0.layout == .nhwc
            }
        }
        return augmentation
    }

    /// Scales that were observed, for fake quantizers that train their own.
    private static func calibrated(
        _ options: TrainingOptions, _ imported: Graph, _ dataset: CalibrationDataset
    ) throws -> Graph {
        guard let qconfig = options.qconfig else { return try options.model(of: imported) }
        var observing = options
        observing.qconfig = qconfig.observing
        observing.overrides = options.overrides.map { .init(pattern: $0.pattern, qconfig: $0.qconfig.observing) }
        var network = Network(try observing.model(of: imported))
        network.eval()
        network.enableObserver()
        let count = min(dataset.source.sampleCount, 256)
        for start in stride(from: 0, to: count, by: 32) {
            let samples = try (start..<min(start + 32, count)).map { index in
                try dataset.decoder.decode(dataset.source.readRaw(index))
            }
            _ = try network.run(dataset.decoder.assembleBatch(samples))
        }
        try network.resetQConfig(qconfig, overrides: options.moduleOverrides)
        try network.graph.scaleStepGradients()
        network.train()
        return network.graph
    }

    /// Loads a state dictionary, whose observers and fake quantizers may be missing.
    private static func load(_ path: String, into graph: inout Graph) throws {
        let checkpoint = try Checkpoint(path: InputPath.existingFile(path, what: "The initial parameters"))
        var network = Network(graph)
        let report = try network.loadStateDictionary(checkpoint.parameters, strict: false)
        let missing = report.missing.filter { !$0.contains("_observer.") && !$0.contains("_fake_quant.") }
        guard missing.isEmpty, report.unexpected.isEmpty else {
            throw StateLoadError.keysDiffer(missing: missing, unexpected: report.unexpected)
        }
        graph = network.graph
    }

    /// The job as the coordinator serves it.
    func roundJob(
        delivery: PlanOptions.DataDeliveryChoice, paths: [String], reducer: TrainingReducer
    ) throws -> RoundJob {
        guard let dataDigest = ContentDigest(hexadecimal: dataset.summary.sha256) else {
            throw CommandFailure(.internalFault, "The digest of the data is malformed: \(dataset.summary.sha256)")
        }
        var computation = dataset.options
        computation.training = options
        let specification = try JobSpecification(
            model: model.files, dataDigest: dataDigest, sampleCount: stepCount * options.batchSize,
            batchSize: samplesPerShard, batchesPerShard: 1, observedTensors: [],
            collectsHistograms: false, options: try computation.canonicalText(),
            requiredInstructionSet: InstructionSet.arithmetic)
        return RoundJob(
            specification: specification,
            delivery: dataset.delivery(delivery, paths: paths), blobs: model.blobs + [labels].compactMap(\.self),
            samples: dataset.isStreamed(delivery) ? OrderedSamples(source: dataset.source, options: options) : nil,
            shardsPerRound: microBatches, reducer: reducer)
    }
}

/// Gives workers the samples at the places of a training.
private final class OrderedSamples: SampleByteSource {
    private let source: DatasetSource
    private let order: Mutex<SampleOrder>

    init(source: DatasetSource, options: TrainingOptions) {
        self.source = source
        order = Mutex(SampleOrder(options))
    }

    func bytes(ofSample index: Int) throws -> [UInt8] {
        try source.readRaw(order.withLock { $0.sample(at: index) }).encoded()
    }
}

extension QConfig {
    /// Whether fake quantizers have scales of their own, which must come from somewhere before they are trained.
    fileprivate var needsScales: Bool {
        [weightFakeQuant, actFakeQuant].contains { $0.map { $0.algorithm != .fakeQuantize } ?? false }
    }

    /// Recipes that only observe, for the same integers.
    fileprivate var observing: QConfig {
        QConfig(
            weightObserver: weightFakeQuant.map { ObserverSpecification(.minMax, dtype: $0.dtype) },
            actObserver: actFakeQuant.map { ObserverSpecification(.minMax, dtype: $0.dtype) }, weightFakeQuant: nil,
            actFakeQuant: nil)
    }
}

extension StateDictionary {
    /// The entries by name.
    fileprivate var dictionary: [String: Tensor] {
        Dictionary(entries.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
    }
}
