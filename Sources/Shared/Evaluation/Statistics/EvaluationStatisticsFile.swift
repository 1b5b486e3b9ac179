internal import Calibration
public import Tensors

// The file format: a safetensors file with these entries, and the digests as metadata.
//
//   samples              U64 [n]      increasing
//   predictions          I32 [n, 2]   classes of the float and of the quantized model, -1 for none; absent without a classifier
//   NAME.counts          U64 [6]      own: compared, omitted; total: compared, omitted; quantized, saturated
//   NAME.maximum_error   F64 [2]      own, total
//   NAME.sums            U64 [k]      own: signal, error, power, product; then total: the same; each as its lowest position (a
//                                     two's complement number), the number of words, and the words: ExactSum says what they mean
extension EvaluationStatistics {
    private static let format = StatisticsFile.Format(
        name: "tare-evaluation", version: "1", subject: "evaluation statistics")

    private enum Metadata {
        static let floatDigest = "float_model_digest"
        static let quantizedDigest = "quantized_model_digest"
        static let planDigest = "plan_digest"
    }

    private enum Key {
        static let samples = "samples"
        static let predictions = "predictions"
    }

    /// One kind of entry that a layer has.
    private enum Entry: String {
        case counts
        case maximumError = "maximum_error"
        case sums

        func key(_ layer: String) -> String { "\(layer).\(rawValue)" }
    }

    /// The canonical bytes: a safetensors file that NumPy reads too.
    public func encoded() throws(EvaluationStatisticsError) -> [UInt8] {
        try EvaluationStatisticsError.inFile { () throws(StatisticsFileError) in try file.encoded() }
    }

    /// Writes the canonical bytes to a file, whole or not at all.
    public func write(to path: String) throws(EvaluationStatisticsError) {
        try EvaluationStatisticsError.inFile { () throws(StatisticsFileError) in try file.write(to: path) }
    }

    /// Whether a safetensors file says that it holds statistics of an evaluation, of whatever version.
    public static func isEncoded(in file: Safetensors) -> Bool { format.isFound(in: file) }

    /// Reads an open file.
    ///
    /// - Throws: When it holds no statistics of an evaluation, or they contradict themselves in any way.
    public init(_ file: Safetensors) throws(EvaluationStatisticsError) {
        try self.init(
            EvaluationStatisticsError.inFile { () throws(StatisticsFileError) in try StatisticsFile(Self.format, file) }
        )
    }

    /// Reads the bytes of a file; `name` says in errors what they are.
    ///
    /// - Throws: When they are no statistics, or contradict themselves in any way.
    public init(decoding bytes: [UInt8], name: String) throws(EvaluationStatisticsError) {
        try self.init(
            EvaluationStatisticsError.inFile { () throws(StatisticsFileError) in
                try StatisticsFile(Self.format, decoding: bytes, name: name)
            })
    }

    // MARK: Writing

    private var file: StatisticsFile {
        var entries: [String: Tensor] = [
            Key.samples: Tensor(shape: Shape([predictions.count]), elements: predictions.map(\.sample))
        ]
        if hasPredictions {
            entries[Key.predictions] = Tensor(
                shape: Shape([predictions.count, 2]),
                elements: predictions.flatMap { [$0.float ?? 0, $0.quantized ?? 0] })
        }
        for (name, layer) in layers {
            let (own, total) = (layer.own, layer.total)
            entries[Entry.counts.key(name)] = Tensor(
                shape: [6],
                elements: [
                    own.compared, own.omitted, total.compared, total.omitted, layer.quantized, layer.saturated,
                ])
            entries[Entry.maximumError.key(name)] = Tensor(
                shape: [2], elements: [own.maximumError, total.maximumError])
            let sums = [own, total].flatMap { [$0.signal, $0.error, $0.power, $0.product] }.flatMap(\.fileWords)
            entries[Entry.sums.key(name)] = Tensor(shape: Shape([sums.count]), elements: sums)
        }
        return StatisticsFile(
            Self.format, tensors: entries,
            metadata: [
                Metadata.floatDigest: floatDigest, Metadata.quantizedDigest: quantizedDigest,
                Metadata.planDigest: planDigest,
            ])
    }

    // MARK: Reading

    private init(_ file: StatisticsFile) throws(EvaluationStatisticsError) {
        let (digests, predictions, layers) = try EvaluationStatisticsError.inFile { () throws(StatisticsFileError) in
            var layers: [String: LayerStatistics] = [:]
            for name in try file.names(besides: [Key.samples, Key.predictions], isKind: { Entry(rawValue: $0) != nil })
            {
                layers[name] = try Self.layer(name, in: file)
            }
            let digests = (
                float: try file.metadata(Metadata.floatDigest), quantized: try file.metadata(Metadata.quantizedDigest),
                plan: try file.metadata(Metadata.planDigest)
            )
            return (digests, try Self.predictions(in: file), layers)
        }
        try self.init(
            floatDigest: digests.float, quantizedDigest: digests.quantized, planDigest: digests.plan, layers: layers,
            predictions: predictions)
    }

    private static func predictions(in file: StatisticsFile) throws(StatisticsFileError) -> [SamplePrediction] {
        let samples = try file.elements(Key.samples, as: UInt64.self)
        guard file.hasEntry(Key.predictions) else { return samples.map { SamplePrediction(sample: $0) } }
        let classes = try file.elements(Key.predictions, as: Int32.self, shape: [samples.count, 2])
        return samples.enumerated().map { index, sample in
            SamplePrediction(sample: sample, float: classes[2 * index], quantized: classes[2 * index + 1])
        }
    }

    private static func layer(_ name: String, in file: StatisticsFile) throws(StatisticsFileError) -> LayerStatistics {
        let counts = try file.elements(Entry.counts.key(name), as: UInt64.self, shape: [6])
        let maxima = try file.elements(Entry.maximumError.key(name), as: Double.self, shape: [2])
        let key = Entry.sums.key(name)
        var words = try file.elements(key, as: UInt64.self)[...]
        var sums: [ExactSum] = []
        for _ in 0..<8 {
            guard let sum = ExactSum(taking: &words) else { throw .malformedEntry(key) }
            sums.append(sum)
        }
        guard words.isEmpty else { throw .malformedEntry(key) }
        guard
            let own = ErrorStatistics(
                checking: (counts[0], counts[1]), signal: sums[0], error: sums[1], power: sums[2], product: sums[3],
                maximumError: maxima[0]),
            let total = ErrorStatistics(
                checking: (counts[2], counts[3]), signal: sums[4], error: sums[5], power: sums[6], product: sums[7],
                maximumError: maxima[1]),
            let layer = LayerStatistics(checking: own, total: total, quantized: counts[4], saturated: counts[5])
        else { throw .malformedEntry(Entry.counts.key(name)) }
        return layer
    }
}

extension ExactSum {
    /// Lowest position, number of words, words.
    fileprivate var fileWords: [UInt64] {
        [UInt64(bitPattern: Int64(lowest)), UInt64(words.count)] + words
    }

    /// Takes a sum off the front of a file's words.
    fileprivate init?(taking words: inout ArraySlice<UInt64>) {
        guard let first = words.popFirst(), let count = words.popFirst().flatMap(Int.init(exactly:)),
            count <= words.count
        else { return nil }
        self.init(checking: Array(words.prefix(count)), lowest: Int(Int64(bitPattern: first)))
        words.removeFirst(count)
    }
}
