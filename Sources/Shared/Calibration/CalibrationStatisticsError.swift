public import Quantization
public import Tensors

/// Why the statistics of a model were refused or could not be merged.
public enum CalibrationStatisticsError: Error, Hashable, CustomStringConvertible {
    /// There is no tensor.
    case noTensors
    /// A tensor has the empty name.
    case unnamedTensor
    /// Two tensors did not see the same batches.
    case batchesDiffer(tensor: String, other: String)
    /// The statistics belong to two models.
    case modelsDiffer(String, String)
    /// The statistics belong to two plans.
    case plansDiffer(String, String)
    /// Only one side observed this tensor.
    case tensorInOneOnly(String)
    /// The statistics of one tensor contradict themselves or do not merge.
    case tensor(String, TensorStatisticsError)
    /// The histogram of one tensor contradicts itself.
    case histogram(String, DyadicHistogramError)
    /// The file is no valid safetensors file.
    case file(TensorFileError)
    /// The file is of another kind or another version of the format.
    case unknownFormat(found: String)
    /// The file lacks an entry of the metadata.
    case missingMetadata(String)
    /// The file lacks an entry of a tensor.
    case missingEntry(String)
    /// The file has an entry that belongs to no statistic.
    case unexpectedEntry(String)
    /// An entry has another element type or shape than its statistic.
    case malformedEntry(String)

    /// The place, the reason and, where there is one, the remedy.
    public var description: String {
        switch self {
        case .noTensors: "the statistics name no tensor; at least one tensor must be observed"
        case .unnamedTensor: "the statistics have a tensor without a name"
        case .batchesDiffer(let tensor, let other): "tensors '\(tensor)' and '\(other)' did not see the same batches"
        case .modelsDiffer(let first, let second):
            "the statistics belong to different models (\(first) and \(second)); calibrate one model at a time"
        case .plansDiffer(let first, let second):
            "the statistics belong to different plans (\(first) and \(second)); use the same data, batches and options"
        case .tensorInOneOnly(let name): "tensor '\(name)' was observed by only one side"
        case .tensor(let name, let error): "tensor '\(name)': \(error)"
        case .histogram(let name, let error): "tensor '\(name)': its histogram is invalid: \(error)"
        case .file(let error): "\(error)"
        case .unknownFormat(let found):
            "expected statistics of format \(CalibrationStatistics.formatName) \(CalibrationStatistics.formatVersion), "
                + "found \(found)"
        case .missingMetadata(let key): "the statistics lack the metadata entry '\(key)'"
        case .missingEntry(let key): "the statistics lack '\(key)'"
        case .unexpectedEntry(let key): "'\(key)' is no part of calibration statistics"
        case .malformedEntry(let key): "'\(key)' has another type, shape or content than its statistic"
        }
    }
}
