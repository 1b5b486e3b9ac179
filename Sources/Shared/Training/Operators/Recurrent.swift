import Graphs
import Kernels
import Tensors

extension RecurrentAttributes {
    /// Whether an LSTM has the default activations, no clipping, no coupled gates and the steps outermost.
    var isPlain: Bool {
        let names = activations.map { $0.lowercased() }
        let defaults = ["sigmoid", "tanh", "tanh"]
        return (names.isEmpty || names == defaults || names == defaults + defaults) && clip == nil
            && !couplesInputAndForget && !batchFirst
    }
}

extension PlanBuilder {
    /// What the passes of an LSTM share; variables are row-major.
    private struct LSTM {
        let x: Int
        let weights: Int
        let recurrence: Int
        let bias: Int?
        let initialHidden: Int?
        let initialCell: Int?
        let steps: Int
        let batch: Int
        let inputs: Int
        let hidden: Int
        let directions: Int
        let reverses: Bool

        /// Elements of one state.
        var stateCount: Int { batch * hidden }

        /// The times in the order in which a direction takes them.
        func times(_ direction: Int) -> [Int] {
            let forward = Array(0..<steps)
            return reverses || direction == 1 ? forward.reversed() : forward
        }
    }

    func lstm(_ node: Node, _ attributes: RecurrentAttributes) throws(TrainingError) {
        func optional(_ index: Int) throws(TrainingError) -> Int? {
            guard let name = node.input(index) else { return nil }
            return try form(name, .rowMajor)
        }
        let x = try form(node.inputs[0], .rowMajor)
        let extents = variables[x].shape
        let layer = LSTM(
            x: x, weights: try form(node.inputs[1], .rowMajor), recurrence: try form(node.inputs[2], .rowMajor),
            bias: try optional(3), initialHidden: try optional(5), initialCell: try optional(6), steps: extents[0],
            batch: extents[1], inputs: extents[2], hidden: attributes.hiddenSize,
            directions: attributes.direction == .bidirectional ? 2 : 1, reverses: attributes.direction == .reverse)
        var outputs: [Int] = []
        let shapes: [Shape] = [
            [layer.steps, layer.directions, layer.batch, layer.hidden], [layer.directions, layer.batch, layer.hidden],
            [layer.directions, layer.batch, layer.hidden],
        ]
        for (index, shape) in shapes.enumerated() {
            if node.outputs.count > index, !node.outputs[index].isEmpty {
                outputs.append(try define(node.outputs[index], .rowMajor))
            } else {
                outputs.append(addVariable(shape, .rowMajor, needsGradient: false))
            }
        }
        var recurrences: [StepMemory.Recurrence] = []
        for direction in 0..<layer.directions {
            recurrences.append(try lstmForward(layer, direction, outputs: outputs.map { variables[$0].slot }))
        }
        onBackward(ofAny: outputs) { (builder, gradients) throws(TrainingError) in
            try builder.lstmBackward(layer, recurrences, gradients)
        }
    }

