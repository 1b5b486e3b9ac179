import Graphs
import Kernels
import Tensors

extension PlanBuilder {
    /// Operators that only move elements: a table of where each one comes from, made by the reference kernel from numbers.
    func move(_ node: Node) throws(TrainingError) {
        let input = try existing(node.inputs[0])
        let x = variables[input]
        let target = try shape(of: node.outputs[0])
        let keepsLayout = x.layout == .channelsLast && target.rank == x.shape.rank
        let y = try define(node.outputs[0], keepsLayout ? .channelsLast : .rowMajor)
        let result = variables[y]
        let indices = try origins(node, x.shape)
        let table = table("move \(node.name)") {
            IndexTable.placed(indices, source: x.shape, x.layout, result: result.shape, result.layout)
        }
        var fill: Int?
        if case .pad = node.op, let name = node.input(2) { fill = variables[try form(name, .rowMajor)].slot }
        step([x.slot, table, fill, result.slot]) { memory in
            memory.gather(
                x.slot, table: table, fill: fill.map { memory.scalar($0) } ?? 0, to: result.slot, count: result.count)
        }
        onBackward(of: y) { (builder, dy) in
            let dx = builder.floats(x.count)
            builder.step([dy, table, dx]) { memory in
                memory.scatter(dy, table: table, to: dx, count: result.count)
            }
            builder.contribute(dx, to: input)
        }
    }

    /// For each row-major element of the result: the row-major index of the element that it is, -1 for filled ones.
    private func origins(_ node: Node, _ source: Shape) throws(TrainingError) -> [Int] {
        // Elements are numbered from 1, because padding and regions outside give 0.
        let numbers = Tensor(shape: source, elements: (1...Int64(max(source.elementCount, 1))).map { $0 })
        var operands: [Tensor?] = [numbers]
        for (index, name) in node.inputs.enumerated().dropFirst() {
            if case .pad = node.op, index == 2 {
                operands.append(nil)
            } else if name.isEmpty {
                operands.append(nil)
            } else if let known = constants[name] ?? graph.initializers[name] {
                operands.append(known)
            } else {
                throw .unknownShape(node: node.name, operatorName: node.op.name)
            }
        }
        var op = node.op
        if case .resize(var attributes) = op {
            attributes.extrapolationValue = 0
            op = .resize(attributes)
        }
        do throws(KernelError) {
            let moved = try ReferenceKernels.evaluate(op, inputs: operands, outputCount: 1)
            return moved[0].elements(as: Int64.self).map { Int($0) - 1 }
        } catch {
            throw .node(name: node.name, operatorName: node.op.name, reason: error)
        }
    }

    /// How a tensor looks along one axis: runs of `width` elements, `rows` of them.
    private func runs(_ shape: Shape, _ layout: TensorLayout, axis: Int) -> (rows: Int, width: Int) {
        let order = layout.order(rank: shape.rank)
        let position = order.firstIndex(of: axis) ?? 0
        let width = order[position...].reduce(1) { $0 * shape[$1] }
        return (width == 0 ? 0 : shape.elementCount / width, width)
    }

    func concat(_ node: Node, axis: Int) throws(TrainingError) {
        let first = try existing(node.inputs[0])
        let rank = variables[first].shape.rank
        let axis = axis < 0 ? axis + rank : axis
        var layout = TensorLayout.rowMajor
        for name in node.inputs where variables[try existing(name)].layout == .channelsLast { layout = .channelsLast }
        let parts = try node.inputs.map { (name) throws(TrainingError) in try form(name, layout) }
        let y = try define(node.outputs[0], layout)
        let whole = variables[y]
        let (rows, stride) = runs(whole.shape, layout, axis: axis)
        var pieces: [(variable: Int, slot: Int, offset: Int, width: Int)] = []
        var offset = 0
        for part in parts {
            let width = runs(variables[part].shape, layout, axis: axis).width
            pieces.append((part, variables[part].slot, offset, width))
            offset += width
        }
        step(pieces.map { $0.slot } + [whole.slot]) { [pieces] memory in
            for piece in pieces {
                memory.copyRows(
                    piece.slot, offset: 0, stride: piece.width, to: whole.slot, offset: piece.offset, stride: stride,
                    rows: rows, width: piece.width)
            }
        }
        onBackward(of: y) { [pieces] (builder, dy) in
            for piece in pieces where builder.variables[piece.variable].needsGradient {
                let dx = builder.floats(builder.variables[piece.variable].count)
                builder.step([dy, dx]) { memory in
                    memory.copyRows(
                        dy, offset: piece.offset, stride: stride, to: dx, offset: 0, stride: piece.width, rows: rows,
                        width: piece.width)
                }
                builder.contribute(dx, to: piece.variable)
            }
        }
    }

