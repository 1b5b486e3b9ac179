internal import Tensors

// The file format: a safetensors file with these entries, and the digests as metadata.
//
//   samples              U64 [n]      increasing
//   predictions          I32 [n, 2]   classes of the float and of the quantized model; absent without a classifier
//   NAME.counts          U64 [6]      own: compared, omitted; total: compared, omitted; quantized, saturated
//   NAME.maximum_error   F64 [2]      own, total
//   NAME.sums            U64 [k]      own: signal, error, power, product; then total: the same; each as its lowest position (a
//                                     two's complement number), the number of words, and the words: ExactSum says what they mean
extension EvaluationStatistics {
    static let formatName = "tare-evaluation"
    static let formatVersion = "1"

    private enum Metadata {
        static let format = "format"
        static let version = "version"
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
        do {
            return try safetensors.encoded()
        } catch {
            throw .file(error)
        }
    }

    /// Writes the canonical bytes to a file, whole or not at all.
    public func write(to path: String) throws(EvaluationStatisticsError) {
        do {
            try safetensors.write(to: path)
        } catch {
            throw .file(error)
        }
    }

    /// Reads the bytes of a file; `name` says in errors what they are.
    ///
    /// - Throws: When they are no statistics, or contradict themselves in any way.
    public init(decoding bytes: [UInt8], name: String) throws(EvaluationStatisticsError) {
        let file: Safetensors
        do {
            file = try Safetensors(decoding: bytes, name: name)
        } catch {
            throw .file(error)
        }
        try self.init(file)
    }

    // MARK: Writing

    private var safetensors: Safetensors {
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
        return Safetensors(
            tensors: entries,
            metadata: [
                Metadata.format: Self.formatName, Metadata.version: Self.formatVersion,
                Metadata.floatDigest: floatDigest, Metadata.quantizedDigest: quantizedDigest,
                Metadata.planDigest: planDigest,
            ])
    }

    // MARK: Reading

    private init(_ file: Safetensors) throws(EvaluationStatisticsError) {
        let format = file.metadata[Metadata.format] ?? "none"
        let version = file.metadata[Metadata.version] ?? "none"
        guard format == Self.formatName, version == Self.formatVersion else {
            throw .unknownFormat(found: "\(format) \(version)")
        }
        func metadata(_ key: String) throws(EvaluationStatisticsError) -> String {
            guard let text = file.metadata[key] else { throw .missingMetadata(key) }
            return text
        }
        var names: Set<String> = []
        for key in file.tensors.keys.sorted() where key != Key.samples && key != Key.predictions {
            guard let dot = key.lastIndex(of: "."), Entry(rawValue: String(key[key.index(after: dot)...])) != nil else {
                throw .unexpectedEntry(key)
            }
            names.insert(String(key[..<dot]))
        }
        var layers: [String: LayerStatistics] = [:]
        for name in names.sorted() { layers[name] = try Self.layer(name, in: file) }
        try self.init(
            floatDigest: try metadata(Metadata.floatDigest), quantizedDigest: try metadata(Metadata.quantizedDigest),
            planDigest: try metadata(Metadata.planDigest), layers: layers, predictions: try Self.predictions(in: file))
    }

    private static func predictions(in file: Safetensors) throws(EvaluationStatisticsError) -> [SamplePrediction] {
        let samples = try elements(Key.samples, in: file, as: UInt64.self)
        guard file.tensors[Key.predictions] != nil else { return samples.map { SamplePrediction(sample: $0) } }
        let classes = try elements(Key.predictions, in: file, as: Int32.self, shape: [samples.count, 2])
        return samples.enumerated().map { index, sample in
            SamplePrediction(sample: sample, float: classes[2 * index], quantized: classes[2 * index + 1])
        }
    }

    private static func layer(
        _ name: String, in file: Safetensors
    ) throws(EvaluationStatisticsError) -> LayerStatistics {
        let counts = try elements(Entry.counts.key(name), in: file, as: UInt64.self, shape: [6])
        let maxima = try elements(Entry.maximumError.key(name), in: file, as: Double.self, shape: [2])
        let key = Entry.sums.key(name)
        var words = try elements(key, in: file, as: UInt64.self)[...]
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

    /// The elements of an entry, after its type and shape (one-dimensional when none is given) were checked.
    private static func elements<Element: TensorElement>(
        _ key: String, in file: Safetensors, as type: Element.Type, shape: Shape? = nil
    ) throws(EvaluationStatisticsError) -> [Element] {
        guard let tensor = file.tensors[key] else { throw .missingEntry(key) }
        guard tensor.elementType == Element.elementType,
            shape == nil ? tensor.shape.rank == 1 : tensor.shape == shape
        else { throw .malformedEntry(key) }
        return tensor.elements(as: Element.self)
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
