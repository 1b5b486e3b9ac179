/// Integers as the formats store them.
enum LittleEndian {
    /// The bytes of a value, least significant first.
    static func bytes(of value: some FixedWidthInteger) -> [UInt8] {
        stride(from: 0, to: type(of: value).bitWidth, by: 8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
