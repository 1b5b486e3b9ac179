public import Tensors

extension ObserverState {
    /// Restores an observer from a state dictionary; the tensors are in the order of `ObserverSpecification.stateKeys`.
    ///
    /// - Throws: When there are others than `tensors` gives, or when numbers are impossible.
    public init(_ specification: ObserverSpecification, tensors: [Tensor]) throws(ObserverError) {
        self.init(specification)
        let keys = specification.stateKeys
        guard tensors.count == keys.count else { throw .stateCount(tensors.count, expected: keys) }
        let first = try StateTensor.scalar(tensors[0], key: keys[0])
        let second = try StateTensor.scalar(tensors[1], key: keys[1])
        switch statistics {
        case .extremes: statistics = .extremes(minimum: first, maximum: second)
        case .averages(var averages):
            averages.minimum = first
            averages.maximum = second
            averages.momentum = try Self.momentum(tensors[2], key: keys[2])
            averages.runtimeMomentum = try Self.momentum(tensors[3], key: keys[3])
            statistics = .averages(averages)
        case .ranged(let empty):
            statistics = .ranged(try Self.ranged(empty, first, second, tensors[2], key: keys[2]))
        case .lattice: statistics = .lattice(try Self.lattice(first, second, tensors[2], key: keys[2]))
        case .passive: try restorePassive(scale: first, zeroPoint: second)
        }
    }

    /// The state for a state dictionary, in the order of `ObserverSpecification.stateKeys`.
    ///
    /// float32 [1] each; a minimum above the maximum and a scale of 0 say that there is nothing yet. The histogram is float32 with a
    /// count for each bin, -1 in the first bin when empty; of the form `exact` it is int64 [4097]: the counts of the lattice's bins from that
    /// of the minimum on, and last the number of exact zeros.
    public var tensors: [Tensor] {
        let (minimum, maximum) = extremes ?? (0, 0)
        let ends = [StateTensor.scalar(minimum), StateTensor.scalar(maximum)]
        switch statistics {
        case .extremes: return ends
        case .averages(let averages):
            return ends + [StateTensor.scalar(averages.momentum), StateTensor.scalar(averages.runtimeMomentum)]
        case .ranged(let histogram):
            var counts = histogram.counts
            if histogram.ranges.range == nil { counts[0] = -1 }
            return ends + [Tensor(shape: [counts.count], elements: counts)]
        case .lattice(let histogram):
            var counts = [Int64](repeating: 0, count: DyadicLattice.maximumBinCount + 1)
            for (bin, count) in histogram.histogram.counts.enumerated() { counts[bin] = Int64(clamping: count) }
            counts[DyadicLattice.maximumBinCount] = Int64(clamping: histogram.zeros)
            return ends + [Tensor(shape: [counts.count], elements: counts)]
        case .passive(let passive):
            return [
                StateTensor.scalar(passive?.parameters.scale ?? 0),
                StateTensor.scalar(Float(passive?.parameters.zeroPoint ?? 0)),
            ]
        }
    }

    private static func momentum(_ tensor: Tensor, key: String) throws(ObserverError) -> Float {
        let momentum = try StateTensor.scalar(tensor, key: key)
        guard (0...1).contains(momentum) else { throw .momentum(momentum) }
        return momentum
    }

    private static func ranged(
        _ empty: RangedHistogram, _ minimum: Float, _ maximum: Float, _ tensor: Tensor, key: String
    ) throws(ObserverError) -> RangedHistogram {
        let counts = try StateTensor.floats(tensor, key: key, count: empty.counts.count)
        guard counts[0] >= 0, minimum <= maximum else { return empty }
        for count in counts where !(count >= 0 && count.isFinite) { throw .stateValue(key, count) }
        guard let range = TensorRange(checking: minimum, maximum) else {
            throw .stateValue("max_val", maximum.isFinite ? minimum : maximum)
        }
        let ranges = empty.ranges
        return RangedHistogram(
            HistogramRanges(
                form: ranges.form, binCount: ranges.binCount, upsampleRate: ranges.upsampleRate, range: range),
            counts: counts)
    }

    private static func lattice(
        _ minimum: Float, _ maximum: Float, _ tensor: Tensor, key: String
    ) throws(ObserverError) -> LatticeHistogram {
        let binCount = DyadicLattice.maximumBinCount
        let integers = try StateTensor.integers(tensor, key: key, count: binCount + 1)
        guard minimum <= maximum else { return LatticeHistogram() }
        guard let range = TensorRange(checking: minimum, maximum) else {
            throw .stateValue("max_val", maximum.isFinite ? minimum : maximum)
        }
        for count in integers where count < 0 { throw .stateValue(key, Float(count)) }
        let exponent = DyadicLattice.exponent(covering: range)
        let first = DyadicLattice.bin(of: range.minimum, exponent: exponent)
        let last = DyadicLattice.bin(of: range.maximum, exponent: exponent)
        let counts = integers.map { UInt64($0) }
        let zeros = counts[binCount]
        guard counts[0] > 0, counts[last - first] > 0,
            !counts[(last - first + 1)..<binCount].contains(where: { $0 > 0 }),
            zeros == 0 || ((first...last).contains(0) && zeros <= counts[-first])
        else { throw .stateValue(key, Float(zeros)) }
        do {
            let histogram = try DyadicHistogram(
                checkingExponent: exponent, firstBin: first, counts: Array(counts[0...(last - first)]))
            return LatticeHistogram(histogram, range: range, zeros: zeros)
        } catch {
            throw .stateValue(key, .infinity)
        }
    }

    private mutating func restorePassive(scale: Float, zeroPoint: Float) throws(ObserverError) {
        guard scale != 0 else { return }
        guard let integer = Int32(exactly: zeroPoint) else { throw .stateValue("zero_point", zeroPoint) }
        switch specification.mode {
        case .symmetric:
            guard integer == 0 else { throw .stateValue("zero_point", zeroPoint) }
            try setQuantParameters(QParams(specification.dtype, scale: scale))
        case .asymmetric: try setQuantParameters(QParams(specification.dtype, scale: scale, zeroPoint: integer))
        }
    }
}
