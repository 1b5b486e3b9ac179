import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    /// The position of a node in the graph.
    func position(of node: Node) -> Int {
        resolved.graph.nodes.firstIndex { $0.name == node.name } ?? 0
    }

    /// Other extents over the same row-major elements: no step at all.
    func emitReshape(_ node: Node) throws(ExecutionError) -> Bool {
        let output = try type(of: node.outputs[0])
        let input = try type(of: node.inputs[0])
        guard input.elementType == .float32 || constant(node.input(0)) == nil else { return false }
        let source = try rowMajorForm(of: node.inputs[0])
        let layout = StridedShape(rowMajor: output.shape.dimensions)
        try define(node.outputs[0], [ValueForm(position: source.position, layout: layout)])
        return true
    }

    /// The same elements under another name.
    func emitIdentity(_ node: Node) throws(ExecutionError) -> Bool {
        guard node.outputs.dropFirst().allSatisfy(\.isEmpty) else { return false }
        try define(node.outputs[0], try existingForms(of: node.inputs[0]))
        return true
    }

    /// The same memory seen in another order of axes; copied only when a reader needs that.
    func emitTranspose(_ node: Node, _ permutation: [Int]?) throws(ExecutionError) -> Bool {
        guard let input = floatShape(node.input(0)) ?? byteShape(node.input(0))?.shape else { return false }
        let order = permutation ?? Array(input.dimensions.indices.reversed())
        guard order.sorted() == Array(input.dimensions.indices) else { return false }
        let forms = try existingForms(of: node.inputs[0]).map { form in
            ValueForm(position: form.position, layout: form.layout.permuted(order))
        }
        try define(node.outputs[0], forms)
        return true
    }

    /// A part of `form` that starts at `starts` and takes every `steps`-th element.
    func part(
        of form: ValueForm, starts: [Int], extents: [Int], steps: [Int],
        elementByteCount: Int = MemoryLayout<Float>.stride
    ) -> ValueForm {
        var offset = form.position.byteOffset
        for axis in starts.indices {
            offset += starts[axis] * form.layout.strides[axis] * elementByteCount
        }
        let strides = zip(form.layout.strides, steps).map { $0 * $1 }
        return ValueForm(
            position: SlotPosition(slot: form.position.slot, byteOffset: offset),
            layout: StridedShape(extents: extents, strides: strides))
    }

    /// A view of equal or given parts along one axis.
    func emitSplit(_ node: Node, axis: Int) throws(ExecutionError) -> Bool {
        guard let input = floatShape(node.input(0)) else { return false }
        let positive = axis < 0 ? axis + input.rank : axis
        guard input.dimensions.indices.contains(positive) else { return false }
        let forms = try existingForms(of: node.inputs[0])
        let ones = [Int](repeating: 1, count: input.rank)
        var starts = [Int](repeating: 0, count: input.rank)
        for output in node.outputs {
            // The extent of an unwanted part is unknown here, so the next one could not be found.
            guard !output.isEmpty, let shape = floatShape(output) else { return false }
            starts[positive] += shape[positive]
        }
        guard starts[positive] == input[positive] else { return false }
        starts[positive] = 0
        for output in node.outputs {
            guard let shape = floatShape(output) else { return false }
            let parts = forms.map { part(of: $0, starts: starts, extents: shape.dimensions, steps: ones) }
            try define(output, parts)
            starts[positive] += shape[positive]
        }
        return true
    }

    /// A view of a part with constant bounds and positive steps.
    func emitSlice(_ node: Node) throws(ExecutionError) -> Bool {
        guard let input = floatShape(node.input(0)), let output = floatShape(node.outputs[0]),
            let starts = constant(node.input(1))?.integers
        else { return false }
        var axes = Array(starts.indices)
        var steps = [Int](repeating: 1, count: starts.count)
        if node.input(3) != nil {
            guard let given = constant(node.input(3))?.integers else { return false }
            axes = given.map { $0 < 0 ? $0 + input.rank : $0 }
        }
        if node.input(4) != nil {
            guard let given = constant(node.input(4))?.integers else { return false }
            steps = given
        }
        guard axes.count == starts.count, steps.count == starts.count, steps.allSatisfy({ $0 > 0 }),
            axes.allSatisfy(input.dimensions.indices.contains)
        else { return false }
        var first = [Int](repeating: 0, count: input.rank)
        var every = [Int](repeating: 1, count: input.rank)
        for (index, axis) in axes.enumerated() {
            let start = starts[index] < 0 ? starts[index] + input[axis] : starts[index]
            first[axis] = min(max(start, 0), input[axis])
            every[axis] = steps[index]
        }
        let forms = try existingForms(of: node.inputs[0]).map { form in
            part(of: form, starts: first, extents: output.dimensions, steps: every)
        }
        try define(node.outputs[0], forms)
        return true
    }

    /// Copies of the inputs side by side.
    func emitConcat(_ node: Node, axis: Int) throws(ExecutionError) -> Bool {
        guard let output = floatShape(node.outputs[0]) else { return false }
        let positive = axis < 0 ? axis + output.rank : axis
        guard output.dimensions.indices.contains(positive), node.inputs.allSatisfy({ floatShape($0) != nil })
        else { return false }
        let target = newForm(try concatenationLayout(output, of: node.inputs))
        let ones = [Int](repeating: 1, count: output.rank)
        var starts = [Int](repeating: 0, count: output.rank)
        for name in node.inputs {
            guard let shape = floatShape(name) else { return false }
            if shape.elementCount > 0 {
                let source = try existingForms(of: name)[0]
                let destination = part(of: target, starts: starts, extents: shape.dimensions, steps: ones)
                try reorder(from: source, to: destination)
            }
            starts[positive] += shape[positive]
        }
        try define(node.outputs[0], [target])
        return true
    }

    /// Channels stay innermost when they are so already.
    func concatenationLayout(_ output: Shape, of names: [String]) throws(ExecutionError) -> StridedShape {
        for name in names where constant(name) == nil {
            let form = try existingForms(of: name)[0]
            let channelsLast = StridedShape(channelsLast: form.layout.extents)
            if form.layout.coincides(with: channelsLast),
                !form.layout.coincides(with: StridedShape(rowMajor: form.layout.extents))
            {
                return StridedShape(channelsLast: output.dimensions)
            }
        }
        return StridedShape(rowMajor: output.dimensions)
    }

    /// Zeros or another constant around a copy.
    func emitPad(_ node: Node, _ mode: PaddingMode) throws(ExecutionError) -> Bool {
        guard mode == .constant, let input = floatShape(node.input(0)), let output = floatShape(node.outputs[0]),
            let amounts = constant(node.input(1))?.integers
        else { return false }
        var value: Float = 0
        if node.input(2) != nil {
            guard let given = constant(node.input(2))?.singleFloat else { return false }
            value = given
        }
        var axes = Array(input.dimensions.indices)
        if node.input(3) != nil {
            guard let given = constant(node.input(3))?.integers else { return false }
            axes = given.map { $0 < 0 ? $0 + input.rank : $0 }
        }
        guard amounts.count == axes.count * 2, amounts.allSatisfy({ $0 >= 0 }),
            axes.allSatisfy(input.dimensions.indices.contains)
        else { return false }
        var starts = [Int](repeating: 0, count: input.rank)
        for (index, axis) in axes.enumerated() { starts[axis] = amounts[index] }
        let source = try denseForm(of: node.inputs[0])
        let target = newForm(source.layout.dense(withExtents: output.dimensions))
        append(.fill(target.position, count: output.elementCount, value: value))
        let ones = [Int](repeating: 1, count: input.rank)
        try reorder(
            from: source, to: part(of: target, starts: starts, extents: input.dimensions, steps: ones))
        try define(node.outputs[0], [target])
        return true
    }
}
