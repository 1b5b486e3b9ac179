internal import Conversion
public import Graphs
internal import MLU
internal import Quantization
public import Tensors
public import Training

/// Computes micro-batches of one model: what a worker does, and an in-process trainer too.
public final class MicroBatchComputer {
    /// The model as it is trained in one phase.
    private struct Prepared {
        let phase: TrainingPhase
        let expanded: ExpandedModules
        let executor: TrainingExecutor
        /// Elements of each channel of normalized values, by the shapes of the inputs.
        var counts: [[Shape]: [String: Int]] = [:]
    }

    private let graph: Graph
    private let loss: Loss
    private let phases: TrainingPhases
    private let teacher: Teacher?
    private var prepared: Prepared

    /// Prepares a model for training.
    ///
    /// - Parameters:
    ///   - graph: The model, with float or QAT modules; its first output is what the loss reads.
    ///   - loss: What is made small.
    ///   - phases: What changes in the course of training.
    ///   - teacher: A model with the same inputs, whose first output a distillation compares with.
    ///   - firstStep: The first step that will be computed.
    /// - Throws: `ModuleError`, `TrainingError`, `TrainingJobError` for a model that cannot be trained.
    public init(
        _ graph: Graph, loss: Loss, phases: TrainingPhases = TrainingPhases(), teacher: Graph? = nil, firstStep: Int = 0
    ) throws {
        guard loss.needsTeacher == (teacher != nil) else { throw TrainingJobError.teacher(isNeeded: loss.needsTeacher) }
        self.graph = graph
        self.loss = loss
        self.phases = phases
        self.teacher = try teacher.map(Teacher.init)
        prepared = try Self.prepare(graph, phases.phase(step: firstStep))
    }

    private static func prepare(_ graph: Graph, _ phase: TrainingPhase) throws -> Prepared {
        let expanded = try graph.expandingModules(phase)
        for case .observer(let path, let specification, _, _, _) in expanded.observations {
            if case .histogram = specification.algorithm { throw TrainingJobError.histogramObserver(path: path) }
        }
        guard let output = graph.outputs.first else { throw TrainingJobError.noOutput }
        return Prepared(
            phase: phase, expanded: expanded,
            executor: try TrainingExecutor(expanded.graph, trained: expanded.trained, lossInput: output.name))
    }

    /// The float32 initializers that a run reads: parameters and state.
    public static func parameters(of graph: Graph) -> [String: Tensor] {
        graph.initializers.filter { $0.value.elementType == .float32 }
    }

    /// Runs a micro-batch forward and backward; the process's Dumper, when there is one, sees every operation.
    ///
    /// - Parameters:
    ///   - parameters: All float32 initializers of the model.
    ///   - inputs: The model's inputs; the outermost extent is the batch.
    ///   - targets: What the loss compares with; `nil` where the teacher says all.
    ///   - step: The step that it belongs to.
    /// - Returns: Gradients, and what was seen.
    /// - Throws: `TrainingError` that names the input or node.
    public func compute(
        parameters: [String: Tensor], inputs: [String: Tensor], targets: Tensor?, step: Int = 0
    ) throws -> MicroBatchResult {
        let phase = phases.phase(step: step)
        if phase != prepared.phase { prepared = try Self.prepare(graph, phase) }
        let taught = try teacher?.scores(of: inputs)
        let result = try prepared.executor.run(
            parameters: parameters, inputs: inputs, loss: loss, targets: LossTargets(targets, teacher: taught),
            observer: Dumper.current.map { TrainingCalls([$0]) })
        let names = Set(prepared.expanded.observations.flatMap(\.values))
        let samples = (targets ?? taught)?.shape.dimensions.first
        return MicroBatchResult(
            gradients: result.gradients,
            observed: ObservedBatch(
                values: result.outputs.filter { names.contains($0.key) },
                channelElementCounts: try elementCounts(inputs)),
            loss: result.loss, correct: result.correct, sampleCount: samples ?? 1)
    }

    private func elementCounts(_ inputs: [String: Tensor]) throws -> [String: Int] {
        var graph = prepared.expanded.graph
        let shapes = graph.inputs.compactMap { inputs[$0.name]?.shape }
        if let known = prepared.counts[shapes] { return known }
        for index in graph.inputs.indices {
            guard let tensor = inputs[graph.inputs[index].name] else { continue }
            graph.inputs[index].type.dimensions = tensor.shape.dimensions.map { .fixed($0) }
        }
        let types = try ShapeInference.infer(graph)
        var result: [String: Int] = [:]
        for case .normalization(_, _, _, _, _, let source) in prepared.expanded.observations {
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
        prepared.counts[shapes] = result
        return result
    }
}
