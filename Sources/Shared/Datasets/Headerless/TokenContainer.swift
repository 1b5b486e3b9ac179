import Tensors

/// A text file with the token ids of a sample in each line, separated by commas or spaces.
struct TokenContainer: SampleContainer {
    let path: String
    let content: DatasetContent
    private let format: TokenFormat
    private let file: InputFile
    /// Where each line starts, and where the last one ends.
    private let starts: [Int]

    var sampleCount: Int { starts.count - 1 }

    /// Longest line that is read, in bytes.
    private static let maximumLineByteCount = 16 << 20

    /// Finds the lines of a file.
    ///
    /// - Throws: `file` when it cannot be read.
    init(path: String, format: TokenFormat) throws(DatasetError) {
        self.path = path
        self.format = format
        var starts = [0]
        do throws(TensorFileError) {
            let file = try InputFile(path: path)
            var offset = 0
            try file.forEachPiece { piece in
                for (index, byte) in piece.enumerated() where byte == UInt8(ascii: "\n") {
                    starts.append(offset + index + 1)
                }
                offset += piece.count
            }
            // The last line need not have an end.
            if starts[starts.count - 1] < file.byteCount { starts.append(file.byteCount) }
            self.file = file
        } catch {
            throw .file(error)
        }
        guard starts.count > 1 else { throw .malformedFile(path: path, reason: "it holds no line of token ids") }
        self.starts = starts
        let type: ElementType = format.isWide ? .int64 : .int32
        content = .arrays(
            Self.names(format).map { DatasetArray(name: $0, elementType: type, shape: [format.length]) })
    }

    private static func names(_ format: TokenFormat) -> [String?] {
        [format.ids] + [format.mask, format.segments].compactMap(\.self)
    }

    func name(of index: Int) -> String { "\(path):\(index + 1)" }

    func read(_ index: Int) throws(DatasetError) -> RawSample {
        let range = starts[index]..<starts[index + 1]
        guard range.count <= Self.maximumLineByteCount else {
            throw .badSample(sample: name(of: index), reason: "a line of \(range.count) bytes")
        }
        let bytes: [UInt8]
        do throws(TensorFileError) { bytes = try file.bytes(range) } catch { throw .file(error) }
        var ids: [Int32] = []
        for word in bytes.split(whereSeparator: { [9, 10, 13, 32, UInt8(ascii: ",")].contains($0) }) {
            guard let id = Int32(String(decoding: word, as: UTF8.self)), id >= 0 else {
                throw .badSample(
                    sample: name(of: index),
                    reason:
                        "'\(String(decoding: word.prefix(40), as: UTF8.self))' is no token id, a whole number from 0 to "
                        + "\(Int32.max); a line holds ids with commas between them, and there is no line of titles")
            }
            ids.append(id)
        }
        guard !ids.isEmpty else {
            throw .badSample(sample: name(of: index), reason: "the line is empty; remove it")
        }
        let count = min(ids.count, format.length)
        let filling = [Int32](repeating: Int32(format.padding), count: format.length - count)
        var entries = [entry(format.ids, ids[..<count] + filling)]
        if let mask = format.mask {
            entries.append(entry(mask, [Int32](repeating: 1, count: count) + filling.map { _ in 0 }))
        }
        if let segments = format.segments {
            entries.append(entry(segments, [Int32](repeating: 0, count: format.length)))
        }
        return RawSample(name: name(of: index), content: .arrays(entries))
    }

    private func entry(_ name: String?, _ values: some Collection<Int32>) -> RawSample.Entry {
        let shape: Shape = [format.length]
        return RawSample.Entry(
            name: name,
            tensor: format.isWide
                ? Tensor(shape: shape, elements: values.map { Int64($0) })
                : Tensor(shape: shape, elements: Array(values)))
    }
}
