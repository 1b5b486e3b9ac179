import Tensors

/// A file of arrays (.npz, .npy, safetensors, PyTorch, IDX) that count the samples along their outermost axis.
struct ArrayContainer: SampleContainer {
    let path: String
    let sampleCount: Int
    let content: DatasetContent
    let ignoredArrays: [String]
    private let arrays: [StoredArray]

    /// Opens a NumPy archive.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - wanted: The names of the arrays that are to be read; `nil` for all.
    /// - Throws: `missingArray` when a wanted array is absent.
    init(npz path: String, wanted: [String]?) throws(DatasetError) {
        do throws(TensorFileError) {
            let file = try NPZFile(path: path)
            try self.init(path: path, present: file.names, wanted: wanted) { (name) throws(TensorFileError) in
                try file.array(name)
            }
        } catch {
            throw Self.naming(error, path: path)
        }
        try check()
    }

    /// Opens a safetensors file; as for a NumPy archive.
    init(safetensors path: String, wanted: [String]?) throws(DatasetError) {
        do throws(TensorFileError) {
            let file = try SafetensorsFile(path: path)
            try self.init(path: path, present: file.names, wanted: wanted) { (name) throws(TensorFileError) in
                try file.array(name)
            }
        } catch {
            throw Self.naming(error, path: path)
        }
        try check()
    }

    /// Opens a file of `torch.save`; as for a NumPy archive, except that a single tensor has no name.
    init(pyTorch path: String, wanted: [String]?) throws(DatasetError) {
        do throws(TensorFileError) {
            let arrays = try PyTorchFile.arrays(path: path)
            let names = arrays.compactMap(\.name)
            if let tensor = arrays.first, names == ["tensor"], wanted?.contains("tensor") != true {
                self.init(path: path, arrays: [tensor.unnamed], ignoredArrays: [])
            } else {
                try self.init(path: path, present: names, wanted: wanted) { (name) throws(TensorFileError) in
                    guard let array = arrays.first(where: { $0.name == name }) else {
                        throw TensorFileError(path: path, member: name, reason: .missingMember(available: names))
                    }
                    return array
                }
            }
        } catch {
            throw Self.naming(error, path: path)
        }
        try check()
    }

    /// Takes the wanted arrays of a file that names its arrays.
    private init(
        path: String, present: [String], wanted: [String]?, array: (String) throws(TensorFileError) -> StoredArray
    ) throws(TensorFileError) {
        let present = present.inByteOrder()
        let names = wanted ?? present
        var arrays: [StoredArray] = []
        for name in names { arrays.append(try array(name)) }
        self.init(path: path, arrays: arrays, ignoredArrays: present.filter { !names.contains($0) })
    }

    private static func naming(_ error: TensorFileError, path: String) -> DatasetError {
        guard case .missingMember(let available) = error.reason else { return .file(error) }
        return .missingArray(path: path, name: error.member ?? "", available: available)
    }

    /// Opens a .npy file.
    init(npy path: String) throws(DatasetError) {
        do throws(TensorFileError) {
            self.init(path: path, arrays: [try StoredArray(npyFile: path)], ignoredArrays: [])
        } catch {
            throw .file(error)
        }
        try check()
    }

    /// Takes arrays that were opened one by one.
    init(arrays: [StoredArray], path: String) throws(DatasetError) {
        self.init(path: path, arrays: arrays, ignoredArrays: [])
        try check()
    }

    /// Opens an IDX file, gzipped or not.
    init(idx path: String) throws(DatasetError) {
        do throws(TensorFileError) {
            self.init(path: path, arrays: [try StoredArray(idxFile: path)], ignoredArrays: [])
        } catch {
            throw .file(error)
        }
        try check()
    }

    private init(path: String, arrays: [StoredArray], ignoredArrays: [String]) {
        self.path = path
        self.arrays = arrays
        self.ignoredArrays = ignoredArrays
        sampleCount = arrays.first?.rowCount ?? 0
        content = .arrays(
            arrays.map { array in
                DatasetArray(
                    name: array.name, elementType: array.elementType,
                    shape: Shape(Array(array.shape.dimensions.dropFirst())))
            })
    }

    /// Refuses scalars, arrays of different lengths, and column-major arrays, whose rows cannot be read one by one.
    private func check() throws(DatasetError) {
        guard let first = arrays.first else { throw .malformedFile(path: path, reason: "it holds no array") }
        for array in arrays {
            let name = array.name.map { "array '\($0)'" } ?? "the array"
            guard let count = array.rowCount else {
                throw .malformedFile(path: path, reason: "\(name) is a scalar and counts no samples")
            }
            guard count == first.rowCount else {
                throw .malformedFile(
                    path: path,
                    reason: "array '\(first.name ?? "")' has \(sampleCount) samples, but \(name) has \(count)")
            }
            guard array.hasContiguousRows else {
                throw .malformedFile(
                    path: path, reason: "\(name) is in column-major order; save numpy.ascontiguousarray of it")
            }
        }
        try Self.requireElements(arrays.map { Shape(Array($0.shape.dimensions.dropFirst())) }, path: path)
    }

    func read(_ index: Int) throws(DatasetError) -> RawSample {
        var entries: [RawSample.Entry] = []
        for array in arrays {
            do throws(TensorFileError) {
                entries.append(RawSample.Entry(name: array.name, tensor: try array.row(index)))
            } catch {
                throw .file(error)
            }
        }
        return RawSample(name: name(of: index), content: .arrays(entries))
    }

    func verify() throws(DatasetError) {
        for array in arrays {
            do throws(TensorFileError) { try array.verify() } catch { throw .file(error) }
        }
    }
}
