/// Unsigned little-endian numbers within bytes that were checked to be long enough.
public struct LittleEndianBytes {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    func uint16(at offset: Int) -> Int {
        Int(bytes[offset]) | Int(bytes[offset + 1]) << 8
    }

    func uint32(at offset: Int) -> Int {
        uint16(at: offset) | uint16(at: offset + 2) << 16
    }

    /// A 64-bit number, or `nil` when it exceeds `Int.max`.
    func uint64(at offset: Int) -> Int? {
        let high = uint32(at: offset + 4)
        return high > 0x7FFF_FFFF ? nil : uint32(at: offset) | high << 32
    }

    /// The number that bytes make.
    ///
    /// - Parameter bytes: At most 8, least significant first.
    /// - Returns: The number.
    public static func number(_ bytes: some BidirectionalCollection<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The bytes of an integer, least significant first.
    public static func encoded<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
        (0..<Integer.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
}