    func split(_ node: Node, axis: Int) throws(TrainingError) {
        let input = try existing(node.inputs[0])
        let x = variables[input]
        let axis = axis < 0 ? axis + x.shape.rank : axis
        let (rows, stride) = runs(x.shape, x.layout, axis: axis)
        var offset = 0
        for name in node.outputs {
            let part = name.isEmpty ? nil : try define(name, x.layout)
            guard let part else { throw refusal("a part that nobody wants; leave it to a Slice") }
            let result = variables[part]
            let (start, width) = (offset, runs(result.shape, x.layout, axis: axis).width)
            offset += width
            step([x.slot, result.slot]) { memory in
                memory.copyRows(
                    x.slot, offset: start, stride: stride, to: result.slot, offset: 0, stride: width, rows: rows,
                    width: width)
            }
            onBackward(of: part) { (builder, dy) in
                let dx = builder.floats(x.count)
                builder.step([dy, dx]) { memory in
                    memory.clear(dx)
                    memory.copyRows(
                        dy, offset: 0, stride: width, to: dx, offset: start, stride: stride, rows: rows, width: width)
                }
                builder.contribute(dx, to: input)
            }
        }
    }

    func gather(_ node: Node, axis: Int) throws(TrainingError) {
        let input = try form(node.inputs[0], .rowMajor)
        let x = variables[input]
        let axis = axis < 0 ? axis + x.shape.rank : axis
        let indices = variables[try form(node.inputs[1], .rowMajor)]
        let rows = StepMemory.Rows(
            outer: x.shape.dimensions[..<axis].reduce(1, *), extent: x.shape[axis],
            inner: x.shape.dimensions[(axis + 1)...].reduce(1, *), indexCount: indices.count)
        let positions = wide(indices)
        let y = try define(node.outputs[0], .rowMajor)
        let result = variables[y].slot
        step([x.slot, positions, result]) { (memory) throws(StepError) in
            guard let wrong = memory.take(x.slot, indices: positions, rows, to: result) else { return }
            throw .kernel(.invalidArgument("index \(wrong) lies outside of \(rows.extent) entries"))
        }
        onBackward(of: y) { (builder, dy) in
            let dx = builder.floats(x.count)
            builder.step([positions, dy, dx]) { memory in
                memory.takeBackward(dy, indices: positions, rows, to: dx)
            }
            builder.contribute(dx, to: input)
        }
    }

    /// The slot with indices as int64.
    private func wide(_ indices: Variable) -> Int {
        guard indices.elementType != .int64 else { return indices.slot }
        let slot = addSlot(.arena, byteCount: indices.count * MemoryLayout<Int64>.stride)
        step([indices.slot, slot]) { (memory) throws(StepError) in
            let source = memory.view(indices.slot, shape: indices.shape, elementType: indices.elementType)
            do throws(KernelError) {
                let op = Operator.cast(CastAttributes(to: .int64))
                let results = try ReferenceKernels.evaluate(op, inputs: [source], outputCount: 1)
                memory.store(results[0], in: slot)
            } catch {
                throw .kernel(error)
            }
        }
        return slot
    }
}
