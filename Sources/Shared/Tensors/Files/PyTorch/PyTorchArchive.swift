/// The zip archive that `torch.save` makes: `NAME/data.pkl`, `NAME/data/KEY`, `NAME/version`, perhaps `NAME/byteorder`.
struct PyTorchArchive {
    private let archive: ZIPArchive
    private let members: [String: ZIPArchive.Member]
    /// Name of the folder, with its slash.
    private let root: String
    private let isBigEndian: Bool
    private let path: String

    /// Views that are not contiguous are copied; together they may take this many times the file's size, or the minimum.
    private static let copyFactor = 4
    private static let minimumCopyBudget = 256 << 20

    init(path: String) throws(TensorFileError) {
        self.path = path
        let file = try InputFile(path: path)
        try Self.checkStart(file)
        archive = try ZIPArchive(file: file)
        members = Dictionary(uniqueKeysWithValues: archive.members.map { ($0.name, $0) })
        let pickles = archive.members.map(\.name).filter(Self.isPickle)
        guard pickles.count == 1 else {
            throw TensorFileError(
                path: path,
                reason: .malformed("it holds \(pickles.count) members NAME/data.pkl, not 1; it is not of torch.save"))
        }
        root = String(pickles[0].dropLast("data.pkl".count))
        guard members[root + "constants.pkl"] == nil else {
            throw TensorFileError(
                path: path, reason: .unsupported("a scripted model; save model.state_dict() instead"))
        }
        isBigEndian = try Self.isBigEndian(archive, members[root + "byteorder"])
    }

    /// Whether a member is the description of the objects.
    static func isPickle(_ name: String) -> Bool {
        name.hasSuffix("/data.pkl") && name.count(where: { $0 == "/" }) == 1
    }

    /// Tells the other formats of PyTorch from damage.
    private static func checkStart(_ file: InputFile) throws(TensorFileError) {
        let start = try file.bytes(0..<min(file.byteCount, 4))
        guard !start.starts(with: [0x50, 0x4B]) else { return }
        guard start.starts(with: [0x80]) else {
            throw TensorFileError(path: file.path, reason: .malformed("it is no zip archive of torch.save"))
        }
        throw TensorFileError(
            path: file.path,
            reason: .unsupported(
                "the format of PyTorch before 1.6, which is no zip archive; load it with PyTorch and save it again: "
                    + "torch.save(torch.load('OLD.pth', weights_only=True), 'NEW.pth')"))
    }

    private static func isBigEndian(
        _ archive: ZIPArchive, _ member: ZIPArchive.Member?
    ) throws(TensorFileError) -> Bool {
        guard let member else { return false }
        guard member.byteCount <= 16 else {
            throw TensorFileError(path: archive.file.path, member: member.name, reason: .malformed("it is too long"))
        }
        switch String(decoding: try archive.storage(of: member).copyBytes(), as: UTF8.self) {
        case "little": return false
        case "big": return true
        case let order:
            throw TensorFileError(
                path: archive.file.path, member: member.name, reason: .unsupported("the byte order '\(order)'"))
        }
    }

    /// The description of the objects.
    func pickle() throws(TensorFileError) -> [UInt8] {
        guard let member = members[root + "data.pkl"] else {
            throw TensorFileError(path: path, reason: .malformed("it has no data.pkl"))
        }
        guard member.byteCount <= PyTorchFile.maximumPickleByteCount else {
            throw TensorFileError(
                path: path, member: member.name, reason: .unsupported("a description of \(member.byteCount) bytes"))
        }
        return try archive.storage(of: member).copyBytes()
    }

    /// The size of a storage.
    func byteCount(ofStorage key: String) throws(PickleError) -> Int {
        guard let member = members["\(root)data/\(key)"] else { throw .malformed("it has no storage '\(key)'") }
        return member.byteCount
    }

    /// Reads the tensors; those of one storage share its bytes where they are contiguous.
    func tensors(_ entries: [PyTorchFile.Entry]) throws(TensorFileError) -> StateDictionary {
        try checkCopies(entries)
        var storages: [String: TensorStorage] = [:]
        var result = StateDictionary()
        for entry in entries {
            switch entry.leaf {
            case .integer(let value): result[entry.name] = Tensor(scalar: value)
            case .real(let value): result[entry.name] = Tensor(scalar: value)
            case .boolean(let value): result[entry.name] = Tensor(scalar: value)
            case .tensor(let view):
                let storage: TensorStorage
                if let known = storages[view.storage.key] {
                    storage = known
                } else {
                    storage = try read(view.storage)
                    storages[view.storage.key] = storage
                }
                result[entry.name] = try tensor(view, of: storage, name: entry.name)
            }
        }
        return result
    }