    private func lstmForward(
        _ layer: LSTM, _ direction: Int, outputs: [Int]
    ) throws(TrainingError) -> StepMemory.Recurrence {
        let (steps, count) = (layer.steps, layer.stateCount)
        let recurrence = StepMemory.Recurrence(
            batch: layer.batch, hidden: layer.hidden, gates: floats(steps * count * 4), recurrent: floats(count * 4),
            bias: layer.bias.map { variables[$0].slot }, biasOffset: direction * 8 * layer.hidden,
            oldCells: floats(steps * count), cells: floats(steps * count), squashed: floats(steps * count),
            states: floats(steps * count))
        let width = 4 * layer.hidden
        let project = try create { () throws(StepError) in
            try context.matmul(
                source: .init(rowMajor: [steps * layer.batch, layer.inputs]),
                weights: StridedShape(rowMajor: [width, layer.inputs]).transposed,
                destination: .init(rowMajor: [steps * layer.batch, width]))
        }
        let recur = try create { () throws(StepError) in
            try context.matmul(
                source: .init(rowMajor: [layer.batch, layer.hidden]),
                weights: StridedShape(rowMajor: [width, layer.hidden]).transposed,
                destination: .init(rowMajor: [layer.batch, width]))
        }
        let (x, weights, matrix) = (
            variables[layer.x].slot, variables[layer.weights].slot, variables[layer.recurrence].slot
        )
        let initial = (layer.initialHidden.map { variables[$0].slot }, layer.initialCell.map { variables[$0].slot })
        let zero = floats(count)
        let slots =
            [x, weights, matrix, recurrence.bias, initial.0, initial.1, zero, recurrence.gates, recurrence.recurrent]
            + [recurrence.oldCells, recurrence.cells, recurrence.squashed, recurrence.states] + outputs
        let times = layer.times(direction)
        step(slots) { (memory) throws(StepError) in
            try memory.execute(
                project, [x, weights, recurrence.gates], offsets: [0, direction * width * layer.inputs, 0])
            memory.clear(zero)
            var (hidden, offset) = (initial.0 ?? zero, initial.0 == nil ? 0 : direction * count)
            var (cell, cellOffset) = (initial.1 ?? zero, initial.1 == nil ? 0 : direction * count)
            for time in times {
                try memory.execute(
                    recur, [hidden, matrix, recurrence.recurrent],
                    offsets: [offset, direction * width * layer.hidden, 0])
                memory.copyRows(
                    cell, offset: cellOffset, stride: count, to: recurrence.oldCells, offset: time * count,
                    stride: count, rows: 1, width: count)
                memory.lstmCell(recurrence, time: time)
                memory.copyRows(
                    recurrence.states, offset: time * count, stride: count, to: outputs[0],
                    offset: (time * layer.directions + direction) * count, stride: count, rows: 1, width: count)
                (hidden, offset, cell, cellOffset) = (recurrence.states, time * count, recurrence.cells, time * count)
            }
            for (state, output) in [(hidden, outputs[1]), (cell, outputs[2])] {
                memory.copyRows(
                    state, offset: offset, stride: count, to: output, offset: direction * count, stride: count, rows: 1,
                    width: count)
            }
        }
        return recurrence
    }

    /// Gradients of an LSTM's operands; each is one slot that the directions fill in turn.
    private func lstmBackward(
        _ layer: LSTM, _ recurrences: [StepMemory.Recurrence], _ gradients: [Int?]
    ) throws(TrainingError) {
        var results: [Int: Int] = [:]
        let operands = [layer.weights, layer.recurrence, layer.bias, layer.initialHidden, layer.initialCell]
        for operand in operands.compactMap({ $0 }) where variables[operand].needsGradient {
            results[operand] = floats(variables[operand].count)
        }
        for (direction, recurrence) in recurrences.enumerated() {
            let dgates = try lstmTimeBackward(layer, recurrence, direction, gradients, results)
            try lstmParameterGradients(layer, recurrence, direction, dgates, results)
        }
        for operand in operands.compactMap({ $0 }) {
            if let slot = results[operand] { contribute(slot, to: operand) }
        }
    }

    /// Goes back through time; returns the slot with the gradients of the gates.
    private func lstmTimeBackward(
        _ layer: LSTM, _ recurrence: StepMemory.Recurrence, _ direction: Int, _ gradients: [Int?], _ results: [Int: Int]
    ) throws(TrainingError) -> Int {
        let (count, width) = (layer.stateCount, 4 * layer.hidden)
        let (dgates, dstate, dcell) = (floats(layer.steps * count * 4), floats(count), floats(count))
        let back = try create { () throws(StepError) in
            try context.matmul(
                source: .init(rowMajor: [layer.batch, width]), weights: .init(rowMajor: [width, layer.hidden]),
                destination: .init(rowMajor: [layer.batch, layer.hidden]))
        }
        let matrix = variables[layer.recurrence].slot
        let initial = (layer.initialHidden.flatMap { results[$0] }, layer.initialCell.flatMap { results[$0] })
        let times = layer.times(direction).reversed()
        let slots =
            [recurrence.gates, recurrence.oldCells, recurrence.squashed, recurrence.cells, recurrence.states, matrix]
            + [dgates, dstate, dcell, initial.0, initial.1] + gradients
        step(slots) { (memory) throws(StepError) in
            for (target, gradient) in [(dstate, gradients[1]), (dcell, gradients[2])] {
                memory.clear(target)
                if let gradient { memory.add(gradient, offset: direction * count, to: target, count: count) }
            }
            for time in times {
                if let sequence = gradients[0] {
                    memory.add(
                        sequence, offset: (time * layer.directions + direction) * count, to: dstate, count: count)
                }
                memory.lstmCellBackward(recurrence, time: time, dstate: dstate, dcell: dcell, dgates: dgates)
                try memory.execute(
                    back, [dgates, matrix, dstate],
                    offsets: [time * count * 4, direction * width * layer.hidden, 0])
            }
            for case (let target?, let source) in [(initial.0, dstate), (initial.1, dcell)] {
                memory.copyRows(
                    source, offset: 0, stride: count, to: target, offset: direction * count, stride: count, rows: 1,
                    width: count)
            }
        }
        return dgates
    }

