/// Z85 (ZeroMQ RFC 32): four bytes as five printable characters.
enum Z85 {
    private static let alphabet = Array(
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#".utf8)

    /// Writes bytes as text.
    ///
    /// - Precondition: The number of bytes is a multiple of four.
    static func text(_ bytes: [UInt8]) -> String {
        precondition(bytes.count % 4 == 0, "Z85 writes groups of four bytes")
        var result: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 4) {
            var value = bytes[start..<start + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            var group: [UInt8] = []
            for _ in 0..<5 {
                group.append(alphabet[Int(value % 85)])
                value /= 85
            }
            result += group.reversed()
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Reads text.
    ///
    /// - Returns: `nil` for what is not Z85.
    static func bytes(_ text: String) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count % 5 == 0 else { return nil }
        var result: [UInt8] = []
        for start in stride(from: 0, to: characters.count, by: 5) {
            var value: UInt64 = 0
            for character in characters[start..<start + 5] {
                guard let digit = alphabet.firstIndex(of: character) else { return nil }
                value = value * 85 + UInt64(digit)
            }
            guard value <= UInt32.max else { return nil }
            result += (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt64($0))) }
        }
        return result
    }
}
