/// Walks a protobuf frame without decoding it, so that a hostile one is refused before anything is allocated for it.
struct ProtobufScanner {
    private let bytes: [UInt8]
    private var fields = 0

    /// Checks that a frame is well-formed protobuf with few enough fields, nested few enough times.
    static func check(_ bytes: [UInt8]) throws(WireError) {
        var scanner = ProtobufScanner(bytes)
        try scanner.scan(0..<bytes.count, depth: 1)
    }

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Counts the fields of a message; a length-delimited field is looked into only where the schema nests a message.
    private mutating func scan(_ range: Range<Int>, depth: Int) throws(WireError) {
        var position = range.lowerBound
        while position < range.upperBound {
            fields += 1
            guard fields <= WireLimits.fields else { throw .malformed(reason: "more than \(WireLimits.fields) fields") }
            let tag = try varint(&position, end: range.upperBound)
            guard tag >> 3 != 0, tag >> 3 < 1 << 29 else { throw .malformed(reason: "field number 0") }
            switch tag & 7 {
            case 0: _ = try varint(&position, end: range.upperBound)
            case 1: try skip(8, &position, end: range.upperBound)
            case 5: try skip(4, &position, end: range.upperBound)
            case 2:
                let length = try varint(&position, end: range.upperBound)
                guard length <= UInt64(range.upperBound - position) else {
                    throw .malformed(reason: "a length of \(length) in \(range.upperBound - position) bytes")
                }
                let field = position..<position + Int(length)
                if depth == 1, tag >> 3 >= 10 { try scan(field, depth: 2) }
                position = field.upperBound
            default: throw .malformed(reason: "wire type \(tag & 7)")
            }
        }
    }

    private func skip(_ count: Int, _ position: inout Int, end: Int) throws(WireError) {
        guard end - position >= count else { throw .malformed(reason: "it ends within a number") }
        position += count
    }

    private func varint(_ position: inout Int, end: Int) throws(WireError) -> UInt64 {
        var result: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard position < end else { throw .malformed(reason: "it ends within a number") }
            let byte = bytes[position]
            position += 1
            if shift == 63, byte > 1 { break }
            result |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return result }
        }
        throw .malformed(reason: "a number of more than 64 bits")
    }
}
