public import Graphs
public import Kernels
public import Tensors

/// Runs a graph on oneDNN: the executor of workers and of `tare run`.
///
/// For each set of input shapes it plans once: constants are folded, batch normalization goes into weights, activations
/// and additions ride on the kernel before them, activations of convolutions keep their channels innermost, and buffers
/// are reused. Modules of the quantized family work on bytes and give the integers of the reference kernels. Nodes without
/// a fast kernel run on the reference kernels. A value that is observed is always computed for itself, never replaced by
/// a neighbour. One thread computes; with AVX-512 the bits of a result depend on neither the batch size nor what is
/// observed beside it.
public final class AcceleratedExecutor: GraphExecutor {
    /// How plans are made.
    public struct Options: Sendable, Hashable {
        /// Plans that are kept; the one used longest ago goes first.
        public var maximumPlanCount: Int
        /// Whether the images of a batch may run one by one where that is faster.
        public var splitsBatches: Bool
        /// How modules of the simulated device use their scales.
        public var arithmetic: MLUArithmetic
        /// Bytes of constants up to which a graph's matrices are copied into the layout that is multiplied fastest; those of a larger
        /// graph are used where they lie, so that a model of gigabytes is not in memory twice.
        public var reorderedModelLimit: Int

        /// Makes options.
        ///
        /// - Precondition: `maximumPlanCount` is at least 1.
        public init(
            maximumPlanCount: Int = 8, splitsBatches: Bool = true, arithmetic: MLUArithmetic = .exact,
            reorderedModelLimit: Int = 1 << 30
        ) {
            precondition(maximumPlanCount >= 1, "An executor keeps at least one plan")
            self.maximumPlanCount = maximumPlanCount
            self.splitsBatches = splitsBatches
            self.arithmetic = arithmetic
            self.reorderedModelLimit = reorderedModelLimit
        }
    }

    /// How a set of input shapes runs.
    private enum Mode {
        case whole(ExecutionPlan)
        /// One image after the other with the plan of one image; the shapes of the outputs of the whole batch.
        case perImage(ExecutionPlan, count: Int, outputs: [ResolvedType])
        /// Shapes depend on elements, so there is no plan.
        case interpreted(ReferenceExecutor)
    }

    /// The graph.
    public let graph: Graph
    private let options: Options
    private let observed: Set<String>
    private let resolver: GraphResolver
    private let context: OneDNNContext
    private let weights = FoldedWeights()
    private let moduleWeights = ModuleWeights()
    /// Most recently used last.
    private var modes: [(inputs: [ResolvedType], mode: Mode)] = []
    private var arena = Arena(byteCount: 0)
    private let outputs: OutputMemory?

    /// Prepares a graph.
    ///
    /// - Parameters:
    ///   - graph: A graph whose nodes are in topological order.
    ///   - observed: Names of float32 values that the tap of `run` receives.
    ///   - options: How plans are made.
    ///   - outputs: Memory for outputs, which several executors may share; `nil` allocates them for each run.
    /// - Throws: `ExecutionError.unknownValue` when `observed` or an output names a value that nothing makes;
    ///   `ExecutionError.inputMismatch` when an observed value is not float32; `ExecutionError.library` when the library does not start.
    public init(
        _ graph: Graph, observing observed: some Sequence<String> = [], options: Options = Options(),
        outputs: OutputMemory? = nil
    ) throws(ExecutionError) {
        self.graph = graph
        self.options = options
        self.outputs = outputs
        self.observed = Set(observed)
        var known = Set(graph.initializers.keys).union(graph.inputs.map(\.name))
        known.formUnion(graph.ownValues)
        for name in graph.outputs.map(\.name) + self.observed.sorted() where !known.contains(name) {
            throw .unknownValue(name: name)
        }
        do throws(OneDNNError) {
            context = try OneDNNContext()
        } catch {
            throw .library(node: graph.name, reason: error.message)
        }
        resolver = GraphResolver(graph: graph, observed: self.observed, arithmetic: options.arithmetic)
        // A graph whose types do not fit says so, with the node's name, when it runs.
        guard let types = try? ShapeInference.infer(graph) else { return }
        for name in self.observed.sorted() {
            guard let type = types[name], type.elementType != .float32 else { continue }
            throw .inputMismatch(
                name: name, expected: "float32, because it is observed", actual: "\(type.elementType)")
        }
    }

