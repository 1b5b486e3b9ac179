extension CalibrationMethod {
    /// Chooses the range of a tensor from its statistics alone; deterministic.
    ///
    /// Every method's range lies within the observed minimum and maximum, and a method that searches never returns a range
    /// that is worse by its own measure than the observed one. Histograms of other systems are the exception: MegEngine widens the
    /// range, and the range is what it gives.
    public func selectRange(
        _ statistics: TensorStatistics, scheme: QuantizationScheme
    ) throws(RangeSelectionError) -> SelectedRange {
        guard scheme.granularity == .perTensor else { throw .perChannelActivation }
        let counts = statistics.counts
        guard counts.nans == 0 else { throw .notANumber(count: counts.nans) }
        guard counts.positiveInfinities == 0, counts.negativeInfinities == 0 else {
            throw .infinite(count: counts.positiveInfinities + counts.negativeInfinities)
        }
        guard let observed = statistics.range else { throw .nothingObserved }
        guard observed.minimum < observed.maximum else {
            return SelectedRange(range: observed, warnings: [.constant(observed.minimum)])
        }
        return SelectedRange(range: try range(of: statistics, observed: observed, scheme: scheme))
    }

    private func range(
        of statistics: TensorStatistics, observed: TensorRange, scheme: QuantizationScheme
    ) throws(RangeSelectionError) -> TensorRange {
        let zeros = statistics.counts.zeros
        switch self {
        case .minmax:
            return observed
        case .ema(let momentum):
            guard let range = MovingAverageRange.select(statistics.batches, momentum: momentum) else {
                throw .nothingObserved
            }
            return range
        case .histogram:
            return SquaredErrorRange.select(
                try histogram(of: statistics), zeros: zeros, observed: observed, scheme: scheme)
        case .rangedHistogram(let rule):
            guard let ranged = statistics.rangedHistogram, ranged.rule == rule else { throw .noRangedHistogram(self) }
            return ranged.selectRange(levels: scheme.levelCount) ?? observed
        case .percentile(let percentage):
            return PercentileRange.select(
                try histogram(of: statistics), percentage: percentage, observed: observed, scheme: scheme)
        case .entropy:
            return EntropyRange.select(
                try histogram(of: statistics), zeros: zeros, observed: observed, scheme: scheme)
        case .mse:
            return MeanSquaredErrorRange.select(
                try histogram(of: statistics), zeros: zeros, observed: observed, scheme: scheme)
        }
    }

    private func histogram(of statistics: TensorStatistics) throws(RangeSelectionError) -> DyadicHistogram {
        guard let histogram = statistics.histogram else { throw .noHistogram(self) }
        return histogram
    }
}

extension QuantizationScheme {
    /// Number of integers that other systems count with: all of the type, without the smallest when the range is narrow.
    fileprivate var levelCount: Int {
        Int(type.maximum - type.minimum) + (type.isSigned && narrowRange ? 0 : 1)
    }
}

extension RangedHistogram {
    /// The part of the range with the smallest squared error; `nil` before the first batch.
    fileprivate func selectRange(levels: Int) -> TensorRange? {
        guard let range = ranges.range else { return nil }
        let (minimum, maximum) = HistogramRangeSearch.select(self, in: range, levels: levels)
        // The search works in `Float`: a range near the largest numbers may come out infinite.
        return TensorRange(checking: minimum, maximum) ?? range
    }
}
