/// A kind of quantized integers, as MegEngine names them: what fake quantization simulates and what tensors are cast to.
public enum QuantDtype: String, Sendable, Hashable, CaseIterable, Codable {
    case qint8
    /// `qint8` without -128: products of two weights never reach 2^14, so pairs of them fit 16 bits.
    case qint8Narrow = "qint8_narrow"
    case quint8
    case qint4
    case quint4
    case qint1
    case qint32
    /// Only for training: there is no tensor of this kind.
    case quint2
    /// Only for training: there is no tensor of this kind.
    case qint2

    /// Smallest integer.
    public var minimum: Int32 {
        switch self {
        case .qint8: -128
        case .qint8Narrow: -127
        case .qint4: -8
        case .qint2: -2
        case .qint32: .min
        case .quint8, .quint4, .quint2, .qint1: 0
        }
    }

    /// Largest integer.
    public var maximum: Int32 {
        switch self {
        case .qint8, .qint8Narrow: 127
        case .quint8: 255
        case .qint4: 7
        case .quint4: 15
        case .qint1, .qint2: 1
        case .quint2: 3
        case .qint32: .max
        }
    }

    /// Whether a zero point is needed: signed kinds must not have one, unsigned ones must.
    public var isUnsigned: Bool {
        switch self {
        case .quint8, .quint4, .quint2: true
        case .qint8, .qint8Narrow, .qint4, .qint1, .qint32, .qint2: false
        }
    }
}

/// Whether zero has an integer of its own choice.
public enum QuantMode: String, Sendable, Hashable, CaseIterable, Codable {
    /// Zero is the integer 0 and the range is symmetric around it.
    case symmetric
    /// Any integer may stand for zero.
    case asymmetric
}
