import Graphs
import Kernels
import Quantization
import Tensors

extension PlanBuilder {
    func fakeQuantize(_ node: Node, _ attributes: FakeQuantizeAttributes) throws(TrainingError) {
        let input = try existing(node.inputs[0])
        let parameter = try form(node.inputs[1], .rowMajor)
        var zero: Int?
        if let name = node.input(2) { zero = try form(name, .rowMajor) }
        let (x, scale) = (variables[input], variables[parameter])
        for operand in [parameter, zero].compactMap({ $0 }) {
            guard Self.broadcast(variables[operand].shape, x.shape) == x.shape else {
                throw refusal("a parameter \(variables[operand].shape) for data \(x.shape)")
            }
        }
        func table(_ operand: Variable?) -> Int? {
            guard let operand, operand.count > 1 else { return nil }
            return self.table("quantizer \(operand.shape) \(x.shape) \(x.layout)") {
                IndexTable.broadcast(operand.shape, .rowMajor, to: x.shape, x.layout)
            }
        }
        let point = zero.map { variables[$0] }
        let y = try define(node.outputs[0], x.layout)
        let (result, count) = (variables[y].slot, x.count)
        let quantization = StepMemory.FakeQuantization(
            specification: attributes.specification, x: x.slot, parameter: scale.slot, parameterTable: table(scale),
            parameterCount: scale.count, zero: point?.slot, zeroTable: table(point), zeroCount: point?.count ?? 0,
            count: count)
        step(quantization.slots + [result]) { memory in memory.fakeQuantize(quantization, to: result) }
        let trainsParameter = attributes.specification.algorithm != .fakeQuantize && scale.needsGradient
        onBackward(of: y) { (builder, dy) in
            let dx = x.needsGradient ? builder.successor(of: dy, count: count) : nil
            let gradient = trainsParameter ? builder.floats(scale.count) : nil
            let sums = builder.doubles(max(scale.count, 8))
            builder.step(quantization.slots + [dy, dx, gradient, sums]) { memory in
                memory.fakeQuantizeBackward(quantization, dy, to: dx, parameter: gradient, sums: sums)
            }
            if let dx { builder.contribute(dx, to: input) }
            if let gradient { builder.contribute(gradient, to: parameter) }
        }
    }

    /// Scale and zero point of the state with the batch taken in, and the batch's extremes.
    func observe(_ node: Node, _ attributes: ObserveAttributes) throws(TrainingError) {
        let x = variables[try existing(node.inputs[0])]
        let state = try node.inputs.dropFirst().map { (name) throws(TrainingError) in
            variables[try form(name, .rowMajor)].slot
        }
        let wanted = attributes.specification.stateKeys.count
        guard state.count >= wanted else {
            throw .node(name: node.name, operatorName: node.op.name, reason: .missingInput(index: state.count + 1))
        }
        var results: [Int?] = []
        for name in node.outputs { results.append(name.isEmpty ? nil : variables[try define(name, .rowMajor)].slot) }
        let observation = Observation(attributes)
        step([x.slot] + state + results) { [results] memory in
            let seen = memory.extremes(x.slot, count: x.count)
            let (scale, zero) = observation.parameters(
                state: state.map { memory.scalar($0) }, minimum: seen.minimum, maximum: seen.maximum)
            for (slot, value) in zip(results, [scale, zero, seen.minimum, seen.maximum]) {
                if let slot { memory.setScalar(slot, value) }
            }
        }
    }
}

/// What an observer makes of its state and a batch: `semantics.md` 2.3, in float32.
struct Observation {
    private let specification: ObserverSpecification
    private let isEnabled: Bool

    init(_ attributes: ObserveAttributes) {
        specification = attributes.specification
        isEnabled = attributes.isEnabled
    }

    /// Scale and zero point (0 when symmetric).
    func parameters(state: [Float], minimum: Float, maximum: Float) -> (scale: Float, zero: Float) {
        var range = (low: state[0], high: state[1])
        // A batch without finite elements changes nothing.
        let takesBatch = isEnabled && minimum <= maximum
        switch specification.algorithm {
        case .passive: return (state[0], state[1])
        case .minMax, .histogram:
            if takesBatch { range = (min(range.low, minimum), max(range.high, maximum)) }
        case .exponentialMovingAverage:
            let kept = state[3]
            if takesBatch {
                // Before the first batch the old extremes are the largest numbers, which must not become infinite.
                range =
                    kept == 0
                    ? (minimum, maximum)
                    : (
                        kept * range.low + (1 - kept) * minimum, kept * range.high + (1 - kept) * maximum
                    )
            }
        }
        let (low, high) = (min(0, range.low), max(0, range.high))
        let (first, last) = (Float(specification.dtype.minimum), Float(specification.dtype.maximum))
        switch specification.mode {
        case .symmetric: return (max(max(-low, high) / ((last - first) / 2), specification.epsilon), 0)
        case .asymmetric:
            let scale = max((high - low) / (last - first), specification.epsilon)
            return (scale, first - (low / scale).rounded(.toNearestOrAwayFromZero))
        }
    }
}

extension ObserverSpecification {
    /// Whether scale and zero point follow from a histogram.
    var isHistogram: Bool {
        if case .histogram = algorithm { true } else { false }
    }
}
