/// Exponential moving average of the batches' ranges.
enum MovingAverageRange {
    /// Folds the ranges in batch order; `nil` without a batch that has a finite element.
    ///
    /// The first batch is taken as it is; each later one gives `new = momentum * old + (1 - momentum) * batch`, with
    /// every operation rounded to `Float` as MegEngine does.
    static func select(_ batches: [BatchRange], momentum: Float) -> TensorRange? {
        let ranges = batches.compactMap(\.range)
        guard let first = ranges.first else { return nil }
        var (minimum, maximum) = (first.minimum, first.maximum)
        for range in ranges.dropFirst() {
            minimum = minimum * momentum + (1 - momentum) * range.minimum
            maximum = maximum * momentum + (1 - momentum) * range.maximum
        }
        return TensorRange(minimum: minimum, maximum: maximum)
    }
}
