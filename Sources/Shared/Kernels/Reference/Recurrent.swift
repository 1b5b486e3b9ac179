import Graphs
import Tensors

extension ReferenceKernels {
    /// Long short-term memory; outputs all hidden states (zero after a sample's end), the last ones, the last cells.
    static func lstm(_ attributes: RecurrentAttributes, _ inputs: KernelInputs) throws(KernelError) -> [Tensor] {
        try inputs.required(0).elementType == .float64
            ? try lstm(attributes, inputs, Double.self) : try lstm(attributes, inputs, Float.self)
    }

    private static func lstm<T: Lane & BinaryFloatingPoint>(
        _ attributes: RecurrentAttributes, _ inputs: KernelInputs, _ lane: T.Type
    ) throws(KernelError) -> [Tensor] {
        let operands = try RecurrentOperands<T>(attributes, inputs, gates: 4)
        let activations = try RecurrentActivation.resolve(
            attributes, directions: operands.directions, defaults: ["Sigmoid", "Tanh", "Tanh"])
        let (batch, size) = (operands.batch, operands.hidden)
        var sequence = [T](repeating: 0, count: operands.steps * operands.directions * batch * size)
        var (hidden, cell) = (operands.initialHidden, operands.initialCell)
        for direction in 0..<operands.directions {
            let (f, g, h) = (activations[direction][0], activations[direction][1], activations[direction][2])
            let gate = gateInput(operands, direction, clip: attributes.clip)
            let peephole = operands.peepholes[direction]
            let reverse = operands.isReverse(direction, attributes)
            for step in 0..<operands.steps {
                let recurrent = operands.multiply(hidden[direction], operands.recurrence[direction])
                for sample in 0..<batch {
                    guard let time = operands.time(of: step, sample: sample, reverse: reverse) else { continue }
                    let row = time * batch + sample
                    for unit in 0..<size {
                        let index = sample * size + unit
                        let old = cell[direction][index]
                        func input(_ number: Int, _ extra: T) -> T { gate(row, sample, number, unit, recurrent, extra) }
                        let i = f(input(0, peephole[unit] * old))
                        let forget =
                            attributes.couplesInputAndForget ? 1 - i : f(input(2, peephole[2 * size + unit] * old))
                        let new = forget * old + i * g(input(3, 0))
                        let o = f(input(1, peephole[size + unit] * new))
                        cell[direction][index] = new
                        hidden[direction][index] = o * h(new)
                        sequence[((time * operands.directions + direction) * batch + sample) * size + unit] =
                            hidden[direction][index]
                    }
                }
            }
        }
        return [operands.sequenceOutput(sequence), operands.stateOutput(hidden), operands.stateOutput(cell)]
    }

    /// Gated recurrent unit; outputs all hidden states (zero after a sample's end) and the last ones.
    static func gru(_ attributes: RecurrentAttributes, _ inputs: KernelInputs) throws(KernelError) -> [Tensor] {
        try inputs.required(0).elementType == .float64
            ? try gru(attributes, inputs, Double.self) : try gru(attributes, inputs, Float.self)
    }

