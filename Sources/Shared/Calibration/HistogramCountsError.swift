public import Quantization

/// Why counts of the second pass were refused or could not be merged.
public enum HistogramCountsError: Error, Hashable, CustomStringConvertible {
    /// There is no tensor.
    case noTensors
    /// The batches do not increase at this index.
    case batchesNotSorted(UInt64)
    /// The same batch was counted on both sides.
    case duplicateBatch(UInt64)
    /// A tensor does not have a row of counts for each batch.
    case malformed(tensor: String)
    /// A bin of a batch has more elements than a file can say.
    case tooManyElements(tensor: String, batch: UInt64)
    /// The counts belong to two models.
    case modelsDiffer(String, String)
    /// The counts belong to two plans.
    case plansDiffer(String, String)
    /// A tensor was counted on one side only, or in another number of bins.
    case tensorsDiffer(String)
    /// The batches are not those of the first pass.
    case otherBatches
    /// The counts of one tensor are not those of its statistics.
    case tensor(String, TensorStatisticsError)
    /// The statistics contradict themselves.
    case statistics(CalibrationStatisticsError)
    /// The file is no file of these counts, or cannot be written.
    case file(StatisticsFileError)

    /// The place, the reason and, where there is one, the remedy.
    public var description: String {
        switch self {
        case .noTensors: "the counts name no tensor; at least one tensor must be counted"
        case .batchesNotSorted(let index): "batch \(index) is not in increasing order"
        case .duplicateBatch(let index): "batch \(index) was counted twice; merge every batch once"
        case .malformed(let tensor): "tensor '\(tensor)' does not have a row of counts for each batch"
        case .tooManyElements(let tensor, let batch):
            "tensor '\(tensor)' has more than \(UInt32.max) elements in one bin of batch \(batch); lower --batch-size"
        case .modelsDiffer(let first, let second): "the counts belong to different models (\(first) and \(second))"
        case .plansDiffer(let first, let second): "the counts belong to different plans (\(first) and \(second))"
        case .tensorsDiffer(let name): "tensor '\(name)' was counted by only one side, or in other bins"
        case .otherBatches: "the counts are of other batches than the statistics of the first pass"
        case .tensor(let name, let error): "tensor '\(name)': \(error)"
        case .statistics(let error): "\(error)"
        case .file(let error): "\(error)"
        }
    }
}
