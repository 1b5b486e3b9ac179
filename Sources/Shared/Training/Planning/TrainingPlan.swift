import Graphs
import Kernels
import Tensors

/// The steps of a graph for one set of input shapes.
struct TrainingPlan {
    /// A row-major value that leaves the plan.
    struct Result {
        let name: String
        let slot: Int
        let shape: Shape
        let elementType: ElementType
    }

    private let slots: [TrainingSlot]
    private let steps: [TrainingStep]
    private let offsets: [Int]
    /// Steps before the loss.
    private let forwardCount: Int
    private let loss: Variable
    private let lossName: String
    private let lossGradient: Int
    private let outputs: [Result]
    private let gradients: [Result]
    /// What an observer is shown; `nil` in a plan that cannot be observed.
    private let record: PlanRecord?
    /// Bytes of intermediate values.
    let arenaByteCount: Int

    /// Plans the memory of a builder's steps, and the backward steps.
    ///
    /// A builder with a record gives a plan that can be observed, whose values all have memory of their own.
    init(_ builder: PlanBuilder, trained: [String], lossName: String, fused: [Int: Int]) throws(TrainingError) {
        try builder.emitForward(fused: fused)
        let lossVariable = try builder.form(lossName, .rowMajor)
        let loss = builder.variables[lossVariable]
        guard loss.elementType == .float32 else {
            throw .mismatch(name: lossName, expected: "float32", actual: loss.elementType.rawValue)
        }
        var outputs: [Result] = []
        for value in builder.graph.outputs { outputs.append(try Self.result(value.name, builder)) }
        forwardCount = builder.steps.count
        let lossGradient = builder.floats(loss.count)
        // Keeps the memory of both apart; the run computes the loss here.
        builder.step([loss.slot, lossGradient]) { _ in }
        try builder.emitBackward(loss: lossVariable, gradient: lossGradient)
        var gradients: [Result] = []
        for name in trained {
            let variable = try builder.existing(name)
            guard let slot = builder.gradient(of: variable) else { continue }
            gradients.append(
                Result(name: name, slot: slot, shape: builder.variables[variable].shape, elementType: .float32))
        }
        slots = builder.slots
        steps = builder.steps
        record = builder.record
        let lasting = record == nil ? (outputs + gradients).map(\.slot) : Array(slots.indices)
        let layout = ArenaLayout(
            byteCounts: slots.map { $0.isInArena ? $0.byteCount : nil }, uses: steps.map(\.slots), lasting: lasting)
        offsets = layout.offsets
        arenaByteCount = layout.byteCount
        self.loss = loss
        self.lossName = lossName
        self.lossGradient = lossGradient
        self.outputs = outputs
        self.gradients = gradients
    }

    private static func result(_ name: String, _ builder: PlanBuilder) throws(TrainingError) -> Result {
        let variable = builder.variables[try builder.form(name, .rowMajor)]
        return Result(name: name, slot: variable.slot, shape: variable.shape, elementType: variable.elementType)
    }

    /// Names of the steps' nodes, for profiles.
    var stepNames: [String] {
        steps.enumerated().map { "\($0 < forwardCount ? "forward" : "backward") \($1.operatorName) \($1.node)" }
    }

    /// Computes the graph's outputs.
    func forward(
        parameters: [Tensor], inputs: [Tensor], arena: Arena
    ) throws(TrainingError) -> [String: Tensor] {
        let memory = StepMemory(
            slots: slots, offsets: offsets, parameters: parameters, inputs: inputs, arena: arena)
        try run(0..<forwardCount, memory, timer: nil)
        return read(outputs, memory)
    }

    /// Computes loss, outputs and gradients.
    func run(
        parameters: [Tensor], inputs: [Tensor], arena: Arena, loss kind: Loss, targets: LossTargets,
        timer: ((Int, Duration) -> Void)?, observer: (any TrainingObserver)?
    ) throws(TrainingError) -> TrainingResult {
        let memory = StepMemory(
            slots: slots, offsets: offsets, parameters: parameters, inputs: inputs, arena: arena)
        let playback = observer.flatMap { observer in record.map { PlanPlayback($0, observer, memory) } }
        try run(0..<forwardCount, memory, timer: timer, playback)
        memory.allowed = [loss.slot, lossGradient]
        let (value, correct) = try memory.loss(
            kind, of: loss, name: lossName, targets: targets, gradient: lossGradient)
        playback?.show(kind, of: lossName, loss, targets: targets, value: value, gradient: lossGradient)
        try run(forwardCount..<steps.count, memory, timer: timer, playback)
        return TrainingResult(
            loss: value, correct: correct, outputs: read(outputs, memory), gradients: read(gradients, memory))
    }

    private func run(
        _ range: Range<Int>, _ memory: StepMemory, timer: ((Int, Duration) -> Void)?,
        _ playback: PlanPlayback? = nil
    ) throws(TrainingError) {
        let clock = ContinuousClock()
        for index in range {
            let step = steps[index]
            playback?.arrive(at: index)
            memory.allowed = step.slots
            let start = timer == nil ? nil : clock.now
            do throws(StepError) {
                try step.action(memory)
            } catch {
                switch error {
                case .library(let reason): throw .library(node: step.node, reason: reason)
                case .kernel(let reason):
                    throw .node(name: step.node, operatorName: step.operatorName, reason: reason)
                }
            }
            if let timer, let start { timer(index, clock.now - start) }
        }
        playback?.arrive(at: range.upperBound)
    }

    private func read(_ results: [Result], _ memory: StepMemory) -> [String: Tensor] {
        memory.allowed = results.map(\.slot)
        var tensors: [String: Tensor] = [:]
        for result in results {
            tensors[result.name] = memory.tensor(result.slot, shape: result.shape, elementType: result.elementType)
        }
        return tensors
    }
}
