import Graphs
import Kernels
import Tensors

/// Turns a graph with known input shapes into steps: forward in the graph's order, then backward in reverse.
///
/// Each operator adds its forward steps and says how its backward steps are added later. Values of rank 3 and more keep their
/// channels innermost where convolutions, pooling and normalization made them so.
final class PlanBuilder {
    /// What is to be trained.
    let graph: Graph
    let flow: GradientFlow
    let context: OneDNNContext
    /// Positions of the float32 initializers, which every run may replace.
    private let parameters: [String: Int]

    var slots: [TrainingSlot] = []
    var steps: [TrainingStep] = []
    var variables: [Variable] = []
    /// The variables that hold a value, in the order in which they came to be.
    private var forms: [String: [Int]] = [:]
    /// Values that no run changes.
    var constants: [String: Tensor] = [:]
    private var inferred: [String: InferredValue]
    var backward: [(node: Node, emit: (PlanBuilder) throws(TrainingError) -> Void)] = []
    /// For each root variable: the slot with its gradient so far.
    var gradients: [Int: Int] = [:]
    /// How many root variables have their gradient in a slot.
    var holders: [Int: Int] = [:]
    private var tables: [String: Int] = [:]
    /// Nodes whose ReLU is computed with them, with the position of the ReLU.
    var fusedRelu: [Int: Int] = [:]
    /// What an observer will be shown; `nil` when there is none.
    var record: PlanRecord?
    /// Names of the values that variables hold, for the record.
    private(set) var recordedNames: [Int: String] = [:]
    /// The node that steps are added for.
    private(set) var current: Node

    init(
        graph: Graph, flow: GradientFlow, context: OneDNNContext, parameters: [String], inputs: [TensorType]
    ) {
        self.graph = graph
        self.flow = flow
        self.context = context
        self.parameters = Dictionary(uniqueKeysWithValues: parameters.enumerated().map { ($1, $0) })
        inferred = graph.initializers.mapValues { InferredValue($0) }
        current = Node(name: graph.name, op: .identity, inputs: [], outputs: [])
        for (name, tensor) in graph.initializers where self.parameters[name] == nil { constants[name] = tensor }
        for (index, (value, type)) in zip(graph.inputs, inputs).enumerated() {
            inferred[value.name] = InferredValue(type)
            guard let shape = type.shape else { continue }
            let slot = addSlot(.input(index), byteCount: shape.elementCount * type.elementType.byteCount)
            forms[value.name] = [
                addVariable(shape, .rowMajor, slot: slot, needsGradient: false, elementType: type.elementType)
            ]
        }
    }

    // MARK: Nodes

    /// Adds the forward steps of all nodes that matter.
    func emitForward(fused: [Int: Int]) throws(TrainingError) {
        fusedRelu = fused
        let skipped = Set(fused.values)
        for position in flow.live {
            let node = graph.nodes[position]
            current = node
            try inferOutputs(of: node)
            if skipped.contains(position) || node.outputs.allSatisfy({ $0.isEmpty || constants[$0] != nil }) {
                continue
            }
            if let relu = fused[position] { try inferOutputs(of: graph.nodes[relu]) }
            try recordingForward(of: node) { () throws(TrainingError) in
                try emit(node, relu: fused[position].map { graph.nodes[$0] })
            }
        }
    }

    /// Adds the backward steps, given the slot with the loss's gradient with respect to `loss`.
    func emitBackward(loss: Int, gradient: Int) throws(TrainingError) {
        recordedNames = record == nil ? [:] : namesOfVariables()
        contribute(gradient, to: loss)
        for (node, emit) in backward.reversed() {
            current = node
            try emit(self)
        }
    }

