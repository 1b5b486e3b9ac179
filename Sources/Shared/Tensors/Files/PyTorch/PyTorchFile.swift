/// Tensors in the zip files of `torch.save`, read without running anything that is in them.
///
/// Containers may be nested; anything but dictionaries, lists, tuples, numbers, texts and tensors is refused by name.
/// Nothing is allocated before the whole file was found to be consistent.
public enum PyTorchFile {
    /// Longest description of the objects (`data.pkl`) that is read, in bytes.
    public static let maximumPickleByteCount = 64 << 20
    /// Most objects that are looked at.
    public static let maximumObjectCount = 1 << 20
    /// Deepest nesting of containers.
    public static let maximumDepth = 64

    /// Reads the tensors and numbers of a file, in order.
    ///
    /// Names within nested containers are joined by dots, and elements of lists and tuples are numbered: the entry `w` of a
    /// dictionary under `state_dict` is `state_dict.w`. Numbers become scalars of type `int64`, `float64` or `bool`; texts
    /// and `None` are left out. A file that holds a single tensor gives the name `tensor`.
    ///
    /// - Throws: `malformed`, `truncated` or `checksumMismatch` for damaged files, `unsupported` for files of PyTorch
    ///   before 1.6, scripted models, and everything that is no tensor or container.
    public static func read(path: String) throws(TensorFileError) -> StateDictionary {
        let archive = try PyTorchArchive(path: path)
        return try archive.tensors(entries(of: archive, path: path))
    }

    /// The tensors of a file, in order, as arrays whose rows are read one by one; numbers are left out.
    ///
    /// - Throws: As `read`; `unsupported` too for tensors whose elements do not lie together, little-endian and not
    ///   compressed, in the file.
    public static func arrays(path: String) throws(TensorFileError) -> [StoredArray] {
        let archive = try PyTorchArchive(path: path)
        return try archive.arrays(entries(of: archive, path: path))
    }

    /// Whether a file is a zip archive of `torch.save`, and not another one.
    ///
    /// - Throws: `system` when the file cannot be read, `malformed` when it is no zip archive.
    public static func isArchive(path: String) throws(TensorFileError) -> Bool {
        try ZIPArchive(file: InputFile(path: path)).members.contains { PyTorchArchive.isPickle($0.name) }
    }

    private static func entries(of archive: PyTorchArchive, path: String) throws(TensorFileError) -> [Entry] {
        let pickle = try archive.pickle()
        do throws(PickleError) {
            var reader = PickleReader(pickle) { (key) throws(PickleError) in
                try archive.byteCount(ofStorage: key)
            }
            let root = try reader.read()
            var flattening = Flattening(reader: reader)
            try flattening.add(root, name: "", depth: 0)
            return flattening.entries
        } catch {
            switch error {
            case .malformed(let detail): throw TensorFileError(path: path, reason: .malformed(detail))
            case .unsupported(let detail): throw TensorFileError(path: path, reason: .unsupported(detail))
            }
        }
    }

    /// A named tensor or number.
    struct Entry {
        let name: String
        let leaf: Leaf
    }

    /// What an entry becomes.
    enum Leaf {
        case tensor(PickledTensor)
        case integer(Int64)
        case real(Double)
        case boolean(Bool)
    }

    /// Walks the objects; containers may refer to themselves, and a few of them to very many.
    private struct Flattening {
        let reader: PickleReader
        private(set) var entries: [Entry] = []
        private var names: Set<String> = []
        private var nameByteCount = 0
        private var objectCount = 0

        init(reader: PickleReader) {
            self.reader = reader
        }

        mutating func add(_ value: PickleValue, name: String, depth: Int) throws(PickleError) {
            objectCount += 1
            guard objectCount <= PyTorchFile.maximumObjectCount else {
                throw .unsupported("more than \(PyTorchFile.maximumObjectCount) objects")
            }
            guard depth <= PyTorchFile.maximumDepth else {
                throw .unsupported("containers nested deeper than \(PyTorchFile.maximumDepth)")
            }
            func child(_ key: String) -> String { name.isEmpty ? key : "\(name).\(key)" }
            switch value {
            case .none, .text: break
            case .boolean(let value): try add(.boolean(value), name)
            case .integer(let value): try add(.integer(value), name)
            case .real(let value): try add(.real(value), name)
            case .tensor(let tensor): try add(.tensor(tensor), name)
            case .tuple(let tuple):
                for (index, element) in reader.tuples[tuple].enumerated() {
                    try add(element, name: child(String(index)), depth: depth + 1)
                }
            case .list(let list):
                for (index, element) in reader.lists[list].enumerated() {
                    try add(element, name: child(String(index)), depth: depth + 1)
                }
            case .dictionary(let dictionary):
                for (key, value) in reader.dictionaries[dictionary].entries {
                    try add(value, name: child(key), depth: depth + 1)
                }
            case .global, .storage: throw .unsupported("\(value.kind) as a value; only tensors and containers are read")
            }
        }

        private mutating func add(_ leaf: Leaf, _ name: String) throws(PickleError) {
            let name = name.isEmpty ? "tensor" : name
            nameByteCount += name.utf8.count
            guard nameByteCount <= PyTorchFile.maximumPickleByteCount else {
                throw .unsupported("names of over \(PyTorchFile.maximumPickleByteCount) bytes")
            }
            guard names.insert(name).inserted else { throw .unsupported("two entries that are both named '\(name)'") }
            entries.append(Entry(name: name, leaf: leaf))
        }
    }
}
