import CKernels

extension StepMemory {
    /// y[i] = x[table[i]], or `fill` where the table is negative.
    func gather(_ x: Int, table index: Int, fill: Float = 0, to y: Int, count: Int) {
        unsafe tare_training_gather(floats(x), table(index), fill, floats(y), count)
    }

    /// y = 0, then y[table[i]] += x[i] in order.
    func scatter(_ x: Int, table index: Int, to y: Int, count: Int) {
        clear(y)
        unsafe tare_training_scatter_float(floats(x), table(index), floats(y), count)
    }

    /// y = factor times the sums of the groups that the table names, in double precision in the order of x; without a table element i is of
    /// group `i % groups`.
    func groupSums(
        _ x: Int, table index: Int?, factor: Double = 1, sums: Int, to y: Int, count: Int, groups: Int
    ) {
        guard groups > 1 || index != nil else {
            unsafe tare_training_total(floats(x), factor, floats(y), count)
            return
        }
        clear(sums)
        if let index {
            unsafe tare_training_scatter(floats(x), table(index), doubles(sums), count)
        } else {
            unsafe tare_training_period_sums(floats(x), groups, doubles(sums), count)
        }
        unsafe tare_training_round_sums(doubles(sums), factor, floats(y), groups)
    }

    /// Extremes of the groups that the table names, and where they are.
    func groupExtremes(_ x: Int, table index: Int, smallest: Bool, to y: Int, positions: Int, count: Int, groups: Int) {
        unsafe tare_training_extremes(
            floats(x), table(index), smallest ? 1 : 0, floats(y), table(positions), count, groups)
    }

    /// dx = 0 except dx[positions[g]] = dy[g].
    func place(_ dy: Int, positions: Int, to dx: Int, groups: Int, count: Int) {
        unsafe tare_training_place(floats(dy), table(positions), floats(dx), groups, count)
    }

    /// Copies `rows` runs of `width` elements.
    func copyRows(
        _ x: Int, offset: Int, stride: Int, to y: Int, offset target: Int, stride targetStride: Int, rows: Int,
        width: Int
    ) {
        guard let source = unsafe floats(x), let result = unsafe floats(y) else { return }
        unsafe tare_training_copy_rows(source + offset, stride, result + target, targetStride, rows, width)
    }

    /// Extents of a gather along one axis.
    struct Rows {
        let outer: Int
        let extent: Int
        let inner: Int
        let indexCount: Int
    }

    /// - Returns: The position of the first index out of range.
    func take(_ x: Int, indices: Int, _ rows: Rows, to y: Int) -> Int? {
        let wrong = unsafe tare_training_take(
            floats(x), integers(indices), rows.outer, rows.extent, rows.inner, rows.indexCount, floats(y))
        return wrong < 0 ? nil : Int(wrong)
    }

    func takeBackward(_ dy: Int, indices: Int, _ rows: Rows, to dx: Int) {
        unsafe tare_training_take_backward(
            floats(dy), integers(indices), rows.outer, rows.extent, rows.inner, rows.indexCount, floats(dx))
    }
}