    /// Folds a node or infers the types of what it makes.
    private func inferOutputs(of node: Node) throws(TrainingError) {
        if case .shape = node.op {
        } else {
            let operands = node.inputs.map { $0.isEmpty ? nil : constants[$0] }
            let isKnown = zip(node.inputs, operands).allSatisfy { $0.isEmpty || $1 != nil }
            if isKnown,
                let results = try? ReferenceKernels.evaluate(
                    node.op, inputs: operands, outputCount: node.outputs.count)
            {
                for (name, tensor) in zip(node.outputs, results) where !name.isEmpty { setConstant(name, tensor) }
                return
            }
        }
        let values: [InferredValue]
        do throws(ShapeInferenceError) {
            values = try ShapeInference.inferOutputs(of: node, values: inferred)
        } catch {
            throw .node(
                name: node.name, operatorName: node.op.name, reason: .shapeMismatch(String(describing: error)))
        }
        for (name, value) in zip(node.outputs, values) where !name.isEmpty {
            inferred[name] = value
            guard value.type.shape != nil else { throw .unknownShape(node: node.name, operatorName: node.op.name) }
            // Extents that became known are constants, for reshapes and the like.
            if value.type.elementType == .int64, let shape = value.type.shape, let elements = value.elements {
                let integers = elements.compactMap(\.fixedInteger).map(Int64.init)
                guard integers.count == shape.elementCount else { continue }
                setConstant(name, Tensor(shape: shape, elements: integers))
            }
        }
    }

    private func namesOfVariables() -> [Int: String] {
        var names: [Int: String] = [:]
        for (name, variables) in forms {
            for variable in variables { names[variable] = name }
        }
        return names
    }

    private func setConstant(_ name: String, _ tensor: Tensor) {
        constants[name] = tensor
        inferred[name] = InferredValue(tensor)
    }

    /// The shape of a value.
    func shape(of name: String) throws(TrainingError) -> Shape {
        guard let shape = inferred[name]?.type.shape else { throw .unknownValue(name: name) }
        return shape
    }

    /// The element type of a value.
    func elementType(of name: String) throws(TrainingError) -> ElementType {
        guard let value = inferred[name] else { throw .unknownValue(name: name) }
        return value.type.elementType
    }

    /// A failure of the current node.
    func refusal(_ reason: String) -> TrainingError {
        .node(name: current.name, operatorName: current.op.name, reason: .unsupported(reason))
    }

    /// Runs a creation of the library under the current node's name.
    func create<Result>(_ make: () throws(StepError) -> Result) throws(TrainingError) -> Result {
        do throws(StepError) {
            return try make()
        } catch {
            switch error {
            case .library(let reason): throw .library(node: current.name, reason: reason)
            case .kernel(let reason): throw .node(name: current.name, operatorName: current.op.name, reason: reason)
            }
        }
    }

    // MARK: Steps and slots

    /// Adds a step of the current node; `slots` are all that it touches.
    func step(_ slots: [Int?], _ action: @escaping (StepMemory) throws(StepError) -> Void) {
        steps.append(
            TrainingStep(
                node: current.name, operatorName: current.op.name, slots: slots.compactMap { $0 }, action: action))
    }

    /// Adds a block of memory.
    func addSlot(_ place: TrainingSlot.Place, byteCount: Int) -> Int {
        slots.append(TrainingSlot(place: place, byteCount: byteCount))
        return slots.count - 1
    }

    /// A block of float32 elements in the arena.
    func floats(_ count: Int) -> Int { addSlot(.arena, byteCount: count * MemoryLayout<Float>.stride) }

    /// A block of float64 elements in the arena.
    func doubles(_ count: Int) -> Int { addSlot(.arena, byteCount: count * MemoryLayout<Double>.stride) }

    /// A table of indices; `key` names its contents, so that equal tables are there once.
    func table(_ key: String, _ make: () -> [Int32]) -> Int {
        if let known = tables[key] { return known }
        let elements = make()
        let tensor = Tensor(shape: [elements.count], elements: elements)
        let slot = addSlot(.constant(tensor), byteCount: tensor.byteCount)
        tables[key] = slot
        return slot
    }

