import Calibration
import Quantization

/// What `tare inspect` says about saved statistics.
struct StatisticsDescription: Encodable {
    /// One tensor.
    struct Entry: Encodable {
        /// Name.
        let name: String
        /// Elements seen.
        let elements: UInt64
        /// Smallest finite value.
        let minimum: Float?
        /// Largest finite value.
        let maximum: Float?
        /// Elements equal to zero.
        let zeros: UInt64
        /// Elements that are no finite number.
        let notFinite: UInt64
        /// Batches seen.
        let batches: Int
        /// Bins of the histogram; absent when none was collected.
        let histogramBins: Int?
        /// Whose histogram a second pass counted, with bins and parts of a bin; absent without one.
        let rangedHistogram: String?
    }

    /// All tensors, by name.
    let tensors: [Entry]

    init(_ statistics: CalibrationStatistics) {
        tensors = statistics.tensors.sorted { $0.key < $1.key }.map { name, tensor in
            let counts = tensor.counts
            return Entry(
                name: name, elements: counts.total, minimum: tensor.range?.minimum, maximum: tensor.range?.maximum,
                zeros: counts.zeros, notFinite: counts.nans + counts.positiveInfinities + counts.negativeInfinities,
                batches: tensor.batches.count, histogramBins: tensor.histogram?.counts.count,
                rangedHistogram: tensor.rangedHistogram?.rule?.description)
        }
    }

    /// A table with one line for each tensor.
    var text: String {
        var table = TextTable([
            "tensor", "elements", "minimum", "maximum", "zeros", "not finite", "batches", "bins", "second pass",
        ])
        for tensor in tensors {
            table.append([
                tensor.name, String(tensor.elements), tensor.minimum.map { "\($0)" } ?? "-",
                tensor.maximum.map { "\($0)" } ?? "-", String(tensor.zeros), String(tensor.notFinite),
                String(tensor.batches), tensor.histogramBins.map(String.init) ?? "-", tensor.rangedHistogram ?? "-",
            ])
        }
        return table.lines.joined(separator: "\n")
    }
}