    private static func gru<T: Lane & BinaryFloatingPoint>(
        _ attributes: RecurrentAttributes, _ inputs: KernelInputs, _ lane: T.Type
    ) throws(KernelError) -> [Tensor] {
        let operands = try RecurrentOperands<T>(attributes, inputs, gates: 3)
        let activations = try RecurrentActivation.resolve(
            attributes, directions: operands.directions, defaults: ["Sigmoid", "Tanh"])
        let (batch, size) = (operands.batch, operands.hidden)
        var sequence = [T](repeating: 0, count: operands.steps * operands.directions * batch * size)
        var hidden = operands.initialHidden
        for direction in 0..<operands.directions {
            let (f, g) = (activations[direction][0], activations[direction][1])
            let gate = gateInput(
                operands, direction, clip: attributes.clip, resetsBias: attributes.linearBeforeReset)
            // The part of R that belongs to the candidate, for the form that resets the state before the product.
            let matrix = ElementMoves.slice(operands.recurrence[direction], axis: 1, range: 2 * size..<3 * size)
            let reverse = operands.isReverse(direction, attributes)
            for step in 0..<operands.steps {
                let old = hidden[direction]
                var recurrent = operands.multiply(old, operands.recurrence[direction])
                var reset = [T](repeating: 0, count: batch * size)
                for sample in 0..<batch {
                    guard let time = operands.time(of: step, sample: sample, reverse: reverse) else { continue }
                    for unit in 0..<size {
                        reset[sample * size + unit] = f(gate(time * batch + sample, sample, 1, unit, recurrent, 0))
                    }
                }
                let candidates =
                    attributes.linearBeforeReset ? [] : operands.multiply(zip(reset, old).map { $0 * $1 }, matrix)
                for sample in 0..<batch {
                    guard let time = operands.time(of: step, sample: sample, reverse: reverse) else { continue }
                    for unit in 0..<size {
                        let index = sample * size + unit
                        let z = f(gate(time * batch + sample, sample, 0, unit, recurrent, 0))
                        let position = (sample * 3 + 2) * size + unit
                        if attributes.linearBeforeReset {
                            let bias = operands.bias[direction][5 * size + unit]
                            recurrent[position] = reset[index] * (recurrent[position] + bias)
                        } else {
                            recurrent[position] = candidates[index]
                        }
                        let candidate = g(gate(time * batch + sample, sample, 2, unit, recurrent, 0))
                        hidden[direction][index] = (1 - z) * candidate + z * old[index]
                        sequence[((time * operands.directions + direction) * batch + sample) * size + unit] =
                            hidden[direction][index]
                    }
                }
            }
        }
        return [operands.sequenceOutput(sequence), operands.stateOutput(hidden)]
    }

    /// Plain recurrent layer; outputs all hidden states (zero after a sample's end) and the last ones.
    static func rnn(_ attributes: RecurrentAttributes, _ inputs: KernelInputs) throws(KernelError) -> [Tensor] {
        try inputs.required(0).elementType == .float64
            ? try rnn(attributes, inputs, Double.self) : try rnn(attributes, inputs, Float.self)
    }

    private static func rnn<T: Lane & BinaryFloatingPoint>(
        _ attributes: RecurrentAttributes, _ inputs: KernelInputs, _ lane: T.Type
    ) throws(KernelError) -> [Tensor] {
        let operands = try RecurrentOperands<T>(attributes, inputs, gates: 1)
        let activations = try RecurrentActivation.resolve(
            attributes, directions: operands.directions, defaults: ["Tanh"])
        let (batch, size) = (operands.batch, operands.hidden)
        var sequence = [T](repeating: 0, count: operands.steps * operands.directions * batch * size)
        var hidden = operands.initialHidden
        for direction in 0..<operands.directions {
            let gate = gateInput(operands, direction, clip: attributes.clip)
            let reverse = operands.isReverse(direction, attributes)
            for step in 0..<operands.steps {
                let recurrent = operands.multiply(hidden[direction], operands.recurrence[direction])
                for sample in 0..<batch {
                    guard let time = operands.time(of: step, sample: sample, reverse: reverse) else { continue }
                    for unit in 0..<size {
                        let state = activations[direction][0](
                            gate(time * batch + sample, sample, 0, unit, recurrent, 0))
                        hidden[direction][sample * size + unit] = state
                        sequence[((time * operands.directions + direction) * batch + sample) * size + unit] = state
                    }
                }
            }
        }
        return [operands.sequenceOutput(sequence), operands.stateOutput(hidden)]
    }

    /// The input of a gate: projected input, recurrent part, extra term and both biases, clipped.
    ///
    /// With `resetsBias` the recurrent bias of gate 2 is left out, because the caller scaled it with the product.
    private static func gateInput<T: Lane & BinaryFloatingPoint>(
        _ operands: RecurrentOperands<T>, _ direction: Int, clip: Float?, resetsBias: Bool = false
    ) -> (_ row: Int, _ sample: Int, _ gate: Int, _ unit: Int, _ recurrent: [T], _ extra: T) -> T {
        let size = operands.hidden
        let width = operands.gates * size
        let bias = (0..<width).map { column -> T in
            let input = operands.bias[direction][column]
            return resetsBias && column >= 2 * size ? input : input + operands.bias[direction][width + column]
        }
        let projected = operands.projected[direction]
        return { row, sample, gate, unit, recurrent, extra in
            let column = gate * size + unit
            var sum = projected[row * width + column] + recurrent[sample * width + column]
            sum += extra
            sum += bias[column]
            guard let clip else { return sum }
            return max(-T(clip), min(T(clip), sum))
        }
    }
}
