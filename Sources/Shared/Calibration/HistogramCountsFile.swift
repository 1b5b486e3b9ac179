import Tensors

// The file format: a safetensors file with the digests as metadata and these entries.
//
//   batch_index            U64 [k]      increasing
//   NAME.counts            U32 [k, n]   elements in each of the n bins of the batch's step, for each tensor NAME
extension HistogramCounts {
    private static let format = StatisticsFile.Format(
        name: "tare-histogram-counts", version: "1", subject: "counts of histograms")

    private enum Key {
        static let modelDigest = "model_digest"
        static let planDigest = "plan_digest"
        static let batchIndex = "batch_index"
        static let counts = "counts"
    }

    /// The canonical bytes: a safetensors file that NumPy reads too.
    public func encoded() throws(HistogramCountsError) -> [UInt8] {
        var entries = [Key.batchIndex: Tensor(shape: [batchIndices.count], elements: batchIndices)]
        for (name, rows) in tensors {
            entries["\(name).\(Key.counts)"] = Tensor(
                shape: [batchIndices.count, rows.binCount], elements: rows.counts)
        }
        let file = StatisticsFile(
            Self.format, tensors: entries,
            metadata: [Key.modelDigest: modelDigest, Key.planDigest: planDigest])
        return try Self.inFile { () throws(StatisticsFileError) in try file.encoded() }
    }

    /// Reads the bytes of a file; `name` says in errors what they are.
    ///
    /// - Throws: When they are no counts, or contradict themselves in any way.
    public init(decoding bytes: [UInt8], name: String) throws(HistogramCountsError) {
        let (file, digests, names) = try Self.inFile { () throws(StatisticsFileError) in
            let file = try StatisticsFile(Self.format, decoding: bytes, name: name)
            return (
                file, (try file.metadata(Key.modelDigest), try file.metadata(Key.planDigest)),
                try file.names(besides: [Key.batchIndex]) { $0 == Key.counts }
            )
        }
        var tensors: [String: Rows] = [:]
        for name in names {
            let tensor = try Self.inFile { () throws(StatisticsFileError) in
                try file.tensor("\(name).\(Key.counts)")
            }
            guard tensor.elementType == .uint32, tensor.shape.rank == 2 else { throw .malformed(tensor: name) }
            tensors[name] = Rows(binCount: tensor.shape[1], counts: tensor.elements(as: UInt32.self))
        }
        try self.init(
            modelDigest: digests.0, planDigest: digests.1,
            batchIndices: Self.inFile { () throws(StatisticsFileError) in
                try file.elements(Key.batchIndex, as: UInt64.self)
            }, tensors: tensors)
    }

    private static func inFile<Result>(
        _ body: () throws(StatisticsFileError) -> Result
    ) throws(HistogramCountsError) -> Result {
        do {
            return try body()
        } catch {
            throw .file(error)
        }
    }
}
