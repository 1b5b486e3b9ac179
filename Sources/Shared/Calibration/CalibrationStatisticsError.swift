public import Quantization

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
    /// The file is no file of these statistics, or cannot be written.
    case file(StatisticsFileError)

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
        }
    }
}

extension CalibrationStatisticsError {
    /// Names what fails in a file.
    static func inFile<Result>(
        _ body: () throws(StatisticsFileError) -> Result
    ) throws(CalibrationStatisticsError) -> Result {
        do {
            return try body()
        } catch {
            throw .file(error)
        }
    }
}
