import Execution
import Graphs
import Tensors
import TestSupport
import Testing

/// Interpolation and recurrent layers against their reference kernels.
@Suite struct AcceleratedSequenceTests {
    @Test(arguments: ResizeAttributes.Mode.allCases, ResizeAttributes.CoordinateTransformation.allCases)
    func resizesAgree(mode: ResizeAttributes.Mode, coordinates: ResizeAttributes.CoordinateTransformation) throws {
        guard coordinates != .cropAndResizeRegion else { return }
        for rounding in ResizeAttributes.NearestRounding.allCases {
            for factors: [Float] in [[2, 2], [3, 2], [1.5, 0.5], [4, 1]] {
                var network = SmallNetwork(seed: 12)
                let x = network.input([2, 3, 4, 6])
                let scales = network.constant(Tensor(shape: [4], elements: [1, 1] + factors))
                let attributes = ResizeAttributes(mode: mode, coordinates: coordinates, nearestRounding: rounding)
                network.output(network.add(.resize(attributes), x, "", scales))
                try expectAgreement(
                    network.graph, ["x": network.inputs([2, 3, 4, 6])], fast: false, "\(attributes) by \(factors)")
            }
        }
    }

    @Test(arguments: RecurrentAttributes.Direction.allCases, [false, true])
    func recurrentLayersAgree(direction: RecurrentAttributes.Direction, hasState: Bool) throws {
        let (steps, batch, inputSize, hidden) = (5, 3, 4, 6)
        let directions = direction == .bidirectional ? 2 : 1
        for gates in [4, 3] {
            for linearBeforeReset in gates == 3 ? [false, true] : [false] {
                var network = SmallNetwork(seed: 14)
                let x = network.input([steps, batch, inputSize])
                let attributes = RecurrentAttributes(
                    hiddenSize: hidden, direction: direction, linearBeforeReset: linearBeforeReset)
                var inputs = [
                    x, network.weights([directions, gates * hidden, inputSize], scale: 0.5),
                    network.weights([directions, gates * hidden, hidden], scale: 0.5),
                    network.weights([directions, 2 * gates * hidden], scale: 0.5),
                ]
                if hasState {
                    inputs += ["", network.weights([directions, batch, hidden])]
                    if gates == 4 { inputs.append(network.weights([directions, batch, hidden])) }
                }
                let op: Operator = gates == 4 ? .lstm(attributes) : .gru(attributes)
                for name in network.add(op, inputs: inputs, outputs: gates - 1) { network.output(name) }
                try expectAgreement(
                    network.graph, ["x": network.inputs([steps, batch, inputSize])], "\(attributes) \(gates)")
            }
        }
    }
}
