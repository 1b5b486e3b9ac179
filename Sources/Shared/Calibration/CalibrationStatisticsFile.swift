import Quantization
public import Tensors

// The file format: a safetensors file with these entries for each tensor NAME, and the digests as metadata.
//
//   NAME.counts            U64 [5]      total, zeros, NaN, +infinity, -infinity
//   NAME.range             F32 [2]      minimum, maximum; [0] without a finite element
//   NAME.batch_index       U64 [k]      increasing
//   NAME.batch_range       F32 [k, 2]   minimum, maximum; NaN, NaN without a finite element
//   NAME.histogram         U64 [n]      counts by bin; absent when not collected
//   NAME.histogram_origin  I64 [2]      exponent e and index f: entry i counts values in [(f+i) 2^e, (f+i+1) 2^e)
//   NAME.ranged_histogram  F32 [n]      counts by bin of MegEngine's or PyTorch's form; absent unless a second pass counted them
//   NAME.ranged_rule       I64 [2]      form (1 MegEngine, 2 PyTorch) and upsampling rate; the range follows from the batches'
extension CalibrationStatistics {
    private static let format = StatisticsFile.Format(
        name: "tare-statistics", version: "1", subject: "calibration statistics")

    private enum Metadata {
        static let modelDigest = "model_digest"
        static let planDigest = "plan_digest"
    }

    /// One kind of entry that a tensor has.
    private enum Entry: String, CaseIterable {
        case counts
        case range
        case batchIndex = "batch_index"
        case batchRange = "batch_range"
        case histogram
        case histogramOrigin = "histogram_origin"
        case rangedHistogram = "ranged_histogram"
        case rangedRule = "ranged_rule"

        func key(_ tensor: String) -> String { "\(tensor).\(rawValue)" }
    }

    /// The canonical bytes: a safetensors file that NumPy reads too.
    public func encoded() throws(CalibrationStatisticsError) -> [UInt8] {
        try CalibrationStatisticsError.inFile { () throws(StatisticsFileError) in try file.encoded() }
    }

    /// Writes the canonical bytes to a file, whole or not at all.
    public func write(to path: String) throws(CalibrationStatisticsError) {
        try CalibrationStatisticsError.inFile { () throws(StatisticsFileError) in try file.write(to: path) }
    }

    /// Whether a safetensors file says that it holds statistics, of whatever version.
    public static func isEncoded(in file: Safetensors) -> Bool { format.isFound(in: file) }

    /// Reads a file.
    public init(path: String) throws(CalibrationStatisticsError) {
        try self.init(
            CalibrationStatisticsError.inFile { () throws(StatisticsFileError) in
                try StatisticsFile(Self.format, path: path)
            })
    }

    /// Reads an open file.
    ///
    /// - Throws: When it holds no statistics, or they contradict themselves in any way.
    public init(_ file: Safetensors) throws(CalibrationStatisticsError) {
        try self.init(
            CalibrationStatisticsError.inFile { () throws(StatisticsFileError) in try StatisticsFile(Self.format, file)
            })
    }

    /// Reads the bytes of a file; `name` says in errors what they are.
    ///
    /// - Throws: When they are no statistics, or contradict themselves in any way.
    public init(decoding bytes: [UInt8], name: String) throws(CalibrationStatisticsError) {
        try self.init(
            CalibrationStatisticsError.inFile { () throws(StatisticsFileError) in
                try StatisticsFile(Self.format, decoding: bytes, name: name)
            })
    }

    private var file: StatisticsFile {
        var entries: [String: Tensor] = [:]
        for (name, statistics) in tensors {
            for (entry, tensor) in Self.entries(of: statistics) { entries[entry.key(name)] = tensor }
        }
        return StatisticsFile(
            Self.format, tensors: entries,
            metadata: [Metadata.modelDigest: modelDigest, Metadata.planDigest: planDigest])
    }

    /// The forms by their number in files.
    private static let rangedForms: [ObserverSpecification.HistogramForm] = [.exact, .megengine, .torch]

    private static func entries(of statistics: TensorStatistics) -> [(Entry, Tensor)] {
        let counts = statistics.counts
        let batches = statistics.batches
        let range = statistics.range.map { [$0.minimum, $0.maximum] } ?? []
        let batchRanges = batches.flatMap { $0.range.map { [$0.minimum, $0.maximum] } ?? [.nan, .nan] }
        let countList = [
            counts.total, counts.zeros, counts.nans, counts.positiveInfinities, counts.negativeInfinities,
        ]
        var entries: [(Entry, Tensor)] = [
            (.counts, Tensor(shape: [5], elements: countList)),
            (.range, Tensor(shape: Shape([range.count]), elements: range)),
            (.batchIndex, Tensor(shape: Shape([batches.count]), elements: batches.map(\.batchIndex))),
            (.batchRange, Tensor(shape: Shape([batches.count, 2]), elements: batchRanges)),
        ]
        if let histogram = statistics.histogram {
            let origin = [Int64(histogram.exponent), Int64(histogram.firstBin)]
            entries.append(
                (.histogram, Tensor(shape: Shape([histogram.counts.count]), elements: histogram.counts)))
            entries.append((.histogramOrigin, Tensor(shape: [2], elements: origin)))
        }
        if let ranged = statistics.rangedHistogram {
            let rule = [rangedForms.firstIndex(of: ranged.ranges.form) ?? 0, ranged.ranges.upsampleRate]
            entries.append(
                (.rangedHistogram, Tensor(shape: Shape([ranged.counts.count]), elements: ranged.counts)))
            entries.append((.rangedRule, Tensor(shape: [2], elements: rule.map(Int64.init))))
        }
        return entries
    }

