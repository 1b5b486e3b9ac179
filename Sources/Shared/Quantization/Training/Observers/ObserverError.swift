/// Why an observer or a fake quantizer refused something; the caller adds its name.
public enum ObserverError: Error, Hashable, CustomStringConvertible {
    /// A passive observer was asked before it was set, or there is no observer at all.
    case nothingSet
    /// A scale is not positive and finite.
    case scale(Float)
    /// Parameters are of another kind of integers.
    case dtype(QuantDtype, expected: QuantDtype)
    /// Asymmetric parameters were given to a symmetric observer or to TQT.
    case symmetricOnly
    /// The zero point is missing, or no integer of the kind.
    case zeroPoint(Int32?, QuantDtype)
    /// Parameters were set on something that has none of its own.
    case noOwnParameters
    /// A momentum was set on an observer without.
    case noMomentum
    /// The momentum is not in 0...1.
    case momentum(Float)
    /// Extremes alone do not update a histogram.
    case elementsNeeded
    /// A state has another number of tensors.
    case stateCount(Int, expected: [String])
    /// A tensor of a state has another type or shape.
    case stateTensor(String, found: String, expected: String)
    /// A number of a state is impossible.
    case stateValue(String, Float)

    /// What is wrong and the remedy.
    public var description: String {
        switch self {
        case .nothingSet:
            "no scale is known yet; calibrate first and reset the qconfig, which hands the scales over"
        case .scale(let scale): "the scale \(scale) is not positive and finite"
        case .dtype(let dtype, let expected):
            "the parameters are those of \(dtype.rawValue), but \(expected.rawValue) is needed; "
                + "give observer and fake quantizer the same dtype"
        case .symmetricOnly:
            "asymmetric parameters were given where only symmetric ones are possible; use mode symmetric"
        case .zeroPoint(let zeroPoint, let dtype):
            "the zero point \(zeroPoint.map { "\($0)" } ?? "(none)") is not in "
                + "\(dtype.minimum)...\(dtype.maximum), the range of \(dtype.rawValue)"
        case .noOwnParameters: "its scale comes from its data; only passive observers, TQT and LSQ can be given one"
        case .noMomentum: "only an ExponentialMovingAverageObserver has a momentum"
        case .momentum(let momentum): "the momentum \(momentum) is not in 0...1"
        case .elementsNeeded: "a histogram needs the elements, not only the smallest and the largest one"
        case .stateCount(let count, let expected):
            "\(count) tensors of state; needed are \(expected.isEmpty ? "none" : expected.joined(separator: ", "))"
        case .stateTensor(let key, let found, let expected): "\(key) is \(found); it has to be \(expected)"
        case .stateValue(let key, let value): "\(key) cannot be \(value)"
        }
    }
}
