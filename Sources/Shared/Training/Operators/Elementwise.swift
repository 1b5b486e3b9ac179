import Graphs
import Tensors

extension PlanBuilder {
    func unary(_ node: Node, _ function: UnaryFunction) throws(TrainingError) {
        let x = variables[try existing(node.inputs[0])]
        let input = try existing(node.inputs[0])
        let y = try define(node.outputs[0], x.layout)
        let (result, count) = (variables[y].slot, x.count)
        guard let shim = ShimUnary(function) else {
            step([x.slot, result]) { memory in memory.relu(x.slot, to: result, count: count) }
            onBackward(of: y) { (builder, dy) in
                let dx = builder.successor(of: dy, count: count)
                builder.step([result, dy, dx]) { memory in
                    memory.reluBackward(result: result, dy, to: dx, count: count)
                }
                builder.contribute(dx, to: input)
            }
            return
        }
        step([x.slot, result]) { memory in memory.unary(shim, x.slot, to: result, count: count) }
        onBackward(of: y) { (builder, dy) in
            let dx = builder.successor(of: dy, count: count)
            builder.step([x.slot, result, dy, dx]) { memory in
                memory.unaryBackward(shim, x.slot, result: result, dy, to: dx, count: count)
            }
            builder.contribute(dx, to: input)
        }
    }

    func clip(_ node: Node) throws(TrainingError) {
        let input = try existing(node.inputs[0])
        let x = variables[input]
        var bounds: [Int?] = [nil, nil]
        for index in 0..<2 {
            guard let name = node.input(index + 1) else { continue }
            bounds[index] = variables[try form(name, .rowMajor)].slot
        }
        let (lower, upper) = (bounds[0], bounds[1])
        let y = try define(node.outputs[0], x.layout)
        let (result, count) = (variables[y].slot, x.count)
        step([x.slot, lower, upper, result]) { memory in
            memory.clip(x.slot, lower: lower, upper: upper, to: result, count: count)
        }
        onBackward(of: y) { (builder, dy) in
            let dx = builder.successor(of: dy, count: count)
            builder.step([x.slot, lower, upper, dy, dx]) { memory in
                memory.clipBackward(x.slot, lower: lower, upper: upper, dy, to: dx, count: count)
            }
            builder.contribute(dx, to: input)
        }
    }

    func variadic(_ node: Node, _ function: VariadicFunction, relu: Node?) throws(TrainingError) {
        guard node.inputs.count > 1 else { return try alias(node.outputs[0], existing(node.inputs[0])) }
        let shim = ShimBinary(function)
        if node.inputs.count == 2, function != .mean {
            return try binary(node, shim, node.inputs[0], node.inputs[1], relu: relu)
        }
        var names = node.inputs[...]
        var value = try existing(names.removeFirst())
        while let name = names.popFirst() {
            value = try combine(shim, value, existing(name), layout: nil, relu: false)
        }
        let sum = value
        guard function == .mean else {
            try alias(node.outputs[0], sum)
            return
        }
        let factor = 1 / Float(node.inputs.count)
        let source = variables[sum]
        let y = addVariable(source.shape, source.layout, needsGradient: source.needsGradient)
        let (result, count) = (variables[y].slot, source.count)
        step([source.slot, result]) { memory in memory.scale(source.slot, by: factor, to: result, count: count) }
        onBackward(of: y) { (builder, dy) in
            let dx = builder.successor(of: dy, count: count)
            builder.step([dy, dx]) { memory in memory.scale(dy, by: factor, to: dx, count: count) }
            builder.contribute(dx, to: sum)
        }
        try alias(node.outputs[0], y)
    }

    /// A function of two values; a ReLU that reads its result alone is computed with it.
    func binary(
        _ node: Node, _ function: ShimBinary, _ first: String, _ second: String, relu: Node?
    ) throws(TrainingError) {
        let result = try combine(
            function, existing(first), existing(second), layout: nil, relu: relu != nil, names: (first, second))
        try alias(relu?.outputs[0] ?? node.outputs[0], result)
    }