    /// Number of plans that are kept at the moment.
    public var planCount: Int { modes.count }

    /// Bytes of weights that were copied into another layout.
    package var reorderedByteCount: Int { context.constantByteCount }

    /// Computes the graph's outputs.
    ///
    /// - Parameters:
    ///   - inputs: One tensor for each graph input, by name.
    ///   - tap: Receives the observed values, in the layout in which they were computed.
    /// - Returns: Row-major tensors for the graph's outputs, by name.
    /// - Throws: `ExecutionError` when an input is missing, has another type or shape than the graph declares, or a
    ///   node cannot be computed.
    public func run(
        _ inputs: [String: Tensor], tap: (any TensorTap)? = nil
    ) throws(ExecutionError) -> [String: Tensor] {
        try run(inputs, tap: tap, timer: nil)
    }

    /// Computes the graph's outputs and adds up how long each step takes.
    ///
    /// - Parameters:
    ///   - inputs: One tensor for each graph input, by name.
    ///   - tap: Receives the observed values.
    ///   - timer: Receives the times.
    /// - Returns: Row-major tensors for the graph's outputs, by name.
    /// - Throws: As `run(_:tap:)`.
    public func run(
        _ inputs: [String: Tensor], tap: (any TensorTap)?, timer: StepTimer?
    ) throws(ExecutionError) -> [String: Tensor] {
        let tensors = try graph.validated(inputs)
        context.prepareThread()
        switch try mode(for: tensors.map { ResolvedType(elementType: $0.elementType, shape: $0.shape) }) {
        case .whole(let plan):
            return try runWhole(plan, tensors, tap, timer)
        case .perImage(let plan, let count, let outputs):
            return try runImages(plan, count, outputs, tensors, tap, timer)
        case .interpreted(let executor):
            return try executor.run(inputs, tap: tap)
        }
    }

    // MARK: Plans

    /// How each node is computed, by its name, for inputs as the graph declares them.
    ///
    /// - Throws: `ExecutionError` when an input's extents are not all known, or as `run(_:tap:)` before anything is computed.
    public func kernelChoices() throws(ExecutionError) -> [String: KernelChoice] {
        var inputs: [ResolvedType] = []
        for input in graph.inputs {
            guard let shape = input.type.shape else {
                throw .inputMismatch(name: input.name, expected: "known extents", actual: "\(input.type)")
            }
            inputs.append(ResolvedType(elementType: input.type.elementType, shape: shape))
        }
        let names = graph.nodes.map(\.name)
        guard let resolved = try resolver.resolve(inputs: inputs) else {
            return Dictionary(names.map { ($0, .plain) }, uniquingKeysWith: { first, _ in first })
        }
        let live = resolved.liveNodes.map { names[$0] }
        return try plan(resolved).kernels(of: live).merging(names.map { ($0, .folded) }) { first, _ in first }
    }

    private func plan(_ resolved: ResolvedGraph) throws(ExecutionError) -> ExecutionPlan {
        try PlanBuilder(
            resolved: resolved, observed: observed, weights: weights, moduleWeights: moduleWeights, context: context,
            options: options
        ).build()
    }

    private func mode(for inputs: [ResolvedType]) throws(ExecutionError) -> Mode {
        if let index = modes.firstIndex(where: { $0.inputs == inputs }) {
            let entry = modes.remove(at: index)
            modes.append(entry)
            return entry.mode
        }
        let mode = try makeMode(for: inputs)
        modes.append((inputs, mode))
        if modes.count > options.maximumPlanCount { modes.removeFirst(modes.count - options.maximumPlanCount) }
        return mode
    }

    private func makeMode(for inputs: [ResolvedType]) throws(ExecutionError) -> Mode {
        guard let resolved = try resolver.resolve(inputs: inputs) else {
            return .interpreted(try ReferenceExecutor(graph, observing: observed, arithmetic: options.arithmetic))
        }
        if let single = try singleImage(of: resolved, inputs: inputs), case .whole(let plan) = try mode(for: single) {
            let outputs = graph.outputs.compactMap { resolved.types[$0.name] }
            return .perImage(plan, count: inputs[0].shape[0], outputs: outputs)
        }
        return .whole(try plan(resolved))
    }

