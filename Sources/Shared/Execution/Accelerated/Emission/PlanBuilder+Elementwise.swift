import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    /// A function of one element, over the memory as it lies.
    func emitEltwise(_ group: FusedGroup, _ node: Node) throws(ExecutionError) -> Bool {
        let function: EltwiseFunction
        let input: String
        if let pattern = group.patternInput, case .eltwise(let whole)? = group.operations.first {
            function = whole
            input = pattern
        } else if let single = FusionPlanner(resolved: resolved, observed: observed).eltwiseFunction(of: node),
            let name = node.input(0)
        {
            function = single
            input = name
        } else {
            return false
        }
        guard floatShape(input) != nil else { return false }
        let source = try denseForm(of: input)
        let flat = StridedShape(rowMajor: [source.layout.elementCount])
        guard
            let primitive = try create({ () throws(OneDNNError) in try context.eltwise(function, tensor: flat) })
        else { return false }
        let target = canOverwrite(source, by: group) ? source : newForm(source.layout)
        append(.primitive(primitive, [source.position, target.position]))
        try define(outputName(of: group), [ValueForm(position: target.position, layout: source.layout)])
        return true
    }

    /// A function of two elements with broadcasting.
    func emitBinary(_ group: FusedGroup, _ node: Node) throws(ExecutionError) -> Bool {
        if group.patternInput != nil { return try emitEltwise(group, node) }
        guard node.inputs.count == 2, let algorithm = node.op.binaryAlgorithm,
            let first = floatShape(node.input(0)), let second = floatShape(node.input(1)),
            let output = floatShape(node.outputs[0])
        else { return try emitPower(group, node) }
        let isCommutative = algorithm != .subtract && algorithm != .divide
        if first == output, constant(node.input(0)) == nil || !isCommutative || second != output {
            return try emitBinary(group, algorithm, node.inputs[0], node.inputs[1], output)
        }
        if second == output, isCommutative {
            return try emitBinary(group, algorithm, node.inputs[1], node.inputs[0], output)
        }
        // c - x and c / x.
        guard second == output, group.operations.isEmpty, let value = constant(node.input(0))?.singleFloat
        else { return false }
        let function: EltwiseFunction =
            algorithm == .subtract ? .linear(scale: -1, shift: value) : .power(scale: value, exponent: -1)
        return try emitFunction(function, of: node.inputs[1], group)
    }

    /// `x ^ c`.
    private func emitPower(_ group: FusedGroup, _ node: Node) throws(ExecutionError) -> Bool {
        guard case .binary(.power) = node.op, group.operations.isEmpty, floatShape(node.input(0)) != nil,
            floatShape(node.input(0)) == floatShape(node.outputs[0]),
            let exponent = constant(node.input(1))?.singleFloat
        else { return false }
        let function: EltwiseFunction
        switch exponent {
        case 2: function = .square
        case 0.5: function = .squareRoot
        default: return false
        }
        return try emitFunction(function, of: node.inputs[0], group)
    }

    private func emitFunction(
        _ function: EltwiseFunction, of input: String, _ group: FusedGroup
    ) throws(ExecutionError) -> Bool {
        var whole = group
        whole.patternInput = input
        whole.operations = [.eltwise(function)]
        return try emitEltwise(whole, resolved.graph.nodes[group.anchor])
    }

    /// `first` has the output's shape; `second` broadcasts to it.
    private func emitBinary(
        _ group: FusedGroup, _ algorithm: BinaryAlgorithm, _ first: String, _ second: String, _ output: Shape
    ) throws(ExecutionError) -> Bool {
        var left = try denseForm(of: first)
        guard let secondShape = floatShape(second) else { return false }
        var operations: [PostOperation] = []
        for case .eltwise(let function) in group.operations { operations.append(.eltwise(function)) }
        guard operations.count == group.operations.count else { return false }
        if secondShape == output {
            // Memory as it lies, in the order of whichever operand needs no copy.
            let rightForms = try existingForms(of: second)
            for form in try existingForms(of: first) where form.layout.isDense {
                if rightForms.contains(where: { $0.layout.coincides(with: form.layout) }) { left = form }
            }
            let right = try form(of: second, layout: left.layout)
            let flat = StridedShape(rowMajor: [output.elementCount])
            return try emitBinary(
                group, algorithm, (left, flat), (right, flat), layout: left.layout, operations: operations)
        }
        let missing = output.rank - secondShape.rank
        let extents = [Int](repeating: 1, count: missing) + secondShape.dimensions
        let arrangement = left.layout.dense(withExtents: extents)
        let unpadded = StridedShape(
            extents: secondShape.dimensions, strides: Array(arrangement.strides.dropFirst(missing)))
        let right = try form(of: second, layout: unpadded)
        return try emitBinary(
            group, algorithm, (left, left.layout), (right, arrangement), layout: left.layout, operations: operations)
    }

    private func emitBinary(
        _ group: FusedGroup, _ algorithm: BinaryAlgorithm, _ left: (form: ValueForm, view: StridedShape),
        _ right: (form: ValueForm, view: StridedShape), layout: StridedShape, operations: [PostOperation]
    ) throws(ExecutionError) -> Bool {
        let (first, second) = (left.view, right.view)
        guard
            let primitive = try create({ () throws(OneDNNError) in
                try context.binary(
                    algorithm, first: first, second: second, destination: first, postOperations: operations)
            })
        else { return false }
        let sharesMemory = left.form.position.slot == right.form.position.slot
        let overwrites = canOverwrite(left.form, by: group) && (!sharesMemory || first == second)
        let target = overwrites ? left.form : newForm(layout)
        append(.primitive(primitive, [left.form.position, right.form.position, target.position]))
        try define(outputName(of: group), [ValueForm(position: target.position, layout: layout)])
        return true
    }
}
