import Graphs
import Kernels
import Tensors

/// Turns a graph with known shapes into the steps of a plan.
final class PlanBuilder {
    /// The graph, its constants and shapes.
    let resolved: ResolvedGraph
    /// Makes primitives.
    let context: OneDNNContext
    /// Values that the tap sees.
    let observed: Set<String>
    /// Reordered or folded weights that plans share.
    let weights: FoldedWeights
    /// Quantized weights that plans share.
    let moduleWeights: ModuleWeights
    /// How modules of the simulated device use their scales.
    let arithmetic: MLUArithmetic
    /// Whether weights of matrix products are copied into the layout that the library likes best.
    let reordersMatrices: Bool
    private(set) var steps: [PlanStep] = []
    private(set) var slots: [PlanSlot] = []
    private var forms: [String: [ValueForm]] = [:]
    /// Integer forms of values, and the kernels of modules; see `PlanBuilder+Modules`.
    var modules = ModuleState()
    /// How often each value is still going to be read.
    private var pendingReads: [String: Int] = [:]
    /// Names of the nodes whose steps are being made.
    private var currentNodes: [String] = []
    private var currentNode: String { currentNodes.joined(separator: " + ") }

    /// Starts an empty plan.
    init(
        resolved: ResolvedGraph, observed: Set<String>, weights: FoldedWeights, moduleWeights: ModuleWeights,
        context: OneDNNContext, options: AcceleratedExecutor.Options
    ) {
        self.moduleWeights = moduleWeights
        arithmetic = options.arithmetic
        self.resolved = resolved
        self.observed = observed
        self.weights = weights
        self.context = context
        reordersMatrices =
            resolved.graph.initializers.values.reduce(0) { $0 + $1.byteCount } <= options.reorderedModelLimit
    }

    /// Builds the plan.
    func build() throws(ExecutionError) -> ExecutionPlan {
        countReads()
        try prepareModules()
        for (index, input) in resolved.graph.inputs.enumerated() {
            guard let type = resolved.types[input.name] else { continue }
            currentNodes = [input.name]
            let slot = addSlot(.input(index), byteCount: type.shape.elementCount * type.elementType.byteCount)
            let layout = StridedShape(rowMajor: type.shape.dimensions)
            try define(input.name, [ValueForm(position: SlotPosition(slot: slot), layout: layout)])
        }
        for name in resolved.constants.keys.sorted() where observed.contains(name) {
            if let tensor = resolved.constants[name], tensor.elementType == .float32 {
                steps.append(PlanStep(nodes: [name], action: .observeConstant(value: name, tensor)))
            }
        }
        for group in FusionPlanner(resolved: resolved, observed: observed).groups() {
            try emit(group)
        }
        // First, because outputs may need copies.
        let outputs = try planOutputs()
        return ExecutionPlan(steps: steps, slots: slots, outputs: outputs)
    }

    private func countReads() {
        for index in resolved.liveNodes {
            for name in resolved.graph.nodes[index].inputs where !name.isEmpty { pendingReads[name, default: 0] += 1 }
        }
        for output in resolved.graph.outputs { pendingReads[output.name, default: 0] += 1 }
    }

    private func planOutputs() throws(ExecutionError) -> [ExecutionPlan.Output] {
        var outputs: [ExecutionPlan.Output] = []
        for output in resolved.graph.outputs {
            currentNodes = [output.name]
            if let constant = resolved.constants[output.name] {
                outputs.append(.constant(constant))
            } else {
                let type = try type(of: output.name)
                let form = try rowMajorForm(of: output.name)
                outputs.append(.buffer(form.position, type.elementType, type.shape))
            }
        }
        return outputs
    }

    // MARK: Groups

    private func emit(_ group: FusedGroup) throws(ExecutionError) {
        let nodes = group.nodes.map { resolved.graph.nodes[$0] }
        currentNodes = nodes.map(\.name)
        if nodes.count > 1 {
            if try emitFused(group) {
                for node in nodes { finishReads(of: node) }
                return
            }
            for index in group.nodes { try emit(FusedGroup(node: index)) }
            return
        }
        let node = nodes[0]
        if try !emitFused(group) { try emitReference(node) }
        finishReads(of: node)
    }

    private func finishReads(of node: Node) {
        for name in node.inputs where !name.isEmpty { pendingReads[name, default: 0] -= 1 }
    }

    // MARK: Steps and slots

    /// Adds a step of the current nodes.
    func append(_ action: PlanStep.Action) {
        steps.append(PlanStep(nodes: currentNodes, action: action))
    }

    /// Adds a block of memory.
    func addSlot(_ place: PlanSlot.Place, byteCount: Int) -> Int {
        slots.append(PlanSlot(place: place, byteCount: byteCount))
        return slots.count - 1
    }

    /// New memory for float32 elements in a dense layout.
    func newForm(_ layout: StridedShape) -> ValueForm {
        let slot = addSlot(.arena, byteCount: layout.elementCount * MemoryLayout<Float>.stride)
        return ValueForm(position: SlotPosition(slot: slot), layout: layout)
    }

