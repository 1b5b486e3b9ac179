/// The integers of a candidate range, for errors that are computed value by value.
struct QuantizedGrid {
    private let scale: Double
    private let zeroPoint: Double
    private let minimum: Double
    private let maximum: Double

    init(minimum: Double, maximum: Double, scheme: QuantizationScheme) {
        let range = TensorRange(minimum: Float(minimum), maximum: Float(maximum))
        let parameters = QuantizationParameters(range: range, scheme: scheme)
        scale = Double(parameters.scales[0])
        zeroPoint = Double(parameters.zeroPoints[0])
        self.minimum = Double(scheme.minimum)
        self.maximum = Double(scheme.maximum)
    }

    /// The distance of two neighbouring representable values.
    var step: Double { scale }

    /// The integer of a value, rounded half to even, counted from the smallest integer.
    func level(of value: Double) -> Int {
        let integer = (value / scale).rounded(.toNearestOrEven) + zeroPoint
        return Int(min(max(integer, minimum), maximum) - minimum)
    }

    /// The value that an integer stands for.
    func value(ofLevel level: Int) -> Double {
        (Double(level) + minimum - zeroPoint) * scale
    }
}