    // MARK: Variables

    /// Adds a variable.
    func addVariable(
        _ shape: Shape, _ layout: TensorLayout, slot: Int? = nil, needsGradient: Bool, root: Int? = nil,
        elementType: ElementType = .float32
    ) -> Int {
        let place = slot ?? addSlot(.arena, byteCount: shape.elementCount * elementType.byteCount)
        let variable = Variable(
            shape: shape, elementType: elementType, layout: layout, slot: place, root: root ?? variables.count,
            needsGradient: needsGradient)
        variables.append(variable)
        return variables.count - 1
    }

    /// Adds the variable of a value that the current node computes.
    func define(_ name: String, _ layout: TensorLayout) throws(TrainingError) -> Int {
        let variable = addVariable(
            try shape(of: name), layout, needsGradient: flow.needed.contains(name),
            elementType: try elementType(of: name))
        forms[name] = [variable]
        return variable
    }

    /// Declares that a value has the elements of a variable.
    func alias(_ name: String, _ variable: Int) throws(TrainingError) {
        let source = variables[variable]
        let target = try shape(of: name)
        let layout: TensorLayout = target == source.shape ? source.layout : .rowMajor
        forms[name] = [
            addVariable(
                target, layout, slot: source.slot, needsGradient: source.needsGradient, root: source.root,
                elementType: source.elementType)
        ]
    }

    /// The variables that hold a value, the one in which it came to be first; none before it is defined.
    func knownForms(of name: String) -> [Int] { forms[name] ?? [] }

    /// The variable in which a value came to be.
    func existing(_ name: String) throws(TrainingError) -> Int {
        if let known = forms[name]?.first { return known }
        if let tensor = constants[name] {
            let slot = addSlot(.constant(tensor), byteCount: tensor.byteCount)
            let variable = addVariable(
                tensor.shape, .rowMajor, slot: slot, needsGradient: false, elementType: tensor.elementType)
            forms[name] = [variable]
            return variable
        }
        guard let index = parameters[name] else { throw .unknownValue(name: name) }
        let shape = try shape(of: name)
        let slot = addSlot(.parameter(index), byteCount: shape.elementCount * MemoryLayout<Float>.stride)
        let variable = addVariable(shape, .rowMajor, slot: slot, needsGradient: flow.needed.contains(name))
        forms[name] = [variable]
        return variable
    }

    /// The value in a layout, copied there when it is not yet.
    func form(_ name: String, _ layout: TensorLayout) throws(TrainingError) -> Int {
        let first = try existing(name)
        for known in forms[name] ?? [] where variables[known].layout == layout { return known }
        let source = variables[first]
        if TensorLayout.coincide(for: source.shape) {
            let view = addVariable(
                source.shape, layout, slot: source.slot, needsGradient: source.needsGradient, root: source.root,
                elementType: source.elementType)
            forms[name, default: []].append(view)
            return view
        }
        guard source.elementType == .float32 else { throw refusal("a \(source.elementType) value of this layout") }
        let copy = addVariable(source.shape, layout, needsGradient: source.needsGradient)
        forms[name, default: []].append(copy)
        try reorder(from: source.slot, source.layout, to: variables[copy].slot, layout, shape: source.shape)
        onBackward(of: copy) { (builder, gradient) throws(TrainingError) in
            let slot = builder.floats(source.count)
            try builder.reorder(from: gradient, layout, to: slot, source.layout, shape: source.shape)
            builder.contribute(slot, to: first)
        }
        return copy
    }

    private func reorder(
        from: Int, _ fromLayout: TensorLayout, to: Int, _ toLayout: TensorLayout, shape: Shape
    ) throws(TrainingError) {
        let primitive = try create { () throws(StepError) in
            try context.reorder(shape, from: fromLayout, to: toLayout)
        }
        step([from, to]) { (memory) throws(StepError) in try memory.execute(primitive, [from, to]) }
    }
}