    /// Runs a creation of the library under the current node's name.
    func create(
        _ make: () throws(OneDNNError) -> OneDNNPrimitive?
    ) throws(ExecutionError) -> OneDNNPrimitive? {
        do throws(OneDNNError) {
            return try make()
        } catch {
            throw .library(node: currentNode, reason: error.message)
        }
    }

    // MARK: Values

    /// What is known about a value.
    func type(of name: String) throws(ExecutionError) -> ResolvedType {
        guard let type = resolved.types[name] else { throw .unknownValue(name: name) }
        return type
    }

    /// The shape of a float32 value; `nil` for other types.
    func floatShape(_ name: String?) -> Shape? {
        guard let name, let type = resolved.types[name], type.elementType == .float32 else { return nil }
        return type.shape
    }

    /// The value when it is constant.
    func constant(_ name: String?) -> Tensor? {
        name.flatMap { resolved.constants[$0] }
    }

    /// Declares where a value that the steps so far have computed lies, and shows it to the tap.
    func define(_ name: String, _ valueForms: [ValueForm]) throws(ExecutionError) {
        forms[name] = valueForms
        for form in valueForms where !slots[form.position.slot].values.contains(name) {
            slots[form.position.slot].values.append(name)
        }
        guard observed.contains(name) else { return }
        let dense = try denseForm(of: name)
        append(.observe(value: name, dense.position, count: dense.layout.elementCount))
    }

    /// The forms in which a value exists now; the first is the one in which it was computed.
    func existingForms(of name: String) throws(ExecutionError) -> [ValueForm] {
        if let existing = forms[name] { return existing }
        guard let constant = resolved.constants[name] else { throw .unknownValue(name: name) }
        let slot = addSlot(.constant(constant), byteCount: constant.byteCount)
        let layout = StridedShape(rowMajor: constant.shape.dimensions)
        let form = ValueForm(position: SlotPosition(slot: slot), layout: layout)
        forms[name] = [form]
        return [form]
    }

    /// The value in exactly this layout, copied there when it is not yet.
    func form(of name: String, layout: StridedShape) throws(ExecutionError) -> ValueForm {
        let existing = try existingForms(of: name)
        for form in existing where form.layout.coincides(with: layout) {
            return ValueForm(position: form.position, layout: layout)
        }
        if let constant = resolved.constants[name], let arranged = constant.arranged(as: layout) {
            let slot = addSlot(.constant(arranged), byteCount: arranged.byteCount)
            let form = ValueForm(position: SlotPosition(slot: slot), layout: layout)
            forms[name, default: []].append(form)
            return form
        }
        let copy: ValueForm
        if byteShape(name) != nil {
            copy = newByteForm(layout)
            moveBytes(from: existing[0], to: copy)
        } else {
            copy = newForm(layout)
            try reorder(from: existing[0], to: copy)
        }
        slots[copy.position.slot].values.append(name)
        forms[name, default: []].append(copy)
        return copy
    }

    /// The value with the last axis innermost.
    func rowMajorForm(of name: String) throws(ExecutionError) -> ValueForm {
        try form(of: name, layout: StridedShape(rowMajor: try type(of: name).shape.dimensions))
    }

    /// The value with the channels innermost.
    func channelsLastForm(of name: String) throws(ExecutionError) -> ValueForm {
        try form(of: name, layout: StridedShape(channelsLast: try type(of: name).shape.dimensions))
    }

    /// The value in some layout without gaps.
    func denseForm(of name: String) throws(ExecutionError) -> ValueForm {
        let existing = try existingForms(of: name)
        if let dense = existing.first(where: \.layout.isDense) { return dense }
        return try form(of: name, layout: existing[0].layout.compacted)
    }

    /// Copies float32 elements from one layout to another.
    func reorder(from source: ValueForm, to destination: ValueForm) throws(ExecutionError) {
        let (from, to) = (source.layout, destination.layout)
        guard
            let primitive = try create({ () throws(OneDNNError) in
                try context.reorder(source: from, destination: to)
            })
        else {
            throw .library(node: currentNode, reason: "no copy from strides \(from.strides) to \(to.strides)")
        }
        append(.primitive(primitive, [source.position, destination.position]))
    }

    /// Whether the group that is being emitted may write its result over a form: it reads it last, and nothing else
    /// lies there.
    func canOverwrite(_ form: ValueForm, by group: FusedGroup) -> Bool {
        let slot = slots[form.position.slot]
        guard slot.isInArena, form.layout.isDense, form.position.byteOffset == 0,
            form.layout.elementCount * MemoryLayout<Float>.stride == slot.byteCount
        else { return false }
        let pending = slot.values.reduce(0) { $0 + pendingReads[$1, default: 0] }
        var reads = 0
        for index in group.nodes {
            reads += resolved.graph.nodes[index].inputs.count { slot.values.contains($0) }
        }
        return pending == reads
    }
}
