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
extension CalibrationStatistics {
    static let formatName = "tare-statistics"
    static let formatVersion = "1"

    private enum Metadata {
        static let format = "format"
        static let version = "version"
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

        func key(_ tensor: String) -> String { "\(tensor).\(rawValue)" }
    }

    /// The canonical bytes: a safetensors file that NumPy reads too.
    public func encoded() throws(CalibrationStatisticsError) -> [UInt8] {
        do {
            return try safetensors.encoded()
        } catch {
            throw .file(error)
        }
    }

    /// Writes the canonical bytes to a file, whole or not at all.
    public func write(to path: String) throws(CalibrationStatisticsError) {
        do {
            try safetensors.write(to: path)
        } catch {
            throw .file(error)
        }
    }

    /// Whether a safetensors file says that it holds statistics, of whatever version.
    public static func isEncoded(in file: Safetensors) -> Bool {
        file.metadata[Metadata.format] == formatName
    }

    /// Reads a file.
    public init(path: String) throws(CalibrationStatisticsError) {
        let file: Safetensors
        do {
            file = try Safetensors(path: path)
        } catch {
            throw .file(error)
        }
        try self.init(file)
    }

    /// Reads the bytes of a file; `name` says in errors what they are.
    ///
    /// - Throws: When they are no statistics, or contradict themselves in any way.
    public init(decoding bytes: [UInt8], name: String) throws(CalibrationStatisticsError) {
        let file: Safetensors
        do {
            file = try Safetensors(decoding: bytes, name: name)
        } catch {
            throw .file(error)
        }
        try self.init(file)
    }

    private var safetensors: Safetensors {
        var entries: [String: Tensor] = [:]
        for (name, statistics) in tensors {
            for (entry, tensor) in Self.entries(of: statistics) { entries[entry.key(name)] = tensor }
        }
        let metadata = [
            Metadata.format: Self.formatName, Metadata.version: Self.formatVersion,
            Metadata.modelDigest: modelDigest, Metadata.planDigest: planDigest,
        ]
        return Safetensors(tensors: entries, metadata: metadata)
    }

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
        return entries
    }

    private init(_ file: Safetensors) throws(CalibrationStatisticsError) {
        let format = file.metadata[Metadata.format] ?? "none"
        let version = file.metadata[Metadata.version] ?? "none"
        guard format == Self.formatName, version == Self.formatVersion else {
            throw .unknownFormat(found: "\(format) \(version)")
        }
        guard let modelDigest = file.metadata[Metadata.modelDigest] else {
            throw .missingMetadata(Metadata.modelDigest)
        }
        guard let planDigest = file.metadata[Metadata.planDigest] else { throw .missingMetadata(Metadata.planDigest) }
        var names: Set<String> = []
        for key in file.tensors.keys.sorted() {
            guard let dot = key.lastIndex(of: "."), Entry(rawValue: String(key[key.index(after: dot)...])) != nil else {
                throw .unexpectedEntry(key)
            }
            names.insert(String(key[..<dot]))
        }
        var tensors: [String: TensorStatistics] = [:]
        for name in names.sorted() { tensors[name] = try Self.statistics(of: name, in: file) }
        try self.init(modelDigest: modelDigest, planDigest: planDigest, tensors: tensors)
    }

    private static func statistics(
        of name: String, in file: Safetensors
    ) throws(CalibrationStatisticsError) -> TensorStatistics {
        let counts = try elements(.counts, of: name, in: file, as: UInt64.self, shape: [5])
        let range = try ranges(.range, of: name, in: file, allowsNone: false)
        guard range.count <= 1 else { throw .malformedEntry(Entry.range.key(name)) }
        let indices = try elements(.batchIndex, of: name, in: file, as: UInt64.self)
        let batchRanges = try ranges(.batchRange, of: name, in: file, allowsNone: true)
        guard indices.count == batchRanges.count else { throw .malformedEntry(Entry.batchRange.key(name)) }
        let elementCounts = ElementCounts(
            total: counts[0], zeros: counts[1], nans: counts[2], positiveInfinities: counts[3],
            negativeInfinities: counts[4])
        let histogram = try histogram(of: name, in: file)
        do {
            return try TensorStatistics(
                counts: elementCounts, range: range.first ?? nil, histogram: histogram,
                batches: zip(indices, batchRanges).map { BatchRange(batchIndex: $0, range: $1) })
        } catch {
            throw .tensor(name, error)
        }
    }

    private static func histogram(
        of name: String, in file: Safetensors
    ) throws(CalibrationStatisticsError) -> DyadicHistogram? {
        let isCollected = file.tensors[Entry.histogram.key(name)] != nil
        guard isCollected || file.tensors[Entry.histogramOrigin.key(name)] != nil else { return nil }
        let counts = try elements(.histogram, of: name, in: file, as: UInt64.self)
        let origin = try elements(.histogramOrigin, of: name, in: file, as: Int64.self, shape: [2])
        do {
            return try DyadicHistogram(
                checkingExponent: Int(origin[0]), firstBin: Int(origin[1]), counts: counts)
        } catch {
            throw .histogram(name, error)
        }
    }

    /// The elements of an entry, after its type and shape (one-dimensional when none is given) were checked.
    private static func elements<Element: TensorElement>(
        _ entry: Entry, of name: String, in file: Safetensors, as type: Element.Type, shape: Shape? = nil
    ) throws(CalibrationStatisticsError) -> [Element] {
        let key = entry.key(name)
        guard let tensor = file.tensors[key] else { throw .missingEntry(key) }
        guard tensor.elementType == Element.elementType,
            shape == nil ? tensor.shape.rank == 1 : tensor.shape == shape
        else { throw .malformedEntry(key) }
        return tensor.elements(as: Element.self)
    }

    /// The ranges of an entry of shape [2], [0] or [k, 2].
    private static func ranges(
        _ entry: Entry, of name: String, in file: Safetensors, allowsNone: Bool
    ) throws(CalibrationStatisticsError) -> [TensorRange?] {
        let key = entry.key(name)
        guard let tensor = file.tensors[key] else { throw .missingEntry(key) }
        let expectedRank = allowsNone ? 2 : 1
        guard tensor.elementType == .float32, tensor.shape.rank == expectedRank,
            tensor.shape.dimensions.last == 2 || tensor.shape.dimensions == [0]
        else { throw .malformedEntry(key) }
        let ends = tensor.elements(as: Float.self)
        var ranges: [TensorRange?] = []
        for index in stride(from: 0, to: ends.count, by: 2) {
            let (minimum, maximum) = (ends[index], ends[index + 1])
            if allowsNone, minimum.isNaN, maximum.isNaN {
                ranges.append(nil)
            } else {
                guard let range = TensorRange(checking: minimum, maximum) else { throw .malformedEntry(key) }
                ranges.append(range)
            }
        }
        return ranges
    }
}
