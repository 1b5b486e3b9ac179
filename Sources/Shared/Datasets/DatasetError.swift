public import Tensors

/// Why calibration data cannot be used: the file, the sample, and the reason.
public enum DatasetError: Error, Hashable, Sendable {
    /// An array file could not be read.
    case file(TensorFileError)
    /// A path is of no known format, or its folder cannot be listed.
    case unsupportedPath(path: String, reason: String)
    /// A file contradicts its format.
    case malformedFile(path: String, reason: String)
    /// A file is not what it was when it was opened.
    case changedFile(path: String)
    /// One sample is broken; the others may be fine. The caller decides by `BadSamplePolicy`.
    case badSample(sample: String, reason: String)
    /// Two paths that are to be one dataset hold different things.
    case differingFiles(path: String, other: String, reason: String)
    /// More samples were asked for than there are.
    case tooFewSamples(requested: Int, available: Int)
    /// The preprocessing is wrong or does not suit the model or the data.
    case preprocessing(source: String, reason: String)
    /// A model input gets no data, or data of another type or shape.
    case input(name: String, reason: String)
    /// An archive has no array of a name.
    case missingArray(path: String, name: String, available: [String])
    /// The samples of one batch have different shapes or types.
    case differingSamples(input: String, sample: String, form: String, other: String, otherForm: String)
    /// Bytes that are to be a sample from another process are not.
    case malformedMessage(reason: String)

    /// Whether a whole file is affected, and not the sample that was being read.
    public var concernsAFile: Bool {
        if case .changedFile = self { true } else { false }
    }

    /// Whether only one sample is affected, so that a caller whose policy is `skip` may go on.
    public var concernsOneSample: Bool {
        if case .badSample = self { true } else { false }
    }
}

extension DatasetError: CustomStringConvertible {
    /// The place, the reason and the remedy in one line.
    public var description: String {
        switch self {
        case .file(let error): error.description
        case .unsupportedPath(let path, let reason), .malformedFile(let path, let reason): "\(path): \(reason)"
        case .changedFile(let path):
            "\(path) was changed while it was in use; put the old file back, or start again with the new one"
        case .badSample(let sample, let reason): "sample \(sample): \(reason)"
        case .differingFiles(let path, let other, let reason): "\(path) and \(other) cannot be one dataset: \(reason)"
        case .tooFewSamples(let requested, let available):
            "\(requested) samples were asked for, but the data have \(available); ask for fewer or give more data"
        case .preprocessing(let source, let reason): "\(source): \(reason)"
        case .input(let name, let reason): "model input '\(name)': \(reason)"
        case .missingArray(let path, let name, let available):
            "model input '\(name)': \(path) has no array of this name, only: \(available.joined(separator: ", ")); save the array "
                + "under the name of the input, or map it with 'source:' in the preprocessing file"
        case .differingSamples(let input, let sample, let form, let other, let otherForm):
            "samples \(sample) and \(other) cannot be in one batch: for model input '\(input)' they give \(form) and "
                + "\(otherForm); give all samples one size (resize, center_crop) or use batch size 1"
        case .malformedMessage(let reason): "a sample was damaged on its way: \(reason)"
        }
    }
}
