/// A NumPy archive (.npz): named arrays in a zip file, stored or deflated.
///
/// Opening reads the directory and the headers of the arrays; elements are read on demand.
public struct NPZFile: Sendable {
    /// How the arrays of a new archive are stored.
    public enum Compression: Hashable, Sendable {
        /// As they are; can be read row by row without cost.
        case stored
        /// Deflated at level 6.
        case deflated
    }

    /// The file, as the caller named it.
    public let path: String
    /// The names of the arrays, without `.npy`, in the order of the archive.
    public let names: [String]
    private let arrays: [String: StoredArray]

    /// Opens an archive.
    public init(path: String) throws(TensorFileError) {
        self.path = path
        let archive = try ZIPArchive(file: InputFile(path: path))
        var names: [String] = []
        var arrays: [String: StoredArray] = [:]
        for member in archive.members {
            guard member.name.utf8.count > 4, member.name.hasSuffix(".npy") else {
                throw TensorFileError(
                    path: path, member: member.name, reason: .malformed("it is no .npy array; this is no .npz archive"))
            }
            let name = String(member.name.dropLast(4))
            names.append(name)
            arrays[name] = try StoredArray(archive: archive, member: member, name: name)
        }
        self.names = names
        self.arrays = arrays
    }

    /// One array of the archive.
    ///
    /// - Throws: `missingMember`, naming the arrays that exist.
    public func array(_ name: String) throws(TensorFileError) -> StoredArray {
        guard let array = arrays[name] else {
            throw TensorFileError(path: path, member: name, reason: .missingMember(available: names.sorted()))
        }
        return array
    }

    /// Reads one array as a whole and checks its checksum.
    public func tensor(_ name: String) throws(TensorFileError) -> Tensor {
        try array(name).tensor()
    }

    /// Reads all arrays.
    public func tensors() throws(TensorFileError) -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for name in names { tensors[name] = try tensor(name) }
        return tensors
    }

    /// Reads all arrays of a file.
    public static func read(path: String) throws(TensorFileError) -> [String: Tensor] {
        try NPZFile(path: path).tensors()
    }

    /// Writes an archive with the arrays in ascending byte order of their names; equal arrays give equal bytes.
    public static func write(
        _ tensors: [String: Tensor], to path: String, compression: Compression = .stored
    ) throws(TensorFileError) {
        try AtomicFile.write(to: path) { (writer) throws(TensorFileError) in
            var archive = ZIPWriter(writer)
            for (name, tensor) in tensors.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                try append(tensor, named: name, to: &archive, compression)
            }
            try archive.finish()
        }
    }

    private static func append(
        _ tensor: Tensor, named name: String, to archive: inout ZIPWriter, _ compression: Compression
    ) throws(TensorFileError) {
        let header = NPYHeader.encoded(shape: tensor.shape, elementType: tensor.elementType)
        let byteCount = header.count + tensor.byteCount
        let headerChecksum = Deflate.checksum(of: header)
        let checksum = unsafe Deflate.checksum(of: tensor.storage.bytes, continuing: headerChecksum)
        switch compression {
        case .stored:
            try archive.appendMember(
                name: name + ".npy", method: .stored, checksum: checksum, byteCount: byteCount,
                storedByteCount: byteCount
            ) { (writer) throws(TensorFileError) in
                try writer.append(header)
                try writer.append(tensor.storage)
            }
        case .deflated:
            let compressor = DeflateCompressor()
            var bytes: [UInt8] = []
            unsafe header.withUnsafeBytes { unsafe compressor.compress($0, isLast: false, into: &bytes) }
            unsafe compressor.compress(tensor.storage.bytes, isLast: true, into: &bytes)
            let deflated = bytes
            try archive.appendMember(
                name: name + ".npy", method: .deflated, checksum: checksum, byteCount: byteCount,
                storedByteCount: deflated.count
            ) { (writer) throws(TensorFileError) in
                try writer.append(deflated)
            }
        }
    }
}
