internal import Tensors

/// What a file of a dump will hold: finished text, and tensors whose numbers are turned into text when it is written.
struct DumpContent: Sendable {
    /// A part of the file.
    enum Piece: Sendable {
        case text(String)
        /// All elements, one on each line.
        case elements(Tensor)
        /// The sum of the elements' absolute values, on one line.
        case absoluteSum(Tensor)
    }

    /// The parts in order.
    private(set) var pieces: [Piece] = []
    /// Bytes that this keeps in memory.
    private(set) var byteCount = 0

    /// Describes the file of an argument or a result.
    init(_ value: OperatorValue, level: DumpLevel) {
        append(value, level: level)
    }

    private mutating func append(_ value: OperatorValue, level: DumpLevel) {
        switch value {
        case .tensor(let tensor): append(tensor, level: level)
        case .undefinedTensor: append("Tensor : Type = Empty")
        case .scalar(let number):
            append("Scalar : Type = \(number.typeName)")
            append(number.dumpText)
        case .plain(let number): append(number.dumpText)
        case .text(let text): append(text)
        case .sequence(let kind, let values):
            append("\(kind.rawValue) : Size = \(values.count)")
            for value in values { append(value, level: level) }
        case .optional(nil): append("Optional : None")
        case .optional(let value?):
            append("Optional : ")
            append(value, level: level)
        case .generator(let seed, let device):
            append("Generator : ")
            append("\(seed)")
            append(device)
        }
    }

    private mutating func append(_ tensor: Tensor, level: DumpLevel) {
        let count = tensor.elementCount
        guard count > 0 else { return append("Tensor : Type = Empty") }
        let dumped =
            switch level {
            case .firstTen: min(10, count)
            case .absoluteSum: 1
            case .all: count
            }
        append("Tensor : Type = \(tensor.elementType.scalarTypeName) : Shape = \(tensor.shape) : Dumped = \(dumped)")
        switch level {
        case .firstTen:
            let part = tensor.reshaped(to: [count]).slice(outermost: 0..<dumped)
            // A copy, so that ten elements do not keep all of them in memory.
            append(
                .elements(
                    Tensor(
                        shape: part.shape, elementType: part.elementType,
                        storage: TensorStorage(copying: part.storage.copyBytes()))))
        case .absoluteSum: append(.absoluteSum(tensor))
        case .all: append(.elements(tensor))
        }
    }

    private mutating func append(_ line: String) {
        append(.text(line + "\n"))
    }

    private mutating func append(_ piece: Piece) {
        pieces.append(piece)
        switch piece {
        case .text(let text): byteCount += text.utf8.count
        case .elements(let tensor), .absoluteSum(let tensor): byteCount += tensor.byteCount
        }
    }
}

extension OperatorNumber {
    /// The type's name in a scalar's header.
    fileprivate var typeName: String {
        switch self {
        case .boolean: "bool"
        case .integer: "int"
        case .real: "float"
        }
    }

    /// The value as dumps have it: truth values as 0 and 1, real numbers with six digits.
    var dumpText: String {
        switch self {
        case .boolean(let value): value ? "1" : "0"
        case .integer(let value): "\(value)"
        case .real(let value): SixDigitFormat.text(value)
        }
    }
}
