import Graphs
import Tensors

/// The checked inputs of an LSTM, GRU or RNN, with the batch inside the time axis and absent inputs filled with zeros.
struct RecurrentOperands<T: Lane & BinaryFloatingPoint> {
    let elementType: ElementType
    let steps: Int
    let batch: Int
    let directions: Int
    let hidden: Int
    /// Gates per cell: 4 for LSTM, 3 for GRU, 1 for RNN.
    let gates: Int
    /// For each direction, X times the transposed W: [steps * batch, gates * hidden].
    let projected: [[T]]
    /// For each direction the transposed R: [hidden, gates * hidden].
    let recurrence: [Tensor]
    /// For each direction the biases of W, then those of R: 2 * gates * hidden.
    let bias: [[T]]
    /// Steps of each sample.
    let lengths: [Int]
    /// For each direction [batch, hidden].
    let initialHidden: [[T]]
    /// For each direction [batch, hidden]; LSTM only.
    let initialCell: [[T]]
    /// For each direction the peepholes of input, output and forget gate; LSTM only.
    let peepholes: [[T]]
    private let batchFirst: Bool

    init(_ attributes: RecurrentAttributes, _ inputs: KernelInputs, gates: Int) throws(KernelError) {
        let data = try inputs.required(0)
        guard data.shape.rank == 3 else { throw .shapeMismatch("the input must have rank 3 but has \(data.shape)") }
        batchFirst = attributes.batchFirst
        elementType = data.elementType
        steps = data.shape[batchFirst ? 1 : 0]
        batch = data.shape[batchFirst ? 0 : 1]
        directions = attributes.direction == .bidirectional ? 2 : 1
        hidden = attributes.hiddenSize
        self.gates = gates
        guard hidden >= 1, hidden <= 1 << 24 else {
            throw .invalidArgument("the hidden size \(hidden) must lie within 1...\(1 << 24)")
        }
        let inputSize = data.shape[2]
        let rows = gates * hidden
        let weight = try Self.parameter(inputs, 1, shape: [directions, rows, inputSize])
        let recurrent = try Self.parameter(inputs, 2, shape: [directions, rows, hidden])
        let timeFirst = batchFirst ? Self.swapped(data) : data
        let flat = timeFirst.widened(to: T.self).reshaped(
            to: try KernelShapes.output([steps * batch, inputSize], T.elementType))
        let projectedShape = try KernelShapes.output([steps * batch, rows], T.elementType)
        _ = try KernelShapes.output([steps, directions, batch, hidden], T.elementType)
        projected = (0..<directions).map { direction in
            let matrix = Self.transposed(weight, direction)
            return ReferenceKernels.multiply(flat, matrix, shape: projectedShape, T.self).elements(as: T.self)
        }
        recurrence = (0..<directions).map { Self.transposed(recurrent, $0) }
        bias = try Self.optional(inputs, 3, [directions, 2 * rows], directions: directions)
        let state = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
        let stateShape = try KernelShapes.output(state, T.elementType)
        initialHidden = try Self.states(inputs, 5, stateShape, batchFirst, directions: directions)
        initialCell = gates == 4 ? try Self.states(inputs, 6, stateShape, batchFirst, directions: directions) : []
        peepholes =
            gates == 4 ? try Self.optional(inputs, 7, [directions, 3 * hidden], directions: directions) : []
        lengths = try Self.sequenceLengths(inputs, steps: steps, batch: batch)
    }

    private static func sequenceLengths(_ inputs: KernelInputs, steps: Int, batch: Int) throws(KernelError) -> [Int] {
        guard let lengths = inputs.optional(4) else { return [Int](repeating: steps, count: batch) }
        let values = lengths.elements(as: Int32.self).map(Int.init)
        guard lengths.shape.dimensions == [batch], values.allSatisfy({ $0 >= 0 && $0 <= steps }) else {
            throw .invalidArgument("the sequence lengths \(values) must be \(batch) numbers within 0...\(steps)")
        }
        return values
    }