    private func lstmParameterGradients(
        _ layer: LSTM, _ recurrence: StepMemory.Recurrence, _ direction: Int, _ dgates: Int, _ results: [Int: Int]
    ) throws(TrainingError) {
        let (rows, width) = (layer.steps * layer.batch, 4 * layer.hidden)
        let upper = StridedShape(rowMajor: [rows, width])
        if let target = results[layer.weights] {
            let product = try create { () throws(StepError) in
                try context.matmul(
                    source: upper.transposed, weights: .init(rowMajor: [rows, layer.inputs]),
                    destination: .init(rowMajor: [width, layer.inputs]))
            }
            let x = variables[layer.x].slot
            step([dgates, x, target]) { (memory) throws(StepError) in
                try memory.execute(
                    product, [dgates, x, target], offsets: [0, 0, direction * width * layer.inputs])
            }
        }
        try lstmRecurrenceGradient(layer, recurrence, direction, dgates, results)
        if let bias = layer.bias, let target = results[bias] {
            let (sums, work) = (floats(width), doubles(width))
            step([dgates, sums, work, target]) { memory in
                memory.columnSums(dgates, rows: rows, channels: width, to: sums, work: work)
                for half in 0..<2 {
                    memory.copyRows(
                        sums, offset: 0, stride: width, to: target, offset: (direction * 2 + half) * width,
                        stride: width, rows: 1, width: width)
                }
            }
        }
        try lstmInputGradient(layer, direction, dgates, rows: rows, width: width)
    }

    private func lstmInputGradient(
        _ layer: LSTM, _ direction: Int, _ dgates: Int, rows: Int, width: Int
    ) throws(TrainingError) {
        guard variables[layer.x].needsGradient else { return }
        let upper = StridedShape(rowMajor: [rows, width])
        let dx = floats(variables[layer.x].count)
        let product = try create { () throws(StepError) in
            try context.matmul(
                source: upper, weights: .init(rowMajor: [width, layer.inputs]),
                destination: .init(rowMajor: [rows, layer.inputs]))
        }
        let weights = variables[layer.weights].slot
        step([dgates, weights, dx]) { (memory) throws(StepError) in
            try memory.execute(product, [dgates, weights, dx], offsets: [0, direction * width * layer.inputs, 0])
        }
        contribute(dx, to: layer.x)
    }

    /// The product of the gates' gradients with the states before each step.
    private func lstmRecurrenceGradient(
        _ layer: LSTM, _ recurrence: StepMemory.Recurrence, _ direction: Int, _ dgates: Int, _ results: [Int: Int]
    ) throws(TrainingError) {
        guard let target = results[layer.recurrence] else { return }
        let (rows, width, count) = (layer.steps * layer.batch, 4 * layer.hidden, layer.stateCount)
        let upper = StridedShape(rowMajor: [rows, width])
        let product = try create { () throws(StepError) in
            try context.matmul(
                source: upper.transposed, weights: .init(rowMajor: [rows, layer.hidden]),
                destination: .init(rowMajor: [width, layer.hidden]))
        }
        let old = floats(rows * layer.hidden)
        let initial = layer.initialHidden.map { variables[$0].slot }
        let times = layer.times(direction)
        step([dgates, recurrence.states, initial, old, target]) { (memory) throws(StepError) in
            memory.clear(old)
            if let initial {
                memory.copyRows(
                    initial, offset: direction * count, stride: count, to: old, offset: times[0] * count,
                    stride: count, rows: 1, width: count)
            }
            for (time, next) in zip(times, times.dropFirst()) {
                memory.copyRows(
                    recurrence.states, offset: time * count, stride: count, to: old, offset: next * count,
                    stride: count, rows: 1, width: count)
            }
            try memory.execute(
                product, [dgates, old, target], offsets: [0, 0, direction * width * layer.hidden])
        }
    }
}
