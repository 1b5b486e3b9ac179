import Tensors

/// Files whose content hides behind checksums and compression: bytes that are no such file become the content of one.
enum ArchiveEntry {
    private static let zipMagic = Array("PK".utf8)
    private static let gzipMagic: [UInt8] = [0x1F, 0x8B]

    /// Reads a NumPy archive, or one with the bytes as its array, stored and deflated.
    static func readNPZ(_ bytes: [UInt8]) throws {
        guard !bytes.starts(with: zipMagic) else { return try DatasetEntry.read(bytes) }
        try DatasetEntry.read(bytes)
        for isDeflated in [false, true] {
            var archive = ZIPBuilder()
            archive.append(bytes, name: "x.npy", isDeflated: isDeflated)
            try DatasetEntry.read(archive.bytes)
        }
    }

    /// Reads a file of `torch.save`, or one with the bytes as its pickle.
    static func readPyTorch(_ bytes: [UInt8]) throws {
        guard !bytes.starts(with: zipMagic) else { return try DatasetEntry.read(bytes, state: .pyTorch) }
        var archive = ZIPBuilder()
        archive.append(bytes, name: "a/data.pkl", isDeflated: false)
        for (name, byteCount) in [("a/data/0", 96), ("a/data/1", 8), ("a/data/2", 0)] {
            archive.append([UInt8](repeating: 1, count: byteCount), name: name, isDeflated: false)
        }
        archive.append(Array("3\n".utf8), name: "a/version", isDeflated: false)
        try DatasetEntry.read(archive.bytes, state: .pyTorch)
    }

    /// Reads an IDX file, as it is and gzipped.
    static func readIDX(_ bytes: [UInt8]) throws {
        try DatasetEntry.read(bytes)
        guard !bytes.starts(with: gzipMagic) else { return }
        let trailer = [Deflate.checksum(of: bytes), UInt32(bytes.count)].flatMap { LittleEndian.bytes(of: $0) }
        try DatasetEntry.read(gzipMagic + [8, 0, 0, 0, 0, 0, 0, 3] + Deflate.compress(bytes) + trailer)
    }
}
