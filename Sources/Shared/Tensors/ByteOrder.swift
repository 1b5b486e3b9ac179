extension Sequence where Element == String {
    /// The texts in ascending order of their UTF-8 bytes, which no locale or Unicode version changes.
    public func inByteOrder() -> [String] { sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }
}