    private init(_ file: StatisticsFile) throws(CalibrationStatisticsError) {
        let (modelDigest, planDigest, names) = try CalibrationStatisticsError.inFile { () throws(StatisticsFileError) in
            (
                try file.metadata(Metadata.modelDigest), try file.metadata(Metadata.planDigest),
                try file.names { Entry(rawValue: $0) != nil }
            )
        }
        var tensors: [String: TensorStatistics] = [:]
        for name in names { tensors[name] = try Self.statistics(of: name, in: file) }
        try self.init(modelDigest: modelDigest, planDigest: planDigest, tensors: tensors)
    }

    private static func statistics(
        of name: String, in file: StatisticsFile
    ) throws(CalibrationStatisticsError) -> TensorStatistics {
        let counts = try elements(.counts, of: name, in: file, as: UInt64.self, shape: [5])
        let range = try ranges(.range, of: name, in: file, allowsNone: false)
        guard range.count <= 1 else { throw .file(.malformedEntry(Entry.range.key(name))) }
        let indices = try elements(.batchIndex, of: name, in: file, as: UInt64.self)
        let batchRanges = try ranges(.batchRange, of: name, in: file, allowsNone: true)
        guard indices.count == batchRanges.count else { throw .file(.malformedEntry(Entry.batchRange.key(name))) }
        let elementCounts = ElementCounts(
            total: counts[0], zeros: counts[1], nans: counts[2], positiveInfinities: counts[3],
            negativeInfinities: counts[4])
        let histogram = try histogram(of: name, in: file)
        let ranged = try rangedHistogram(of: name, batches: batchRanges, in: file)
        do {
            return try TensorStatistics(
                counts: elementCounts, range: range.first ?? nil, histogram: histogram,
                batches: zip(indices, batchRanges).map { BatchRange(batchIndex: $0, range: $1) },
                rangedHistogram: ranged)
        } catch {
            throw .tensor(name, error)
        }
    }

    private static func histogram(
        of name: String, in file: StatisticsFile
    ) throws(CalibrationStatisticsError) -> DyadicHistogram? {
        let isCollected = file.hasEntry(Entry.histogram.key(name))
        guard isCollected || file.hasEntry(Entry.histogramOrigin.key(name)) else { return nil }
        let counts = try elements(.histogram, of: name, in: file, as: UInt64.self)
        let origin = try elements(.histogramOrigin, of: name, in: file, as: Int64.self, shape: [2])
        do {
            return try DyadicHistogram(
                checkingExponent: Int(origin[0]), firstBin: Int(origin[1]), counts: counts)
        } catch {
            throw .histogram(name, error)
        }
    }

    private static func rangedHistogram(
        of name: String, batches: [TensorRange?], in file: StatisticsFile
    ) throws(CalibrationStatisticsError) -> RangedHistogram? {
        let isCounted = file.hasEntry(Entry.rangedHistogram.key(name))
        guard isCounted || file.hasEntry(Entry.rangedRule.key(name)) else { return nil }
        let counts = try elements(.rangedHistogram, of: name, in: file, as: Float.self)
        let numbers = try elements(.rangedRule, of: name, in: file, as: Int64.self, shape: [2])
        guard let form = Int(exactly: numbers[0]), rangedForms.indices.contains(form),
            let rule = HistogramRule(
                form: rangedForms[form], binCount: counts.count, upsampleRate: Int(clamping: numbers[1])),
            let ranged = RangedHistogram(rule, batches: batches, counts: counts)
        else { throw .file(.malformedEntry(Entry.rangedRule.key(name))) }
        return ranged
    }

    /// The elements of an entry, after its type and shape (one-dimensional when none is given) were checked.
    private static func elements<Element: TensorElement>(
        _ entry: Entry, of name: String, in file: StatisticsFile, as type: Element.Type, shape: Shape? = nil
    ) throws(CalibrationStatisticsError) -> [Element] {
        try CalibrationStatisticsError.inFile { () throws(StatisticsFileError) in
            try file.elements(entry.key(name), as: type, shape: shape)
        }
    }

    /// The ranges of an entry of shape [2], [0] or [k, 2].
    private static func ranges(
        _ entry: Entry, of name: String, in file: StatisticsFile, allowsNone: Bool
    ) throws(CalibrationStatisticsError) -> [TensorRange?] {
        let key = entry.key(name)
        let tensor = try CalibrationStatisticsError.inFile { () throws(StatisticsFileError) in try file.tensor(key) }
        let expectedRank = allowsNone ? 2 : 1
        guard tensor.elementType == .float32, tensor.shape.rank == expectedRank,
            tensor.shape.dimensions.last == 2 || tensor.shape.dimensions == [0]
        else { throw .file(.malformedEntry(key)) }
        let ends = tensor.elements(as: Float.self)
        var ranges: [TensorRange?] = []
        for index in stride(from: 0, to: ends.count, by: 2) {
            let (minimum, maximum) = (ends[index], ends[index + 1])
            if allowsNone, minimum.isNaN, maximum.isNaN {
                ranges.append(nil)
            } else {
                guard let range = TensorRange(checking: minimum, maximum) else { throw .file(.malformedEntry(key)) }
                ranges.append(range)
            }
        }
        return ranges
    }
}
