import Tensors

/// Class labels that lie beside the samples, for measuring accuracy.
public enum Labels {
    /// Reads the labels of a dataset: an integer array of rank 1.
    ///
    /// - Parameters:
    ///   - path: A .npz, .npy or IDX file.
    ///   - array: The name of the array in a .npz file.
    /// - Returns: One label for each sample.
    /// - Throws: When the array is absent, of another type, or of another rank.
    public static func read(path: String, array: String? = nil) throws(DatasetError) -> [Int] {
        let source = try opened(path, array: array)
        guard case .arrays(let arrays) = source.content, arrays.count == 1, let form = arrays.first else {
            throw .malformedFile(path: path, reason: "labels are one array; name it when the file has several")
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
