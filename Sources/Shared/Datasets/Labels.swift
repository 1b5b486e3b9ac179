import Tensors

/// Class labels that lie beside the samples, for measuring accuracy.
public enum Labels {
    /// Reads the labels of a dataset: an integer array of rank 1, or the label of each sample in a tar archive.
    ///
    /// - Parameters:
    ///   - path: A .npz, .npy, safetensors, PyTorch or IDX file, or a tar archive.
    ///   - array: The name of the array in a file of several; in a tar archive the suffix of the members that hold the
    ///     labels (`cls`), or `json:KEY` for a number in JSON members.
    ///   - spoolLimit: Most bytes of a temporary file, which a compressed archive needs.
    ///   - progress: Told how far a compressed archive is.
    /// - Returns: One label for each sample.
    /// - Throws: When the array is absent, of another type, or of another rank.
    public static func read(
        path: String, array: String? = nil, spoolLimit: Int = DatasetSource.defaultSpoolLimit,
        progress: (SpoolProgress) -> Void = { _ in }
    ) throws(DatasetError) -> [Int] {
        if let array, let compression = try tarCompression(of: path) {
            return try TarLabels.read(
                path: path, compression: compression, name: array, spoolLimit: spoolLimit, progress: progress)
        }
        let source = try opened(path, array: array)
        guard case .arrays(let arrays) = source.content, arrays.count == 1, let form = arrays.first else {
            throw .malformedFile(path: path, reason: "labels are one array; name it when the file has several")
        }
        guard array == nil || form.name == array else {
            throw .malformedFile(
                path: path,
                reason: "its array has no name, so that there is none '\(array ?? "")'; name a file of labels")
        }
        guard form.shape.rank == 0, !form.elementType.isFloatingPoint, form.elementType != .bool else {
            throw .malformedFile(path: path, reason: "labels are one integer for each sample, not \(form)")
        }
        var labels: [Int] = []
        for index in 0..<source.sampleCount {
            guard case .arrays(let entries) = try source.readRaw(index).content, let entry = entries.first,
                let label = integer(entry.tensor)
            else {
                throw .malformedFile(path: path, reason: "label \(index) does not fit a 64-bit integer")
            }
            labels.append(label)
        }
        return labels
    }

    /// Reads the labels that lie beside samples.
    ///
    /// - Parameters:
    ///   - samples: The samples.
    ///   - array: The name of the array that holds a sample's label.
    /// - Returns: The label of each sample in use.
    /// - Throws: When a sample has no such array, or not one integer in it.
    public static func read(_ samples: DatasetSource, array: String) throws(DatasetError) -> [Int] {
        var labels: [Int] = []
        for index in 0..<samples.sampleCount {
            let sample = try samples.readRaw(index)
            guard case .arrays(let entries) = sample.content, let entry = entries.first(where: { $0.name == array }),
                entry.tensor.elementCount == 1, let label = integer(entry.tensor)
            else {
                throw .malformedFile(
                    path: sample.name, reason: "it has no array '\(array)' with one whole number, its label")
            }
            labels.append(label)
        }
        return labels
    }

    /// How a tar archive is compressed; `nil` when the path is something else.
    private static func tarCompression(of path: String) throws(DatasetError) -> FileFormat? {
        guard try FileKind(path: path) == .file else { return nil }
        guard let format = try DatasetSource.format(of: path), [.tar, .gzip, .zstandard].contains(format),
            try TarIndex.isTar(path: path, compression: format)
        else { return nil }
        return format
    }

    private static func opened(_ path: String, array: String?) throws(DatasetError) -> DatasetSource {
        do throws(DatasetError) {
            return try DatasetSource(paths: [path], arrays: array.map { [$0] })
        } catch {
            guard case .missingArray(_, let name, let available) = error else { throw error }
            let names = available.joined(separator: ", ")
            throw .malformedFile(
                path: path,
                reason: "it has no array '\(name)' with labels, only: \(names); name one of these, or a file of labels")
        }
    }

    private static func integer(_ tensor: Tensor) -> Int? {
        switch tensor.elementType {
        case .int8: tensor.elements(as: Int8.self).first.map { Int($0) }
        case .uint8: tensor.elements(as: UInt8.self).first.map { Int($0) }
        case .int16: tensor.elements(as: Int16.self).first.map { Int($0) }
        case .uint16: tensor.elements(as: UInt16.self).first.map { Int($0) }
        case .int32: tensor.elements(as: Int32.self).first.map { Int($0) }
        case .uint32: tensor.elements(as: UInt32.self).first.map { Int($0) }
        case .int64: tensor.elements(as: Int64.self).first.map { Int($0) }
        case .uint64: tensor.elements(as: UInt64.self).first.flatMap { Int(exactly: $0) }
        case .float32, .float16, .bfloat16, .float64, .bool: nil
        }
    }
}
