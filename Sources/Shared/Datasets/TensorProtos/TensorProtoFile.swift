import Tensors

/// One tensor in a file of ONNX's `TensorProto` (`input_0.pb`), read without its elements where they lie in one piece.
struct TensorProtoFile {
    /// What the tensor is called; empty when it is not.
    let name: String
    let elementType: ElementType
    let shape: Shape
    private let elements: Elements
    private let file: InputFile

    private enum Elements {
        /// `raw_data`: where it lies in the file.
        case stored(Range<Int>)
        /// Typed fields, converted.
        case converted(TensorStorage)
    }

    /// Largest file that is read.
    private static let maximumByteCount = 1 << 30

    /// The types by their codes in `TensorProto.DataType`.
    private static let elementTypes: [UInt64: ElementType] = [
        1: .float32, 2: .uint8, 3: .int8, 4: .uint16, 5: .int16, 6: .int32, 7: .int64, 9: .bool, 10: .float16,
        11: .float64, 12: .uint32, 13: .uint64, 16: .bfloat16,
    ]

    /// Reads a file.
    ///
    /// - Throws: `malformed` or `truncated` for what is no such file, `unsupported` for texts, external data and other types.
    init(path: String) throws(TensorFileError) {
        let file = try InputFile(path: path)
        guard file.byteCount <= Self.maximumByteCount else {
            throw TensorFileError(path: path, reason: .unsupported("a tensor file of \(file.byteCount) bytes"))
        }
        let message = try TensorProtoMessage(file)
        guard let type = Self.elementTypes[message.dataType] else {
            throw TensorFileError(
                path: path, reason: .unsupported("elements of the ONNX type \(message.dataType); give numbers"))
        }
        guard let shape = Shape(checking: message.dimensions),
            case let (byteCount, overflow) = shape.elementCount.multipliedReportingOverflow(by: type.byteCount),
            !overflow
        else {
            throw TensorFileError(path: path, reason: .malformed("the shape \(message.dimensions) is impossible"))
        }
        if let raw = message.raw {
            guard raw.count == byteCount else {
                throw TensorFileError(
                    path: path, reason: .malformed("\(raw.count) bytes do not hold \(type) \(shape)"))
            }
            elements = .stored(raw)
        } else {
            elements = .converted(TensorStorage(copying: try message.elements(of: type, byteCount: byteCount)))
        }
        name = message.name
        elementType = type
        self.shape = shape
        self.file = file
    }

    /// The entry `index` along the outermost axis.
    ///
    /// - Precondition: The rank is at least 1 and the entry exists.
    func row(_ index: Int) throws(TensorFileError) -> Tensor {
        let rowShape = Shape(Array(shape.dimensions.dropFirst()))
        let byteCount = rowShape.elementCount * elementType.byteCount
        let storage: TensorStorage
        switch elements {
        case .stored(let range):
            let start = range.lowerBound + index * byteCount
            storage = try file.storage(start..<start + byteCount)
        case .converted(let whole):
            storage = TensorStorage(part: index * byteCount..<(index + 1) * byteCount, of: whole)
        }
        if elementType == .bool, storage.copyBytes().contains(where: { $0 > 1 }) {
            throw TensorFileError(path: file.path, reason: .malformed("a truth value is neither 0 nor 1"))
        }
        return Tensor(shape: rowShape, elementType: elementType, storage: storage)
    }
}
