public import Quantization

/// What the second pass of a calibration gives: how many elements of each batch lie in each bin of the batch's step.
///
/// Merging is a union of batches: exact, associative and commutative, and the encoding is canonical. Only the whole becomes a histogram,
/// because the counts of MegEngine's and PyTorch's histograms depend on the order of the batches.
public struct HistogramCounts: Sendable, Hashable {
    /// Counts of one tensor: a row of `binCount` counts for each batch.
    public struct Rows: Sendable, Hashable {
        /// Number of bins.
        public let binCount: Int
        /// The rows one after the other.
        public let counts: [UInt32]

        /// Takes rows.
        public init(binCount: Int, counts: [UInt32]) {
            self.binCount = binCount
            self.counts = counts
        }

        /// One row.
        func row(_ index: Int) -> ArraySlice<UInt32> { counts[index * binCount..<(index + 1) * binCount] }
    }

    /// Digest of the model that was run.
    public let modelDigest: String
    /// Digest of the plan that defines the batches, and with them the steps.
    public let planDigest: String
    /// The batches that were counted, in increasing order.
    public let batchIndices: [UInt64]
    /// The counts by the tensor's name in the model.
    public let tensors: [String: Rows]

    /// Makes counts and checks that there is a row for each batch.
    public init(
        modelDigest: String, planDigest: String, batchIndices: [UInt64], tensors: [String: Rows]
    ) throws(HistogramCountsError) {
        guard !tensors.isEmpty else { throw .noTensors }
        for (previous, next) in zip(batchIndices, batchIndices.dropFirst()) where previous >= next {
            throw .batchesNotSorted(next)
        }
        for (name, rows) in tensors.sorted(by: { $0.key < $1.key }) {
            let (expected, overflow) = rows.binCount.multipliedReportingOverflow(by: batchIndices.count)
            guard rows.binCount > 0, !overflow, rows.counts.count == expected else { throw .malformed(tensor: name) }
        }
        self.modelDigest = modelDigest
        self.planDigest = planDigest
        self.batchIndices = batchIndices
        self.tensors = tensors
    }

    /// The counts of the batches of both.
    ///
    /// - Throws: When model, plan, tensors or bins differ, or a batch occurs in both.
    public func merging(_ other: HistogramCounts) throws(HistogramCountsError) -> HistogramCounts {
        guard modelDigest == other.modelDigest else { throw .modelsDiffer(modelDigest, other.modelDigest) }
        guard planDigest == other.planDigest else { throw .plansDiffer(planDigest, other.planDigest) }
        let order = try order(with: other)
        var merged: [String: Rows] = [:]
        for name in Set(tensors.keys).union(other.tensors.keys).sorted() {
            guard let left = tensors[name], let right = other.tensors[name], left.binCount == right.binCount else {
                throw .tensorsDiffer(name)
            }
            var counts: [UInt32] = []
            counts.reserveCapacity(left.counts.count + right.counts.count)
            for place in order { counts += place.isOwn ? left.row(place.row) : right.row(place.row) }
            merged[name] = Rows(binCount: left.binCount, counts: counts)
        }
        return try HistogramCounts(
            modelDigest: modelDigest, planDigest: planDigest,
            batchIndices: order.map { $0.isOwn ? batchIndices[$0.row] : other.batchIndices[$0.row] }, tensors: merged)
    }

    /// Where the rows of the merged counts come from.
    private func order(
        with other: HistogramCounts
    ) throws(HistogramCountsError) -> [(isOwn: Bool, row: Int)] {
        var order: [(isOwn: Bool, row: Int)] = []
        var (own, others) = (0, 0)
        while own < batchIndices.count || others < other.batchIndices.count {
            let next = own < batchIndices.count ? batchIndices[own] : .max
            let theirs = others < other.batchIndices.count ? other.batchIndices[others] : .max
            guard next != theirs else { throw .duplicateBatch(next) }
            order.append((next < theirs, next < theirs ? own : others))
            if next < theirs { own += 1 } else { others += 1 }
        }
        return order
    }
}

extension CalibrationStatistics {
    /// What the second pass has to know of one batch of a tensor.
    public struct CountedBatch: Sendable, Hashable {
        /// The extremes in the first pass.
        public let range: TensorRange
        /// The bins that the batch is counted in.
        public let bins: HistogramBins
    }

    /// How each batch of a tensor is counted in the second pass.
    ///
    /// - Parameters:
    ///   - tensor: Name of the tensor.
    ///   - rule: Whose histogram.
    /// - Returns: By batch index; batches without a finite element are left out. `nil` when the tensor was not observed.
    public func countedBatches(of tensor: String, _ rule: HistogramRule) -> [UInt64: CountedBatch]? {
        guard let batches = tensors[tensor]?.batches else { return nil }
        var ranges = rule.ranges
        var result: [UInt64: CountedBatch] = [:]
        for batch in batches {
            guard let range = batch.range else { continue }
            result[batch.batchIndex] = CountedBatch(range: range, bins: ranges.advance(to: range).bins)
        }
        return result
    }

    /// The statistics with the histograms of the second pass, which are those that one process would have.
    ///
    /// - Parameters:
    ///   - counts: The counts of all batches.
    ///   - rules: Whose histogram of each counted tensor.
    /// - Returns: What else was gathered, with a histogram of each counted tensor.
    /// - Throws: When the counts are of another model, of other batches or tensors, or do not add up.
    public func adding(
        _ counts: HistogramCounts, _ rules: [String: HistogramRule]
    ) throws(HistogramCountsError) -> CalibrationStatistics {
        guard counts.modelDigest == modelDigest else { throw .modelsDiffer(counts.modelDigest, modelDigest) }
        guard counts.batchIndices == batchIndices else { throw .otherBatches }
        var tensors = tensors
        for (name, rule) in rules.sorted(by: { $0.key < $1.key }) {
            guard let rows = counts.tensors[name], rows.binCount == rule.binCount, let observed = tensors[name] else {
                throw .tensorsDiffer(name)
            }
            do {
                tensors[name] = try observed.adding(
                    rule, counts: batchIndices.indices.map { rows.row($0).map(UInt64.init) })
            } catch {
                throw .tensor(name, error)
            }
        }
        do {
            return try CalibrationStatistics(modelDigest: modelDigest, planDigest: planDigest, tensors: tensors)
        } catch {
            throw .statistics(error)
        }
    }
}
