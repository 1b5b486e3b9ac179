/// A gzip file as a whole, for checks that the reader of its content does not make.
public enum GzipFile {
    /// Inflates a file of one member once more and compares its checksum.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - byteCount: To how many bytes it inflates; where that contradicts the file it has several members, of which
    ///     nothing is checked.
    /// - Throws: `checksumMismatch` or `malformed` when the file is damaged.
    public static func verify(path: String, byteCount: Int) throws(TensorFileError) {
        let member = try GzipMember(file: InputFile(path: path))
        guard byteCount & 0xFFFF_FFFF == member.byteCountModulo else { return }
        try member.region(byteCount: byteCount).verify()
    }
}
