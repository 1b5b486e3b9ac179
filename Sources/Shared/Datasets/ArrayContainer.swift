import Tensors

/// A file of arrays (.npz, .npy, IDX) that count the samples along their outermost axis.
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
            let present = file.names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            let names = wanted ?? present
            var arrays: [StoredArray] = []
            for name in names { arrays.append(try file.array(name)) }
            let ignored = present.filter { !names.contains($0) }
            self.init(path: path, arrays: arrays, ignoredArrays: ignored)
        } catch {
            guard case .missingMember(let available) = error.reason else { throw .file(error) }
            throw .missingArray(path: path, name: error.member ?? "", available: available)
        }
        try check()
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
