public import Calibration

/// Why the statistics of an evaluation were refused or could not be merged.
public enum EvaluationStatisticsError: Error, Hashable, CustomStringConvertible {
    /// There is no sample.
    case noSamples
    /// A layer has the empty name.
    case unnamedLayer
    /// The samples do not increase at this one.
    case samplesNotSorted(UInt64)
    /// A sample has other predictions than the rest.
    case predictionsIncomplete(UInt64)
    /// The statistics belong to other models.
    case modelsDiffer
    /// The statistics belong to two plans.
    case plansDiffer(String, String)
    /// Only one side has predictions.
    case predictionsInOneOnly
    /// Only one side has this layer.
    case layerInOneOnly(String)
    /// The same sample was counted on both sides.
    case duplicateSample(UInt64)
    /// A count exceeds 64 bits.
    case countOverflow
    /// The file is no file of these statistics, or cannot be written.
    case file(StatisticsFileError)

    /// The place, the reason and, where there is one, the remedy.
    public var description: String {
        switch self {
        case .noSamples: "the statistics are of no sample"
        case .unnamedLayer: "the statistics have a layer without a name"
        case .samplesNotSorted(let sample): "sample \(sample) is not in increasing order"
        case .predictionsIncomplete(let sample): "the predictions of sample \(sample) are not those of a classifier"
        case .modelsDiffer: "the statistics belong to different models; evaluate one pair of models at a time"
        case .plansDiffer(let first, let second):
            "the statistics belong to different plans (\(first) and \(second)); use the same data, batches and options"
        case .predictionsInOneOnly: "only one side has predictions"
        case .layerInOneOnly(let name): "layer '\(name)' was evaluated by only one side"
        case .duplicateSample(let sample): "sample \(sample) was counted twice; merge every sample once"
        case .countOverflow: "more than 2^64 - 1 elements were counted"
        case .file(let error): "\(error)"
        }
    }
}

extension EvaluationStatisticsError {
    /// Names what fails in a file.
    static func inFile<Result>(
        _ body: () throws(StatisticsFileError) -> Result
    ) throws(EvaluationStatisticsError) -> Result {
        do {
            return try body()
        } catch {
            throw .file(error)
        }
    }
}