    /// Adds the step of a function of two variables, in the layout of the one that has the result's shape.
    private func combine(
        _ function: ShimBinary, _ first: Int, _ second: Int, layout: TensorLayout?, relu: Bool,
        names: (String, String)? = nil
    ) throws(TrainingError) -> Int {
        var (a, b) = (first, second)
        let shape = Self.broadcast(variables[a].shape, variables[b].shape)
        let full = [a, b].filter { variables[$0].shape == shape }
        let layout = full.contains { variables[$0].layout == .channelsLast } ? TensorLayout.channelsLast : .rowMajor
        if let names {
            if variables[a].shape == shape { a = try form(names.0, layout) }
            if variables[b].shape == shape { b = try form(names.1, layout) }
        }
        let needs = variables[a].needsGradient || variables[b].needsGradient
        let y = addVariable(shape, layout, needsGradient: needs)
        let (left, right, result) = (variables[a], variables[b], variables[y])
        let operands = (operand(left, to: shape, layout), operand(right, to: shape, layout))
        let tables = (operands.0.table, operands.1.table)
        let isPlainSum = function.isAddition && left.shape == right.shape && tables.0 == nil && tables.1 == nil
        step([left.slot, tables.0, right.slot, tables.1, result.slot]) { memory in
            if isPlainSum, relu {
                memory.addRelu(left.slot, right.slot, to: result.slot, count: result.count)
            } else {
                memory.binary(function, operands.0, operands.1, to: result.slot, count: result.count)
                if relu { memory.relu(result.slot, to: result.slot, count: result.count) }
            }
        }
        onBackward(of: y) { (builder, gradient) in
            var dy = gradient
            if relu {
                dy = builder.successor(of: gradient, count: result.count)
                builder.step([result.slot, gradient, dy]) { [dy] memory in
                    memory.reluBackward(result: result.slot, gradient, to: dy, count: result.count)
                }
            }
            for (operand, isSecond) in [(a, false), (b, true)] where builder.variables[operand].needsGradient {
                var share = dy
                if !function.isAddition {
                    share = builder.floats(result.count)
                    builder.step([left.slot, tables.0, right.slot, tables.1, dy, share]) { [dy, share] memory in
                        memory.binaryBackward(
                            function, second: isSecond, operands.0, operands.1, dy, to: share, count: result.count)
                    }
                }
                builder.contributeReduced(share, factor: 1, shape: shape, layout, to: operand)
            }
        }
        return y
    }

    /// Adds a gradient of the broadcast shape to that of an operand: summed over the axes along which it was repeated.
    ///
    /// Sums are taken in double precision in the order of the elements in memory; `seenAs` is the operand's shape with axes of
    /// extent 1 where there are some more.
    func contributeReduced(
        _ gradient: Int, factor: Float, shape: Shape, _ layout: TensorLayout, to variable: Int, seenAs: Shape? = nil
    ) {
        let target = variables[variable]
        let viewed = Variable(
            shape: seenAs ?? target.shape, elementType: .float32, layout: target.layout, slot: target.slot,
            root: target.root, needsGradient: true)
        let table = operand(viewed, to: shape, layout).table
        if table == nil, target.count == shape.elementCount {
            guard factor != 1 else { return contribute(gradient, to: variable) }
            let scaled = floats(target.count)
            step([gradient, scaled]) { memory in memory.scale(gradient, by: factor, to: scaled, count: target.count) }
            return contribute(scaled, to: variable)
        }
        let (slot, sums) = (floats(target.count), doubles(target.count))
        step([gradient, table, sums, slot]) { memory in
            memory.groupSums(
                gradient, table: table, factor: Double(factor), sums: sums, to: slot, count: shape.elementCount,
                groups: target.count)
        }
        contribute(slot, to: variable)
    }

    /// The common shape of two that broadcast, as shape inference has checked.
    static func broadcast(_ first: Shape, _ second: Shape) -> Shape {
        let rank = max(first.rank, second.rank)
        return Shape(
            (0..<rank).map { axis in
                let left = axis - (rank - first.rank)
                let right = axis - (rank - second.rank)
                let extents = (left < 0 ? 1 : first[left], right < 0 ? 1 : second[right])
                return extents.0 == 1 ? extents.1 : extents.0
            })
    }
}
