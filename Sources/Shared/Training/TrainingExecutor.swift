public import Graphs
internal import Kernels
public import Tensors

/// Computes losses of a graph and their gradients with respect to some of its initializers.
///
/// The graph is made of operators, without modules. For each set of input shapes it plans once: forward steps, backward steps in
/// reverse, buffers in one arena. One thread computes, and every sum has a fixed order, so that results are a function of
/// parameters and batch alone. Float32 initializers may be replaced in every run; others belong to the plan.
public final class TrainingExecutor {
    /// The graph.
    public let graph: Graph
    /// Names of the initializers that have gradients, ascending.
    public let trained: [String]
    /// Name of the value that the loss reads.
    public let lossInput: String
    /// Plans that are kept; the one used longest ago goes first.
    private static let maximumPlanCount = 4

    private let flow: GradientFlow
    private let context: OneDNNContext
    /// Names of the float32 initializers, ascending.
    private let parameterNames: [String]
    /// Nodes whose ReLU is computed with them, with the position of the ReLU.
    private let fused: [Int: Int]
    /// Most recently used last.
    private var plans: [(inputs: [TensorType], isObserved: Bool, plan: TrainingPlan)] = []
    private var arena = Arena(byteCount: 0)

    /// Prepares a graph.
    ///
    /// - Parameters:
    ///   - graph: A graph of operators in topological order.
    ///   - trained: Names of float32 initializers.
    ///   - lossInput: Name of the float32 value that the loss reads; it need not be an output.
    /// - Throws: `TrainingError.notDifferentiable` when an operator without gradient lies between a trained parameter and the loss,
    ///   `unknownValue` for names that the graph does not have.
    public init(_ graph: Graph, trained: [String], lossInput: String) throws(TrainingError) {
        self.graph = graph
        self.trained = Set(trained).sorted()
        self.lossInput = lossInput
        parameterNames = graph.initializers.filter { $0.value.elementType == .float32 }.keys.sorted()
        var known = Set(graph.initializers.keys).union(graph.inputs.map(\.name))
        for node in graph.nodes {
            if case .module = node.op {
                throw .node(
                    name: node.name, operatorName: node.op.name,
                    reason: .unsupported("modules are trained in expanded form"))
            }
            for name in node.inputs where !name.isEmpty && !known.contains(name) { throw .unknownValue(name: name) }
            known.formUnion(node.outputs.filter { !$0.isEmpty })
        }
        for name in [lossInput] + graph.outputs.map(\.name) where !known.contains(name) {
            throw .unknownValue(name: name)
        }
        for name in self.trained where graph.initializers[name]?.elementType != .float32 {
            throw .unknownValue(name: name)
        }
        flow = try GradientFlow(graph, trained: Set(trained), loss: lossInput)
        fused = Self.fusedRelu(graph, live: Set(flow.live), loss: lossInput)
        do throws(OneDNNError) {
            context = try OneDNNContext()
        } catch {
            throw .library(node: graph.name, reason: "the library does not start: \(error.message)")
        }
    }

    /// Computes loss, outputs and gradients of a batch.
    ///
    /// - Parameters:
    ///   - parameters: Replacements of float32 initializers, of the same shapes; the others are as in the graph.
    ///   - inputs: One tensor for each graph input, by name.
    ///   - loss: What is made small.
    ///   - targets: What the loss compares with.
    ///   - observer: Shown every operation. It changes no result, but every value gets memory of its own.
    /// - Returns: Row-major tensors.
    /// - Throws: `TrainingError` that names the input, parameter or node.
    public func run(
        parameters: [String: Tensor] = [:], inputs: [String: Tensor], loss: Loss, targets: LossTargets,
        observer: (any TrainingObserver)? = nil
    ) throws(TrainingError) -> TrainingResult {
        try run(
            parameters: parameters, inputs: inputs, loss: loss, targets: targets, timer: nil, observer: observer)
    }

    /// As `run`, for losses without a teacher.
    public func run(
        parameters: [String: Tensor] = [:], inputs: [String: Tensor], loss: Loss, targets: Tensor,
        observer: (any TrainingObserver)? = nil
    ) throws(TrainingError) -> TrainingResult {
        try run(
            parameters: parameters, inputs: inputs, loss: loss, targets: LossTargets(targets), observer: observer)
    }

    /// As `run`, and adds up how long each step takes.
    public func profile(
        parameters: [String: Tensor] = [:], inputs: [String: Tensor], loss: Loss, targets: Tensor
    ) throws(TrainingError) -> [(step: String, duration: Duration)] {
        var durations: [Int: Duration] = [:]
        _ = try run(
            parameters: parameters, inputs: inputs, loss: loss, targets: LossTargets(targets),
            timer: { durations[$0] = $1 }, observer: nil)
        return (plans.last?.plan.stepNames ?? []).enumerated().map { ($1, durations[$0] ?? .zero) }
    }

