/// An observer of one tensor: its recipe, what it has seen, and whether it looks.
///
/// A value: nothing is shared, and batches are taken in with `observe` in their order. Only finite elements count.
public struct ObserverState: Sendable, Hashable {
    /// What has been seen.
    enum Statistics: Sendable, Hashable {
        /// The minimum exceeds the maximum before the first batch.
        case extremes(minimum: Float, maximum: Float)
        case averages(MovingAverages)
        case ranged(RangedHistogram)
        case lattice(LatticeHistogram)
        case passive(PassiveParameters?)
    }

    /// The recipe.
    public let specification: ObserverSpecification
    /// Whether batches are taken in.
    public var isEnabled = true
    var statistics: Statistics

    /// Makes an observer that has seen nothing.
    public init(_ specification: ObserverSpecification) {
        self.specification = specification
        switch specification.algorithm {
        case .minMax:
            statistics = .extremes(minimum: .greatestFiniteMagnitude, maximum: -.greatestFiniteMagnitude)
        case .exponentialMovingAverage(let momentum): statistics = .averages(MovingAverages(momentum: momentum))
        case .histogram(_, _, .exact): statistics = .lattice(LatticeHistogram())
        case .histogram(let bins, let upsampleRate, let form):
            statistics = .ranged(
                RangedHistogram(HistogramRanges(form: form, binCount: bins, upsampleRate: upsampleRate)))
        case .passive: statistics = .passive(nil)
        }
    }

    /// Whether a batch's extremes are not enough for `observe`.
    public var needsElements: Bool {
        switch statistics {
        case .ranged, .lattice: true
        case .extremes, .averages, .passive: false
        }
    }

    /// Takes in a batch, when enabled; one without a finite element changes nothing.
    public mutating func observe(_ elements: Span<Float>) {
        guard isEnabled else { return }
        switch statistics {
        case .extremes, .averages:
            if let batch = TensorRange(finiteElementsOf: elements) { fold(batch) }
        case .ranged(var histogram):
            guard let batch = TensorRange(finiteElementsOf: elements) else { return }
            histogram.add(batch, counts: histogram.bins(for: batch).counts(of: elements))
            statistics = .ranged(histogram)
        case .lattice(var histogram):
            histogram.add(elements)
            statistics = .lattice(histogram)
        case .passive: break
        }
    }

    /// Takes in a batch of which only the extremes are known, when enabled; a minimum above the maximum means nothing was finite.
    ///
    /// - Throws: For histograms, and for numbers that are not finite.
    public mutating func observe(batchMinimum minimum: Float, maximum: Float) throws(ObserverError) {
        guard isEnabled else { return }
        guard !needsElements else { throw .elementsNeeded }
        guard minimum.isFinite else { throw .stateValue("min_val", minimum) }
        guard maximum.isFinite else { throw .stateValue("max_val", maximum) }
        if let batch = TensorRange(checking: minimum, maximum) { fold(batch) }
    }

    /// Takes in a batch that was counted elsewhere in the bins of its step (`HistogramRanges`), when enabled.
    ///
    /// - Throws: Unless this is a histogram of MegEngine's or PyTorch's form with as many bins.
    public mutating func observe(_ batch: TensorRange, counts: [UInt64]) throws(ObserverError) {
        guard case .ranged(var histogram) = statistics else { throw .elementsNeeded }
        guard counts.count == histogram.counts.count else {
            throw .stateTensor("histogram", found: "[\(counts.count)]", expected: "[\(histogram.counts.count)]")
        }
        guard isEnabled else { return }
        histogram.add(batch, counts: counts)
        statistics = .ranged(histogram)
    }

    /// Takes in what another observer of the form `exact` has seen, when enabled; the order does not matter.
    ///
    /// - Throws: Unless this is a histogram of the form `exact`.
    public mutating func merge(_ other: LatticeHistogram) throws(ObserverError) {
        guard case .lattice(var histogram) = statistics else { throw .elementsNeeded }
        guard isEnabled else { return }
        histogram.merge(other)
        statistics = .lattice(histogram)
    }

    /// Changes the momentum; the batch after the next is the first that it weighs, because each call uses that of the call before.
    public mutating func setMomentum(_ momentum: Float) throws(ObserverError) {
        guard case .averages(var averages) = statistics else { throw .noMomentum }
        guard (0...1).contains(momentum) else { throw .momentum(momentum) }
        averages.momentum = momentum
        statistics = .averages(averages)
    }

    /// The extremes that were seen; the largest and the smallest `Float` before the first batch.
    ///
    /// `nil` for a passive observer.
    public var extremes: (minimum: Float, maximum: Float)? {
        let range: TensorRange?
        switch statistics {
        case .extremes(let minimum, let maximum): return (minimum, maximum)
        case .averages(let averages): return (averages.minimum, averages.maximum)
        case .ranged(let histogram): range = histogram.ranges.range
        case .lattice(let histogram): range = histogram.range
        case .passive: return nil
        }
        return range.map { ($0.minimum, $0.maximum) } ?? (.greatestFiniteMagnitude, -.greatestFiniteMagnitude)
    }

    private mutating func fold(_ batch: TensorRange) {
        switch statistics {
        case .extremes(let minimum, let maximum):
            statistics = .extremes(minimum: min(minimum, batch.minimum), maximum: max(maximum, batch.maximum))
        case .averages(var averages):
            averages.fold(batch)
            statistics = .averages(averages)
        case .ranged, .lattice, .passive: break
        }
    }
}

/// Moving averages of the batches' extremes; every operation is rounded to `Float`.
struct MovingAverages: Sendable, Hashable {
    var minimum = Float.greatestFiniteMagnitude
    var maximum = -Float.greatestFiniteMagnitude
    /// The weight of what was seen before, from the batch after the next on.
    var momentum: Float
    /// The weight of what was seen before at the next batch; 0 at first, so that it is taken as it is.
    var runtimeMomentum: Float = 0

    init(momentum: Float) { self.momentum = momentum }

    mutating func fold(_ batch: TensorRange) {
        minimum = minimum * runtimeMomentum + (1 - runtimeMomentum) * batch.minimum
        maximum = maximum * runtimeMomentum + (1 - runtimeMomentum) * batch.maximum
        runtimeMomentum = momentum
    }
}

/// What a passive observer was set to.
struct PassiveParameters: Sendable, Hashable {
    var parameters: QParams
    /// The scale that it was set to first, for searches around it.
    var originalScale: Float
}
