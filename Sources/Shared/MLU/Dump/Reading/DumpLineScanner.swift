internal import Tensors

/// Reads a file of a dump line by line, without ever holding all of it.
final class DumpLineScanner {
    /// The file.
    let path: String
    /// Number of the line that was read last, from 1.
    private(set) var lineNumber = 0
    private let file: InputFile
    private var bytes: [UInt8] = []
    private var position = 0
    /// Where in the file the next bytes are.
    private var offset = 0
    private static let pieceByteCount = 256 << 10
    /// A line with the longest shape that anybody writes has far fewer bytes.
    private static let longestLine = 64 << 10

    /// Opens a file.
    init(path: String) throws(DumpFormatError) {
        self.path = path
        do throws(TensorFileError) {
            file = try InputFile(path: path)
        } catch {
            throw .file(error)
        }
    }

    /// Whether nothing is in the file.
    var isEmpty: Bool { file.byteCount == 0 }

    /// A tensor's header in a line that was read.
    ///
    /// - Returns: `nil` when the line is something else.
    func header(_ line: String) throws(DumpFormatError) -> DumpedTensorHeader? {
        if let header = DumpedTensorHeader(line) { return header }
        guard line.hasPrefix("Tensor : "), !DumpedTensorHeader.withoutValues.contains(line) else { return nil }
        throw .malformed(path: path, line: lineNumber, detail: "'\(line.prefix(80))' is no header of a tensor")
    }

    /// The next line without its line end.
    ///
    /// - Returns: `nil` at the end of the file.
    func line() throws(DumpFormatError) -> String? {
        guard let range = try nextLine() else { return nil }
        return String(decoding: bytes[range], as: UTF8.self)
    }

    /// The number on the next line.
    func number() throws(DumpFormatError) -> Double {
        guard let range = try nextLine() else {
            throw .malformed(path: path, line: lineNumber + 1, detail: "the file ends where a value should be")
        }
        guard let number = DumpNumber.parse(bytes[range]) else {
            let text = String(decoding: bytes[range].prefix(40), as: UTF8.self)
            throw .malformed(path: path, line: lineNumber, detail: "'\(text)' is not a number")
        }
        return number
    }

    /// Finds the next line and moves behind it.
    private func nextLine() throws(DumpFormatError) -> Range<Int>? {
        var end = position
        while true {
            while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
            if end < bytes.count { break }
            guard offset < file.byteCount else {
                guard position < bytes.count else { return nil }
                throw .malformed(path: path, line: lineNumber + 1, detail: "the last line has no end")
            }
            guard end - position < Self.longestLine else {
                throw .malformed(path: path, line: lineNumber + 1, detail: "the line is too long")
            }
            end -= position
            try read()
        }
        lineNumber += 1
        defer { position = end + 1 }
        return position..<end
    }

    /// Drops what was read and appends the next piece of the file.
    private func read() throws(DumpFormatError) {
        let next = min(file.byteCount, offset + Self.pieceByteCount)
        do throws(TensorFileError) {
            let piece = try file.bytes(offset..<next)
            bytes = position == bytes.count ? piece : Array(bytes[position...]) + piece
        } catch {
            throw .file(error)
        }
        position = 0
        offset = next
    }
}

/// Numbers as dumps have them.
enum DumpNumber {
    private static let powersOfTen = (0...22).map { exponent in
        (0..<exponent).reduce(1.0) { power, _ in power * 10 }
    }

    /// The value of a text such as `-6.17937`, `1e-05`, `nan` or `-inf`.
    ///
    /// - Returns: `nil` for any other text.
    static func parse(_ text: ArraySlice<UInt8>) -> Double? {
        var index = text.startIndex
        let isNegative = index < text.endIndex && text[index] == UInt8(ascii: "-")
        if isNegative { index += 1 }
        var mantissa: UInt64 = 0
        var digits = 0
        var fractionDigits = 0
        var hasPoint = false
        while index < text.endIndex {
            let byte = text[index]
            if byte &- 0x30 <= 9 {
                digits += 1
                if digits <= 18 { mantissa = mantissa * 10 + UInt64(byte - 0x30) }
                if hasPoint { fractionDigits += 1 }
            } else if byte == UInt8(ascii: "."), !hasPoint, digits > 0 {
                hasPoint = true
            } else {
                break
            }
            index += 1
        }
        guard index == text.endIndex, digits > 0, digits <= 18, mantissa < 1 << 53 else { return parseSlowly(text) }
        // Both are exact, so that the quotient is the nearest number.
        let value = Double(mantissa) / powersOfTen[fractionDigits]
        return isNegative ? -value : value
    }

    private static func parseSlowly(_ bytes: ArraySlice<UInt8>) -> Double? {
        let text = String(decoding: bytes, as: UTF8.self)
        let isNumber = bytes.allSatisfy { (0x30...0x39).contains($0) || "+-.e".utf8.contains($0) }
        guard isNumber || ["nan", "-nan", "inf", "-inf"].contains(text) else { return nil }
        return Double(text)
    }
}
