public import Tensors

/// What files without a header hold (`--data-format`).
public enum HeaderlessFormat: Sendable, Hashable {
    /// Elements of samples that follow each other, little-endian and in row-major order.
    case raw(elementType: ElementType, shape: Shape)
    /// Text with the token ids of a sample in each line.
    case tokens(TokenFormat)

    /// Reads `raw:TYPE:SHAPE`, such as `raw:float32:3x224x224`, or `tokens:LENGTH[,KEY=VALUE...]`.
    ///
    /// - Throws: `unsupportedPath`, naming what is wrong and the forms that there are.
    public init(text: String) throws(DatasetError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        switch (parts.first, parts.count) {
        case ("raw", 2): self = try Self.raw(parts[1], text: text)
        case ("tokens", 2): self = .tokens(try TokenFormat(text: parts[1]))
        default:
            throw .unsupportedPath(
                path: "--data-format '\(text)'",
                reason: "this is neither raw:TYPE:SHAPE (raw:float32:3x224x224) nor tokens:LENGTH (tokens:128,pad=0)")
        }
    }

    private static func raw(_ rest: String, text: String) throws(DatasetError) -> HeaderlessFormat {
        let parts = rest.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        func failure(_ reason: String) -> DatasetError {
            .unsupportedPath(path: "--data-format '\(text)'", reason: reason)
        }
        guard parts.count == 2, let type = ElementType(rawValue: parts[0]) else {
            throw failure(
                "after 'raw:' come a type (\(ElementType.allCases.map(\.rawValue).joined(separator: ", "))), a colon and the "
                    + "extents of a sample: raw:float32:3x224x224")
        }
        let texts = parts[1].split(separator: "x", omittingEmptySubsequences: false)
        let extents = texts.compactMap { Int($0) }
        guard extents.count == texts.count, extents.allSatisfy({ $0 > 0 }), let shape = Shape(checking: extents),
            case let (byteCount, overflow) = shape.elementCount.multipliedReportingOverflow(by: type.byteCount),
            !overflow, byteCount <= RawSample.maximumEncodedByteCount
        else {
            throw failure(
                "'\(parts[1])' is no shape of a sample: positive extents with an x between them, of at most 1 GiB")
        }
        return .raw(elementType: type, shape: shape)
    }

    /// The text that `init(text:)` reads; equal formats give equal texts.
    public var text: String {
        switch self {
        case .raw(let type, let shape):
            "raw:\(type.rawValue):" + shape.dimensions.map(String.init).joined(separator: "x")
        case .tokens(let format): "tokens:\(format.text)"
        }
    }

    /// Opens a file.
    func open(_ path: String) throws(DatasetError) -> any SampleContainer {
        switch self {
        case .raw(let type, let shape): return try Self.openRaw(path, type, shape)
        case .tokens(let format): return try TokenContainer(path: path, format: format)
        }
    }

    private static func openRaw(
        _ path: String, _ type: ElementType, _ shape: Shape
    ) throws(DatasetError) -> ArrayContainer {
        let array: StoredArray
        do throws(TensorFileError) {
            let file = try InputFile(path: path)
            let sampleByteCount = shape.elementCount * type.byteCount
            guard file.byteCount > 0, file.byteCount % sampleByteCount == 0 else {
                throw TensorFileError(
                    path: path,
                    reason: .malformed(
                        "its \(file.byteCount) bytes are not whole samples of \(sampleByteCount) bytes (\(type) \(shape)); "
                            + "correct --data-format"))
            }
            array = try StoredArray(
                elementsIn: file, range: 0..<file.byteCount, name: nil, elementType: type,
                shape: Shape([file.byteCount / sampleByteCount] + shape.dimensions))
        } catch {
            throw .file(error)
        }
        return try ArrayContainer(arrays: [array], path: path)
    }
}

extension HeaderlessFormat: CustomStringConvertible {
    /// As on the command line.
    public var description: String { text }
}