    /// The inputs of one image, when running images one by one is the same and faster.
    private func singleImage(
        of whole: ResolvedGraph, inputs: [ResolvedType]
    ) throws(ExecutionError) -> [ResolvedType]? {
        guard options.splitsBatches, let first = inputs.first, first.shape.rank == 4, first.shape[0] > 1 else {
            return nil
        }
        let count = first.shape[0]
        guard inputs.allSatisfy({ $0.shape.rank >= 1 && $0.shape[0] == count }),
            graph.inputs.allSatisfy({ $0.type.dimensions?.first?.fixedValue == nil })
        else { return nil }
        let single = inputs.map { type in
            ResolvedType(elementType: type.elementType, shape: Shape([1] + type.shape.dimensions.dropFirst()))
        }
        // A graph that only takes the whole batch stays whole.
        guard let resolved = try? resolver.resolve(inputs: single),
            BatchSplitting(whole: whole, single: resolved, count: count, isObserved: !observed.isEmpty).isWorthwhile
        else { return nil }
        return single
    }

    // MARK: Runs

    private func execute(
        _ plan: ExecutionPlan, _ inputs: [Tensor], _ outputs: [OutputPart?], _ tap: (any TensorTap)?,
        observesConstants: Bool, _ timer: StepTimer?
    ) throws(ExecutionError) {
        if arena.byteCount < plan.arenaByteCount { arena = Arena(byteCount: plan.arenaByteCount) }
        timer?.prepare(for: plan.steps)
        let addresses = try plan.run(
            inputs: inputs, outputs: outputs, arena: arena, tap: tap, observesConstants: observesConstants,
            timing: timer)
        for (index, output) in plan.outputs.enumerated() where !plan.directOutputs.contains(index) {
            guard case .buffer(let position, _, _) = output, let part = outputs[index] else { continue }
            addresses.copy(position, to: part)
        }
    }

    private func runWhole(
        _ plan: ExecutionPlan, _ inputs: [Tensor], _ tap: (any TensorTap)?, _ timer: StepTimer?
    ) throws(ExecutionError) -> [String: Tensor] {
        let storages = makeOutputs(
            plan.outputs.map { output in
                guard case .buffer(_, let elementType, let shape) = output else { return nil }
                return ResolvedType(elementType: elementType, shape: shape)
            })
        let parts = storages.map { $0.map { OutputPart(storage: $0, byteOffset: 0, byteCount: $0.byteCount) } }
        try execute(plan, inputs, parts, tap, observesConstants: true, timer)
        var results: [String: Tensor] = [:]
        for (index, output) in plan.outputs.enumerated() {
            switch output {
            case .constant(let tensor): results[graph.outputs[index].name] = tensor
            case .buffer(_, let elementType, let shape):
                guard let storage = storages[index] else { continue }
                results[graph.outputs[index].name] = Tensor(shape: shape, elementType: elementType, storage: storage)
            }
        }
        return results
    }

    private func runImages(
        _ plan: ExecutionPlan, _ count: Int, _ types: [ResolvedType], _ inputs: [Tensor], _ tap: (any TensorTap)?,
        _ timer: StepTimer?
    ) throws(ExecutionError) -> [String: Tensor] {
        // Every image writes its part of each.
        let storages = makeOutputs(types)
        for image in 0..<count {
            let slices = inputs.map { $0.slice(outermost: image..<image + 1) }
            let parts = storages.map { storage in
                storage.map { storage in
                    let size = storage.byteCount / count
                    return OutputPart(storage: storage, byteOffset: image * size, byteCount: size)
                }
            }
            try execute(plan, slices, parts, tap, observesConstants: image == 0, timer)
        }
        var results: [String: Tensor] = [:]
        for (index, type) in types.enumerated() {
            guard let storage = storages[index] else { continue }
            results[graph.outputs[index].name] = Tensor(
                shape: type.shape, elementType: type.elementType, storage: storage)
        }
        return results
    }

    /// Memory for outputs, all of which is about to be written.
    private func makeOutputs(_ types: [ResolvedType?]) -> [TensorStorage?] {
        outputs?.beginRun()
        let storages = types.map { type in
            type.map { type in
                let byteCount = type.shape.elementCount * type.elementType.byteCount
                return outputs?.take(byteCount: byteCount) ?? TensorStorage(uninitializedByteCount: byteCount)
            }
        }
        for case let storage? in storages { outputs?.keep(storage) }
        return storages
    }
}
