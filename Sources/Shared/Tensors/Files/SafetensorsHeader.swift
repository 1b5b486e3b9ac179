/// The JSON header of a safetensors file: where each tensor lies.
struct SafetensorsHeader {
    /// One tensor.
    struct Entry {
        let name: String
        let typeName: String
        let shape: [Int]
        let begin: Int
        let end: Int
    }

    private(set) var entries: [Entry] = []
    private(set) var metadata: [String: String] = [:]
    private var scanner: Scanner

    /// A contradiction in the header.
    struct Failure: Error {
        let detail: String
    }

    /// Reads the header; refuses duplicate names, unknown fields and anything that is not JSON.
    init(parsing bytes: [UInt8]) throws(Failure) {
        scanner = Scanner(bytes: bytes)
        guard bytes.first == UInt8(ascii: "{") else { throw Failure(detail: "the header does not start with '{'") }
        var names: Set<String> = []
        var hasMetadata = false
        try scanner.expect("{")
        if !scanner.take("}") {
            repeat {
                let name = try scanner.string()
                try scanner.expect(":")
                if name == Safetensors.metadataKey {
                    guard !hasMetadata else { throw Failure(detail: "two entries are named '\(name)'") }
                    hasMetadata = true
                    metadata = try readMetadata()
                } else {
                    guard names.insert(name).inserted else {
                        throw Failure(detail: "two tensors are named '\(name)'")
                    }
                    entries.append(try readEntry(name))
                }
            } while scanner.take(",")
            try scanner.expect("}")
        }
        guard scanner.isAtEnd else { throw Failure(detail: "bytes follow the JSON of the header") }
    }

    private mutating func readMetadata() throws(Failure) -> [String: String] {
        var metadata: [String: String] = [:]
        try scanner.expect("{")
        if scanner.take("}") { return metadata }
        repeat {
            let key = try scanner.string()
            try scanner.expect(":")
            guard metadata.updateValue(try scanner.string(), forKey: key) == nil else {
                throw Failure(detail: "the metadata have '\(key)' twice")
            }
        } while scanner.take(",")
        try scanner.expect("}")
        return metadata
    }

    private mutating func readEntry(_ name: String) throws(Failure) -> Entry {
        var typeName: String?
        var shape: [Int]?
        var offsets: [Int]?
        try scanner.expect("{")
        repeat {
            let key = try scanner.string()
            try scanner.expect(":")
            switch key {
            case "dtype" where typeName == nil: typeName = try scanner.string()
            case "shape" where shape == nil: shape = try scanner.integers()
            case "data_offsets" where offsets == nil: offsets = try scanner.integers()
            default: throw Failure(detail: "tensor '\(name)' has an unknown or repeated field '\(key)'")
            }
        } while scanner.take(",")
        try scanner.expect("}")
        guard let typeName, let shape, let offsets, offsets.count == 2, offsets[0] <= offsets[1] else {
            throw Failure(detail: "tensor '\(name)' lacks a valid dtype, shape or data_offsets")
        }
        return Entry(name: name, typeName: typeName, shape: shape, begin: offsets[0], end: offsets[1])
    }

    /// Reads the JSON values that such a header can hold.
    private struct Scanner {
        let bytes: [UInt8]
        var position = 0

        /// A tensor may have this many axes.
        static let maximumRank = 64

        var isAtEnd: Bool {
            mutating get {
                skipSpace()
                return position == bytes.count
            }
        }

        mutating func skipSpace() {
            while position < bytes.count,
                bytes[position] == 0x20 || bytes[position] == 0x0A || bytes[position] == 0x0D
                    || bytes[position] == 0x09
            {
                position += 1
            }
        }

        mutating func take(_ token: Unicode.Scalar) -> Bool {
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: token) else { return false }
            position += 1
            return true
        }

        mutating func expect(_ token: Unicode.Scalar) throws(Failure) {
            guard take(token) else { throw Failure(detail: "the header lacks a '\(token)' at byte \(position)") }
        }

        /// An array of integers that are not negative.
        mutating func integers() throws(Failure) -> [Int] {
            var values: [Int] = []
            try expect("[")
            if take("]") { return values }
            repeat {
                skipSpace()
                let start = position
                while position < bytes.count, (0x30...0x39).contains(bytes[position]) { position += 1 }
                let digits = bytes[start..<position]
                guard !digits.isEmpty, digits.count == 1 || digits.first != 0x30, values.count < Self.maximumRank,
                    let value = Int(String(decoding: digits, as: UTF8.self))
                else {
                    throw Failure(detail: "the header lacks a valid integer at byte \(start)")
                }
                values.append(value)
            } while take(",")
            try expect("]")
            return values
        }

        mutating func string() throws(Failure) -> String {
            try expect("\"")
            let start = position
            var text: [UInt8] = []
            while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
                let byte = bytes[position]
                guard byte >= 0x20 else { throw Failure(detail: "a control character stands at byte \(position)") }
                position += 1
                if byte == UInt8(ascii: "\\") { text += try escape() } else { text.append(byte) }
            }
            try expect("\"")
            guard let string = String(validating: text, as: UTF8.self) else {
                throw Failure(detail: "the text at byte \(start) is not UTF-8")
            }
            return string
        }

        /// The UTF-8 bytes of the escape sequence after a backslash.
        private mutating func escape() throws(Failure) -> [UInt8] {
            let failure = Failure(detail: "an escape sequence at byte \(position) is invalid")
            guard position < bytes.count else { throw failure }
            let letter = bytes[position]
            position += 1
            switch letter {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [letter]
            case UInt8(ascii: "b"): return [0x08]
            case UInt8(ascii: "f"): return [0x0C]
            case UInt8(ascii: "n"): return [0x0A]
            case UInt8(ascii: "r"): return [0x0D]
            case UInt8(ascii: "t"): return [0x09]
            case UInt8(ascii: "u"):
                guard var code = hexadecimal() else { throw failure }
                if (0xD800..<0xDC00).contains(code) {
                    guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                        bytes[position + 1] == UInt8(ascii: "u")
                    else { throw failure }
                    position += 2
                    guard let low = hexadecimal(), (0xDC00..<0xE000).contains(low) else { throw failure }
                    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
                }
                guard let scalar = Unicode.Scalar(code) else { throw failure }
                return Array(String(Character(scalar)).utf8)
            default: throw failure
            }
        }

        private mutating func hexadecimal() -> UInt32? {
            guard position + 4 <= bytes.count,
                bytes[position..<position + 4].allSatisfy({
                    (0x30...0x39).contains($0) || (0x41...0x46).contains($0 & 0xDF)
                })
            else { return nil }
            let digits = String(decoding: bytes[position..<position + 4], as: UTF8.self)
            position += 4
            return UInt32(digits, radix: 16)
        }
    }
}
