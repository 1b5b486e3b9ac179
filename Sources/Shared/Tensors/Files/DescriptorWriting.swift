#if canImport(Glibc)
import Glibc
#endif

/// Writing to an open file.
enum DescriptorWriting {
    /// Writes the whole buffer at the file's position.
    ///
    /// - Throws: `system` naming `path`.
    static func write(
        _ buffer: UnsafeRawBufferPointer, to descriptor: Int32, path: String
    ) throws(TensorFileError) {
        var done = 0
        while done < buffer.count {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[done...])
            let count = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .lastSystemError("write the file", path: path)
            }
            done += count
        }
    }
}
