public import Conversion
public import Graphs
internal import MLU
internal import Quantization
public import Tensors
public import Training

/// Computes micro-batches of one model: what a worker does, and an in-process trainer too.
public final class MicroBatchComputer {
    /// The expanded model.
    public let expanded: ExpandedModules
    private let executor: TrainingExecutor
    private let loss: Loss
    /// Elements of each channel of normalized values, by the shapes of the inputs.
    private var counts: [[Shape]: [String: Int]] = [:]

    /// Prepares a model for training.
    ///
    /// - Parameters:
    ///   - graph: The model, with float or QAT modules; its first output is what the loss reads.
    ///   - loss: What is made small.
    /// - Throws: `ModuleError`, `TrainingError`, `TrainingJobError` for a model that cannot be trained.
    public init(_ graph: Graph, loss: Loss) throws {
        expanded = try graph.expandingModules(isTraining: true)
        for case .observer(let path, let specification, _, _, _) in expanded.observations {
            if case .histogram = specification.algorithm { throw TrainingJobError.histogramObserver(path: path) }
        }
        guard let output = graph.outputs.first else { throw TrainingJobError.noOutput }
        self.loss = loss
        executor = try TrainingExecutor(expanded.graph, trained: expanded.trained, lossInput: output.name)
    }

    /// The float32 initializers that a run reads: parameters and state.
    public static func parameters(of graph: Graph) -> [String: Tensor] {
        graph.initializers.filter { $0.value.elementType == .float32 }
    }

    /// Runs a micro-batch forward and backward; the process's Dumper, when there is one, sees every operation.
    ///
    /// - Parameters:
    ///   - parameters: All float32 initializers of the model.
    ///   - inputs: The model's inputs.
    ///   - targets: What the loss compares with.
    /// - Returns: Gradients, and what was seen.
    /// - Throws: `TrainingError` that names the input or node.
    public func compute(
        parameters: [String: Tensor], inputs: [String: Tensor], targets: Tensor
    ) throws -> MicroBatchResult {
        let result = try executor.run(
            parameters: parameters, inputs: inputs, loss: loss, targets: targets,
            observer: Dumper.current.map { TrainingCalls([$0]) })
        let names = Set(expanded.observations.flatMap(\.values))
        return MicroBatchResult(
            gradients: result.gradients,
            observed: ObservedBatch(
                values: result.outputs.filter { names.contains($0.key) },
                channelElementCounts: try elementCounts(inputs)),
            loss: result.loss, correct: result.correct, sampleCount: targets.shape.dimensions.first ?? 1)
    }

    private func elementCounts(_ inputs: [String: Tensor]) throws -> [String: Int] {
        let shapes = expanded.graph.inputs.compactMap { inputs[$0.name]?.shape }
        if let known = counts[shapes] { return known }
        var graph = expanded.graph
        for index in graph.inputs.indices {
            guard let tensor = inputs[graph.inputs[index].name] else { continue }
            graph.inputs[index].type.dimensions = tensor.shape.dimensions.map { .fixed($0) }
        }
        let types = try ShapeInference.infer(graph)
        var result: [String: Int] = [:]
        for case .normalization(_, _, _, _, _, let source) in expanded.observations {
            guard let extents = types[source]?.dimensions?.map(\.fixedValue), extents.count >= 2 else {
                throw TrainingJobError.unknownShape(value: source)
            }
            var count = 1
            for (axis, extent) in extents.enumerated() where axis != 1 {
                guard let extent else { throw TrainingJobError.unknownShape(value: source) }
                count *= extent
            }
            result[source] = count
        }
        counts[shapes] = result
        return result
    }
}

/// Why a model cannot be trained.
public enum TrainingJobError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A histogram observer follows whole tensors, which do not travel.
    case histogramObserver(path: String)
    /// The model returns nothing.
    case noOutput
    /// The model has no module that could be quantized.
    case noModules
    /// The extents of a normalized value do not follow from those of the inputs.
    case unknownShape(value: String)
    /// A checkpoint is of another model or job.
    case checkpoint(reason: String)
    /// A gradient is not finite: training has diverged.
    case notFinite(parameter: String, step: Int)

    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .histogramObserver(let path):
            "Observer '\(path)' keeps a histogram of whole tensors, which training does not gather; train with another QConfig, "
                + "such as ema_fakequant, or calibrate"
        case .noOutput: "The model has no output that a loss could read"
        case .noModules: "The model has no module that could be quantized; train it in floating point"
        case .unknownShape(let value):
            "The extents of '\(value)' do not follow from those of the inputs; training needs them"
        case .checkpoint(let reason): "The checkpoint does not fit: \(reason)"
        case .notFinite(let parameter, let step):
            "The gradient of '\(parameter)' is not finite in step \(step): training has diverged; lower the learning rate"
        }
    }
}