    /// Computes the graph's outputs only.
    ///
    /// - Throws: As `run`.
    public func forward(
        parameters: [String: Tensor] = [:], inputs: [String: Tensor]
    ) throws(TrainingError) -> [String: Tensor] {
        let tensors = try inputTensors(inputs)
        let values = try parameterTensors(parameters)
        let plan = try preparedPlan(tensors)
        return try plan.forward(parameters: values, inputs: tensors, arena: arena)
    }

    private func run(
        parameters: [String: Tensor], inputs: [String: Tensor], loss: Loss, targets: LossTargets,
        timer: ((Int, Duration) -> Void)?, observer: (any TrainingObserver)?
    ) throws(TrainingError) -> TrainingResult {
        let tensors = try inputTensors(inputs)
        let values = try parameterTensors(parameters)
        let plan = try preparedPlan(tensors, isObserved: observer != nil)
        var result = try plan.run(
            parameters: values, inputs: tensors, arena: arena, loss: loss, targets: targets, timer: timer,
            observer: observer)
        for name in trained where result.gradients[name] == nil {
            guard let tensor = graph.initializers[name] else { continue }
            result.gradients[name] = Tensor(zeros: tensor.shape, elementType: .float32)
        }
        return result
    }

    private func preparedPlan(_ inputs: [Tensor], isObserved: Bool = false) throws(TrainingError) -> TrainingPlan {
        context.prepareThread()
        let types = inputs.map { TensorType($0) }
        let plan: TrainingPlan
        if let index = plans.firstIndex(where: { $0.inputs == types && $0.isObserved == isObserved }) {
            plan = plans[index].plan
            plans.append(plans.remove(at: index))
        } else {
            let builder = PlanBuilder(
                graph: graph, flow: flow, context: context, parameters: parameterNames, inputs: types)
            if isObserved { builder.record = PlanRecord() }
            // An observer is shown every node, so that none is computed with another one.
            plan = try TrainingPlan(
                builder, trained: trained, lossName: lossInput, fused: isObserved ? [:] : fused)
            if plans.count == Self.maximumPlanCount { plans.removeFirst() }
            plans.append((types, isObserved, plan))
        }
        if arena.byteCount < plan.arenaByteCount { arena = Arena(byteCount: plan.arenaByteCount) }
        return plan
    }

    private func inputTensors(_ inputs: [String: Tensor]) throws(TrainingError) -> [Tensor] {
        var tensors: [Tensor] = []
        for input in graph.inputs {
            guard let tensor = inputs[input.name] else {
                throw .missingInput(name: input.name, available: inputs.keys.sorted())
            }
            let extents = input.type.dimensions ?? tensor.shape.dimensions.map { .fixed($0) }
            let fits =
                tensor.elementType == input.type.elementType && extents.count == tensor.shape.rank
                && zip(extents, tensor.shape.dimensions).allSatisfy { $0.fixedValue == nil || $0.fixedValue == $1 }
            guard fits else {
                throw .mismatch(
                    name: input.name, expected: input.type.description, actual: TensorType(tensor).description)
            }
            tensors.append(tensor)
        }
        return tensors
    }

    private func parameterTensors(_ parameters: [String: Tensor]) throws(TrainingError) -> [Tensor] {
        for name in parameters.keys.sorted() {
            guard let own = graph.initializers[name], own.elementType == .float32 else {
                throw .unknownValue(name: name)
            }
            guard let tensor = parameters[name], TensorType(tensor) == TensorType(own) else {
                throw .mismatch(
                    name: name, expected: TensorType(own).description,
                    actual: parameters[name].map { TensorType($0).description } ?? "nothing")
            }
        }
        return parameterNames.compactMap { parameters[$0] ?? graph.initializers[$0] }
    }

    /// ReLUs that are the only reader of a normalization or of a sum.
    private static func fusedRelu(_ graph: Graph, live: Set<Int>, loss: String) -> [Int: Int] {
        let index = GraphIndex(graph)
        var fused: [Int: Int] = [:]
        for (position, node) in graph.nodes.enumerated() where live.contains(position) {
            switch node.op {
            case .batchNormalization, .binary(.add): break
            case .variadic(.sum) where node.inputs.count == 2: break
            default: continue
            }
            guard let output = node.outputs.first, output != loss, let reader = index.soleReader(of: output),
                live.contains(reader.node), graph.nodes[reader.node].op == .unary(.relu)
            else { continue }
            fused[position] = reader.node
        }
        return fused
    }
}