    private static func parameter(
        _ inputs: KernelInputs, _ index: Int, shape: [Int]
    ) throws(KernelError) -> Tensor {
        let tensor = try inputs.required(index)
        guard tensor.shape.dimensions == shape else {
            throw .shapeMismatch("input \(index) has shape \(tensor.shape) where \(shape) is needed")
        }
        return tensor
    }

    /// An optional input with one row per direction; zeros when it is absent.
    private static func optional(
        _ inputs: KernelInputs, _ index: Int, _ shape: [Int], directions: Int
    ) throws(KernelError) -> [[T]] {
        var values = [T](repeating: 0, count: KernelShapes.count(shape[...]))
        if inputs.optional(index) != nil {
            values = try parameter(inputs, index, shape: shape).widened(to: T.self).elements(as: T.self)
        }
        let size = values.count / directions
        return (0..<directions).map { Array(values[$0 * size..<($0 + 1) * size]) }
    }

    private static func states(
        _ inputs: KernelInputs, _ index: Int, _ shape: Shape, _ batchFirst: Bool, directions: Int
    ) throws(KernelError) -> [[T]] {
        guard batchFirst, inputs.optional(index) != nil else {
            return try optional(inputs, index, shape.dimensions, directions: directions)
        }
        let tensor = swapped(try parameter(inputs, index, shape: shape.dimensions))
        return try optional(
            KernelInputs(tensors: [tensor]), 0, tensor.shape.dimensions, directions: directions)
    }

    /// The tensor with its first two axes exchanged.
    private static func swapped(_ tensor: Tensor) -> Tensor {
        let shape = tensor.shape
        let strides = shape.rowMajorStrides
        return ElementMoves.gather(
            tensor, shape: Shape([shape[1], shape[0]] + shape.dimensions[2...]),
            strides: [strides[1], strides[0]] + strides[2...], offset: 0)
    }

    /// One direction of a [directions, rows, columns] parameter, transposed.
    private static func transposed(_ parameter: Tensor, _ direction: Int) -> Tensor {
        let (rows, columns) = (parameter.shape[1], parameter.shape[2])
        return ElementMoves.gather(
            parameter.widened(to: T.self), shape: [columns, rows], strides: [1, columns],
            offset: direction * rows * columns)
    }

    /// Whether a direction goes backward in time.
    func isReverse(_ direction: Int, _ attributes: RecurrentAttributes) -> Bool {
        attributes.direction == .reverse || direction == 1
    }

    /// The time of a sample's step, or `nil` after its end.
    func time(of step: Int, sample: Int, reverse: Bool) -> Int? {
        guard step < lengths[sample] else { return nil }
        return reverse ? lengths[sample] - 1 - step : step
    }

    /// A sample's hidden states times part of R: [batch, columns].
    func multiply(_ state: [T], _ matrix: Tensor) -> [T] {
        let left = Tensor(shape: [batch, hidden], elements: state)
        return ReferenceKernels.multiply(left, matrix, shape: [batch, matrix.shape[1]], T.self).elements(as: T.self)
    }

    /// The output sequence Y from its time-first form [steps, directions, batch, hidden].
    func sequenceOutput(_ values: [T]) -> Tensor {
        let tensor = Tensor(shape: [steps, directions, batch, hidden], elements: values)
        guard batchFirst else { return tensor.narrowed(to: elementType) }
        let strides = tensor.shape.rowMajorStrides
        return ElementMoves.gather(
            tensor, shape: [batch, steps, directions, hidden],
            strides: [strides[2], strides[0], strides[1], strides[3]], offset: 0
        ).narrowed(to: elementType)
    }

    /// A final state from one [batch, hidden] list per direction; zero for samples without a step, as in ONNX Runtime.
    func stateOutput(_ states: [[T]]) -> Tensor {
        let values = states.flatMap { state in
            state.indices.map { lengths[$0 / hidden] == 0 ? 0 : state[$0] }
        }
        let tensor = Tensor(shape: [directions, batch, hidden], elements: values)
        return (batchFirst ? Self.swapped(tensor) : tensor).narrowed(to: elementType)
    }
}