    /// Where the tensors lie in the file, for reading parts of them.
    ///
    /// - Throws: `unsupported` for a tensor whose elements do not lie together, little-endian and not compressed.
    func arrays(_ entries: [PyTorchFile.Entry]) throws(TensorFileError) -> [StoredArray] {
        var arrays: [StoredArray] = []
        for entry in entries {
            guard case .tensor(let view) = entry.leaf else { continue }
            guard let member = members["\(root)data/\(view.storage.key)"] else {
                throw TensorFileError(path: path, reason: .malformed("it has no storage '\(view.storage.key)'"))
            }
            guard view.isContiguous, member.method == .stored, !isBigEndian else {
                throw TensorFileError(
                    path: path, member: entry.name,
                    reason: .unsupported(
                        "samples out of a tensor that is not contiguous, little-endian and uncompressed in the file; save "
                            + "tensor.contiguous() of it with torch.save"))
            }
            let stored = try archive.range(of: member)
            let start =
                stored.lowerBound + (view.shape.elementCount == 0 ? 0 : view.offset * view.elementType.byteCount)
            let end = start + view.shape.elementCount * view.elementType.byteCount
            guard end <= stored.upperBound else {
                throw TensorFileError(
                    path: path, member: entry.name,
                    reason: .truncated(needed: end - stored.lowerBound, available: stored.count))
            }
            arrays.append(
                try StoredArray(
                    elementsIn: archive.file, range: start..<end, name: entry.name, elementType: view.elementType,
                    shape: view.shape))
        }
        return arrays
    }

    /// Refuses views whose copies would take far more memory than the file.
    private func checkCopies(_ entries: [PyTorchFile.Entry]) throws(TensorFileError) {
        let budget = max(
            Self.minimumCopyBudget, archive.file.byteCount.multipliedReportingOverflow(by: Self.copyFactor).0)
        var total = 0
        for entry in entries {
            guard case .tensor(let view) = entry.leaf, !view.isContiguous else { continue }
            let (bytes, overflow) = view.shape.elementCount.multipliedReportingOverflow(by: view.elementType.byteCount)
            let (sum, overflowToo) = total.addingReportingOverflow(bytes)
            guard !overflow, !overflowToo, sum <= budget else {
                throw TensorFileError(
                    path: path, member: entry.name,
                    reason: .unsupported(
                        "views that repeat elements and take over \(budget) bytes; save tensor.clone() of them"))
            }
            total = sum
        }
    }

    private func read(_ storage: PickledStorage) throws(TensorFileError) -> TensorStorage {
        guard let member = members["\(root)data/\(storage.key)"] else {
            throw TensorFileError(path: path, reason: .malformed("it has no storage '\(storage.key)'"))
        }
        return try archive.storage(of: member)
    }

    private func tensor(
        _ view: PickledTensor, of storage: TensorStorage, name: String
    ) throws(TensorFileError) -> Tensor {
        let width = view.elementType.byteCount
        let part: TensorStorage
        if view.isContiguous {
            let start = view.shape.elementCount == 0 ? 0 : view.offset * width
            part = TensorStorage(part: start..<start + view.shape.elementCount * width, of: storage)
        } else {
            switch width {
            case 1: part = Self.gathered(view, storage, UInt8.self)
            case 2: part = Self.gathered(view, storage, UInt16.self)
            case 4: part = Self.gathered(view, storage, UInt32.self)
            default: part = Self.gathered(view, storage, UInt64.self)
            }
        }
        return try ElementReordering.tensor(
            from: part, shape: view.shape, elementType: view.elementType, isBigEndian: isBigEndian, path: path,
            member: name)
    }

    /// Copies the elements of a view, seen as words of their size, in row-major order.
    private static func gathered<Word: TensorElement>(
        _ view: PickledTensor, _ storage: TensorStorage, _ type: Word.Type
    ) -> TensorStorage {
        let count = storage.byteCount / MemoryLayout<Word>.size
        let whole = Tensor(
            shape: [count], elementType: Word.elementType,
            storage: TensorStorage(part: 0..<count * MemoryLayout<Word>.size, of: storage))
        var result = Tensor(zeros: view.shape, elementType: Word.elementType)
        whole.withElements(as: Word.self) { (source: Span<Word>) in
            result.withMutableElements(as: Word.self) { (target: inout MutableSpan<Word>) in
                var coordinates = [Int](repeating: 0, count: view.shape.rank)
                var position = view.offset
                for index in target.indices {
                    target[index] = source[position]
                    for axis in coordinates.indices.reversed() {
                        coordinates[axis] += 1
                        position += view.strides[axis]
                        if coordinates[axis] < view.shape[axis] { break }
                        position -= coordinates[axis] * view.strides[axis]
                        coordinates[axis] = 0
                    }
                }
            }
        }
        return result.storage
    }
}

extension ZIPArchive {
    /// The bytes of a member that is stored as it is, checked against its checksum; a checksum of 0 is one that PyTorch
    /// was told not to compute.
    func storage(of member: Member) throws(TensorFileError) -> TensorStorage {
        guard member.method == .stored else {
            throw TensorFileError(
                path: file.path, member: member.name,
                reason: .unsupported("a compressed member; torch.save stores them as they are"))
        }
        let storage = try file.storage(try range(of: member))
        if member.checksum != 0 {
            let computed = unsafe Deflate.checksum(of: storage.bytes, continuing: 0)
            guard computed == member.checksum else {
                throw TensorFileError(
                    path: file.path, member: member.name,
                    reason: .checksumMismatch(stored: member.checksum, computed: computed))
            }
        }
        return storage
    }
}
