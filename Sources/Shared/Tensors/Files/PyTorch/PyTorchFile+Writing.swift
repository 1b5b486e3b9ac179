extension PyTorchFile {
    /// Name of the folder in the archive, that of `torch.save` to a buffer: the bytes do not depend on the file's name.
    private static let folder = "archive"
    /// Where PyTorch starts storages, so that a mapped file has aligned tensors.
    private static let alignment = 64

    /// A named value of a dictionary.
    public struct Item: Sendable, Hashable {
        /// Its key.
        public var name: String
        /// The value.
        public var value: Value

        /// Makes an item.
        public init(_ name: String, _ value: Value) {
            self.name = name
            self.value = value
        }
    }

    /// What a file can hold.
    public indirect enum Value: Sendable, Hashable {
        case tensor(Tensor)
        case integer(Int64)
        case real(Double)
        /// An OrderedDict; no two items have the same name.
        case dictionary([Item])
    }

    /// Writes a state dictionary as a file that `torch.load(path, weights_only=True)` opens.
    ///
    /// Equal dictionaries give equal bytes. `uint16`, `uint32` and `uint64` need PyTorch 2.3 or newer to read.
    ///
    /// - Throws: A `system` error; an older file of this name is then as it was.
    public static func write(_ state: StateDictionary, to path: String) throws(TensorFileError) {
        try write(state.entries.map { Item($0.name, .tensor($0.tensor)) }, to: path)
    }

    /// Writes a dictionary that may hold further ones, such as a checkpoint; all is as for a state dictionary.
    ///
    /// - Precondition: No two items of a dictionary have the same name.
    /// - Throws: A `system` error; an older file of this name is then as it was.
    public static func write(_ items: [Item], to path: String) throws(TensorFileError) {
        let pickle = PickleWriter(items)
        try AtomicFile.write(to: path) { (writer) throws(TensorFileError) in
            var archive = ZIPWriter(writer)
            try append(pickle.bytes, named: "data.pkl", to: &archive)
            try append(Array("little".utf8), named: "byteorder", to: &archive)
            for (index, tensor) in pickle.tensors.enumerated() {
                let storage = tensor.storage
                try archive.appendMember(
                    name: "\(folder)/data/\(index)", method: .stored,
                    checksum: unsafe Deflate.checksum(of: storage.bytes, continuing: 0),
                    byteCount: storage.byteCount, storedByteCount: storage.byteCount, alignment: alignment
                ) { (writer) throws(TensorFileError) in try writer.append(storage) }
            }
            try append(Array("3\n".utf8), named: "version", to: &archive)
            try archive.finish()
        }
    }

    private static func append(
        _ bytes: [UInt8], named name: String, to archive: inout ZIPWriter
    ) throws(TensorFileError) {
        try archive.appendMember(
            name: "\(folder)/\(name)", method: .stored, checksum: Deflate.checksum(of: bytes), byteCount: bytes.count,
            storedByteCount: bytes.count, alignment: alignment
        ) { (writer) throws(TensorFileError) in try writer.append(bytes) }
    }
}
