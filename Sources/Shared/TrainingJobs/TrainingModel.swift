public import Calibration
public import Conversion
public import Graphs
public import Tensors
public import Training

extension TrainingOptions {
    /// An imported model as it is trained: with modules, and for QAT with stubs, observers and fake quantizers.
    ///
    /// Coordinator and workers make the same of the same model.
    ///
    /// - Throws: `ConversionError`, `ModuleError`; `TrainingJobError.noModules` when there is nothing to quantize.
    public func model(of imported: Graph) throws -> Graph {
        var graph = try imported.findingModules()
        for path in floatPaths { try graph.disableQuantize(path) }
        guard let qconfig else { return graph }
        guard
            graph.modules().contains(where: { node in
                if case .module(let module) = node.op { !module.disablesQuantization } else { false }
            })
        else { throw TrainingJobError.noModules }
        graph.insertStubs()
        try graph.quantizeQAT(qconfig, overrides: moduleOverrides)
        return graph
    }

    /// The recipes of modules that match a pattern.
    public var moduleOverrides: [QConfigOverride] {
        overrides.map { QConfigOverride($0.pattern, $0.qconfig) }
    }

    /// What is made small.
    public var loss: Loss {
        guard let distillation else { return .crossEntropy(labelSmoothing: labelSmoothing) }
        return .distillation(
            weight: distillation.weight, temperature: distillation.temperature, labelSmoothing: labelSmoothing)
    }

    /// What changes in the course of training.
    public var phases: TrainingPhases {
        TrainingPhases(fixedStatistics: firstStepOfFixedStatistics, fixedScales: firstStepWithoutObservers)
    }

    /// Computes the micro-batches of the training of an imported model.
    ///
    /// - Throws: What `model(of:)` and `MicroBatchComputer` throw.
    public func computer(of imported: Graph) throws -> MicroBatchComputer {
        try MicroBatchComputer(
            model(of: imported), loss: loss, phases: phases, teacher: distillation == nil ? nil : imported,
            firstStep: firstStep)
    }

    /// How samples are changed; `nil` when they are taken as they are.
    public var sampleAugmentation: SampleAugmentation? {
        augmentation.map { SampleAugmentation($0, seed: seed) }
    }

    /// Which samples a step takes.
    public var order: BatchOrder { BatchOrder(sampleCount: sampleCount, batchSize: batchSize, seed: seed) }
}

/// The samples at the places of a training job; keeps the order of the epoch that was asked for last.
public struct SampleOrder: Sendable {
    private let order: BatchOrder
    private let firstStep: Int
    private var epoch: (number: Int, samples: [Int])?

    /// Makes an order.
    public init(_ options: TrainingOptions) {
        order = options.order
        firstStep = options.firstStep
    }

    /// The step that a place belongs to.
    public func step(ofPlace place: Int) -> Int { firstStep + place / order.batchSize }

    /// The epoch that a place belongs to.
    public func epoch(ofPlace place: Int) -> Int { step(ofPlace: place) / order.stepsPerEpoch }

    /// The sample at a place.
    public mutating func sample(at place: Int) -> Int {
        let step = step(ofPlace: place)
        let number = epoch(ofPlace: place)
        if epoch?.number != number { epoch = (number, order.samples(epoch: number)) }
        return epoch?.samples[step % order.stepsPerEpoch * order.batchSize + place % order.batchSize] ?? 0
    }
}

extension Graph {
    /// A network's float32 initializers as the bytes that workers fetch, and back.
    public static func encode(parameters: [String: Tensor], step: Int) throws(TensorFileError) -> [UInt8] {
        try Safetensors(tensors: parameters, metadata: ["format": "tare-parameters-1", "step": String(step)]).encoded()
    }

    /// Reads the bytes of `encode`.
    public static func parameters(decoding bytes: [UInt8]) throws(TensorFileError) -> [String: Tensor] {
        try Safetensors(decoding: bytes, name: "the parameters of a step").tensors
    }
}
