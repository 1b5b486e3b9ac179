/// What the integers of one quantized tensor stand for: `real = (integer - zeroPoint) * scale`.
public struct QuantizedTensorType: Sendable, Hashable {
    /// The kind of integers.
    public let dtype: QuantDtype
    /// The distance of neighbouring real numbers; positive and finite.
    public let scale: Float
    /// The integer that stands for zero; `nil` for signed kinds, which have 0.
    public let zeroPoint: Int32?

    /// Makes a type.
    ///
    /// - Throws: Unless unsigned kinds come with an integer zero point within their range and signed kinds without one; when the
    ///   kind exists in training only; when the scale is not positive and finite.
    public init(_ dtype: QuantDtype, scale: Float, zeroPoint: Float? = nil) throws(QuantDtypeError) {
        guard dtype.hasTensors else { throw .onlyForTraining(dtype) }
        guard scale > 0, scale.isFinite else { throw .scale(scale) }
        if let zeroPoint {
            guard dtype.isUnsigned else { throw .unexpectedZeroPoint(dtype, zeroPoint) }
            guard let integer = Int32(exactly: zeroPoint), (dtype.minimum...dtype.maximum).contains(integer) else {
                throw .zeroPoint(dtype, zeroPoint)
            }
            self.zeroPoint = integer
        } else {
            guard !dtype.isUnsigned else { throw .missingZeroPoint(dtype) }
            self.zeroPoint = nil
        }
        self.dtype = dtype
        self.scale = scale
    }

    /// Makes the type of a tensor that is quantized with the given parameters.
    public init(_ parameters: QParams) throws(QuantDtypeError) {
        try self.init(
            parameters.dtype, scale: parameters.scale, zeroPoint: parameters.zeroPoint.map { Float($0) })
    }
}

extension QuantDtype {
    /// Whether there are tensors of this kind; the others exist in training only.
    public var hasTensors: Bool { self != .quint2 && self != .qint2 }

    /// The kind that a dtype and the older keyword `narrow_range` name together: `qint8` with it is `qint8_narrow`.
    ///
    /// - Throws: When the keyword contradicts the dtype, and for kinds that have no narrow form.
    public func withNarrowRange(_ isNarrow: Bool) throws(QuantDtypeError) -> QuantDtype {
        switch (self, isNarrow) {
        case (.qint8, true), (.qint8Narrow, true): return .qint8Narrow
        case (.qint8Narrow, false), (_, true): throw .narrowRange(self, isNarrow)
        case (_, false): return self
        }
    }
}

/// Why there is no quantized tensor of some kind.
public enum QuantDtypeError: Error, Hashable, CustomStringConvertible {
    /// The kind exists in training only.
    case onlyForTraining(QuantDtype)
    /// The scale is not positive and finite.
    case scale(Float)
    /// An unsigned kind needs a zero point.
    case missingZeroPoint(QuantDtype)
    /// A signed kind has no zero point.
    case unexpectedZeroPoint(QuantDtype, Float)
    /// The keyword `narrow_range` does not go with the kind.
    case narrowRange(QuantDtype, Bool)
    /// The zero point is no integer of the kind.
    case zeroPoint(QuantDtype, Float)

    /// What is wrong and what is accepted.
    public var description: String {
        switch self {
        case .onlyForTraining(let dtype):
            "there are no tensors of \(dtype.rawValue), it is for training only; use qint4 or quint4"
        case .scale(let scale): "the scale \(scale) is not positive and finite"
        case .missingZeroPoint(let dtype):
            "\(dtype.rawValue) needs a zero point in \(dtype.minimum)...\(dtype.maximum); use an asymmetric observer"
        case .unexpectedZeroPoint(let dtype, let zeroPoint):
            "\(dtype.rawValue) has no zero point, but \(zeroPoint) was given; use a symmetric observer or an unsigned kind"
        case .narrowRange(let dtype, let isNarrow):
            "\(dtype.rawValue) cannot have narrow_range \(isNarrow); only qint8 can be narrowed, to qint8_narrow"
        case .zeroPoint(let dtype, let zeroPoint):
            "the zero point \(zeroPoint) is no integer in \(dtype.minimum)...\(dtype.maximum), the range of \(dtype.rawValue)"
        }
    }
}
