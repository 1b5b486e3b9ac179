import CKernels

extension StepMemory {
    /// One direction of an LSTM: extents and where its intermediate values lie, all in the order of time.
    struct Recurrence {
        let batch: Int
        let hidden: Int
        /// [T, N, 4 * H]: activated gates.
        let gates: Int
        /// [N, 4 * H].
        let recurrent: Int
        /// [D, 8 * H], from `biasOffset` on.
        let bias: Int?
        let biasOffset: Int
        /// [T, N, H]: the cell before each step, after it, and the hyperbolic tangent of the latter.
        let oldCells: Int
        let cells: Int
        let squashed: Int
        /// [T, N, H]: the state after each step.
        let states: Int
    }

    func lstmCell(_ recurrence: Recurrence, time: Int) {
        let count = recurrence.batch * recurrence.hidden
        let bias = unsafe floats(recurrence.bias).map { unsafe UnsafePointer($0 + recurrence.biasOffset) }
        guard let gates = unsafe floats(recurrence.gates), let old = unsafe floats(recurrence.oldCells),
            let cells = unsafe floats(recurrence.cells), let squashed = unsafe floats(recurrence.squashed),
            let states = unsafe floats(recurrence.states)
        else { return }
        unsafe tare_training_lstm_cell(
            gates + time * count * 4, floats(recurrence.recurrent), bias, old + time * count, cells + time * count,
            squashed + time * count, states + time * count, recurrence.batch, recurrence.hidden)
    }

    /// `dstate` and `dcell` are [N, H], `dgates` is [T, N, 4 * H].
    func lstmCellBackward(_ recurrence: Recurrence, time: Int, dstate: Int, dcell: Int, dgates: Int) {
        let count = recurrence.batch * recurrence.hidden
        guard let gates = unsafe floats(recurrence.gates), let old = unsafe floats(recurrence.oldCells),
            let squashed = unsafe floats(recurrence.squashed), let target = unsafe floats(dgates)
        else { return }
        unsafe tare_training_lstm_cell_backward(
            gates + time * count * 4, old + time * count, squashed + time * count, floats(dstate), floats(dcell),
            target + time * count * 4, recurrence.batch, recurrence.hidden)
    }

    /// Adds `count` elements of x from `offset` on to those of y from its start on.
    func add(_ x: Int, offset: Int, to y: Int, count: Int) {
        guard let source = unsafe floats(x), let target = unsafe floats(y) else { return }
        unsafe tare_training_add(target, source + offset, target, count)
    }
}
