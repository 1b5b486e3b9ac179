/// Reads the Python dictionary in the header of a NumPy array file.
///
/// It knows the few literals that such a header can hold, and evaluates nothing.
struct PythonLiteralScanner {
    /// What a header says.
    struct HeaderFields {
        /// The type string; `nil` for a structured type.
        var descriptor: String?
        var isFortranOrder: Bool
        var shape: [Int]
    }

    private let bytes: [UInt8]
    private var position = 0

    /// More axes than NumPy allows (64) are refused.
    private static let maximumRank = 64

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The three fields of the header, each present exactly once, with nothing after them but white space.
    mutating func headerFields() -> HeaderFields? {
        var descriptor: String??
        var isFortranOrder: Bool?
        var shape: [Int]?
        guard take("{") else { return nil }
        while !take("}") {
            guard let key = string(), take(":") else { return nil }
            switch key {
            case "descr" where descriptor == nil:
                if peek() == UInt8(ascii: "[") || peek() == UInt8(ascii: "(") {
                    guard skipBrackets() else { return nil }
                    descriptor = .some(nil)
                } else {
                    guard let text = string() else { return nil }
                    descriptor = text
                }
            case "fortran_order" where isFortranOrder == nil:
                guard let value = boolean() else { return nil }
                isFortranOrder = value
            case "shape" where shape == nil:
                guard let value = tuple() else { return nil }
                shape = value
            default: return nil
            }
            if !take(",") {
                guard take("}") else { return nil }
                break
            }
        }
        skipSpace()
        guard position == bytes.count, let descriptor, let isFortranOrder, let shape else { return nil }
        return HeaderFields(descriptor: descriptor, isFortranOrder: isFortranOrder, shape: shape)
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    private mutating func peek() -> UInt8? {
        skipSpace()
        return position < bytes.count ? bytes[position] : nil
    }

    private mutating func take(_ token: StaticString) -> Bool {
        skipSpace()
        let wanted = Array(token.description.utf8)
        guard bytes.count - position >= wanted.count,
            bytes[position..<position + wanted.count].elementsEqual(wanted)
        else { return false }
        position += wanted.count
        return true
    }

    /// A string without escapes, in single or double quotes.
    private mutating func string() -> String? {
        guard let quote = peek(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { return nil }
        let start = position + 1
        guard let end = bytes[start...].firstIndex(of: quote) else { return nil }
        let text = bytes[start..<end]
        guard !text.contains(UInt8(ascii: "\\")) else { return nil }
        position = end + 1
        return String(validating: text, as: UTF8.self)
    }

    private mutating func boolean() -> Bool? {
        if take("True") { return true }
        if take("False") { return false }
        return nil
    }

    /// A tuple of integers: `()`, `(3,)`, `(3, 4)`.
    private mutating func tuple() -> [Int]? {
        guard take("(") else { return nil }
        var values: [Int] = []
        while !take(")") {
            guard values.count < Self.maximumRank, let value = integer() else { return nil }
            values.append(value)
            if !take(",") {
                guard values.count != 1, take(")") else { return nil }
                break
            }
        }
        return values
    }

    /// A decimal integer; Python 2 wrote an L behind long ones.
    private mutating func integer() -> Int? {
        skipSpace()
        let start = position
        while position < bytes.count, (0x30...0x39).contains(bytes[position]) { position += 1 }
        guard position > start, position - start <= 19 else { return nil }
        let value = Int(String(decoding: bytes[start..<position], as: UTF8.self))
        if position < bytes.count, bytes[position] == UInt8(ascii: "L") { position += 1 }
        return value
    }

    /// Steps over a bracketed value, strings in it included.
    private mutating func skipBrackets() -> Bool {
        var depth = 0
        repeat {
            guard let byte = peek() else { return false }
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: "("): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: ")"): depth -= 1
            case UInt8(ascii: "'"), UInt8(ascii: "\""):
                guard string() != nil else { return false }
                continue
            default: break
            }
            position += 1
        } while depth > 0
        return true
    }
}
