/// The range that a calibration method chose for a tensor.
public struct SelectedRange: Sendable, Hashable {
    /// The range; quantization parameters follow from it by `QuantizationParameters.init(range:scheme:)`.
    public let range: TensorRange
    /// What the user should know about the choice.
    public let warnings: [RangeWarning]

    /// Makes a selected range.
    public init(range: TensorRange, warnings: [RangeWarning] = []) {
        self.range = range
        self.warnings = warnings
    }
}

/// Something that does not prevent a range but is worth a message; the caller adds the tensor's name.
public enum RangeWarning: Sendable, Hashable, CustomStringConvertible {
    /// All observed elements had this one value.
    case constant(Float)

    /// What was seen.
    public var description: String {
        switch self {
        case .constant(let value):
            "every observed element is \(value); the tensor may not depend on the calibration data"
        }
    }
}

/// Why no range could be chosen; the caller adds the tensor's name.
public enum RangeSelectionError: Error, Hashable, CustomStringConvertible {
    /// No finite element was observed.
    case nothingObserved
    /// Elements that are not a number occurred.
    case notANumber(count: UInt64)
    /// Infinite elements occurred.
    case infinite(count: UInt64)
    /// The method reads the histogram, but none was collected.
    case noHistogram(CalibrationMethod)
    /// The method reads a histogram of another system, but none with these settings was counted.
    case noRangedHistogram(CalibrationMethod)
    /// The scheme has one scale per channel, but statistics are kept for the whole tensor.
    case perChannelActivation

    /// The reason and the remedy.
    public var description: String {
        switch self {
        case .nothingObserved:
            "no finite element was observed; check that the calibration data reaches this tensor, or exclude its node"
        case .notANumber(let count):
            "\(count) elements are not a number; check the model and the calibration data, or exclude its node"
        case .infinite(let count):
            "\(count) elements are infinite; check the model and the calibration data, or exclude its node"
        case .noHistogram(let method):
            "no histogram was collected, but method \(method) needs one; calibrate again with this method or use minmax"
        case .noRangedHistogram(let method):
            "no histogram was counted for method \(method), which needs a second pass over the data; calibrate with this method, "
                + "or use histogram"
        case .perChannelActivation:
            "activations are observed per tensor; use per-tensor granularity for activations"
        }
    }
}
