public import Tensors

/// Quantization of biases to `int32` with the scale of the products they are added to.
public enum BiasQuantization {
    /// ONNX Runtime's safety factor on the smallest scale at which a bias still fits 32 bits.
    private static let safetyFactor = 1.0001
    /// Number of steps between -(2^31 - 1) and 2^31 - 1.
    private static let stepCount = 4_294_967_294.0

    /// Weight parameters whose scales are large enough that the bias fits 32 bits, as ONNX Runtime raises them.
    ///
    /// Where `inputScale * weightScale` is smaller than `1.0001 * 2 * |bias| / (2^32 - 2)`, the weight scale grows to
    /// meet it; the arithmetic is `Double`, the result is rounded to `Float`. Per tensor the largest |bias| counts.
    public static func adjustingWeightParameters(
        _ weight: QuantizationParameters, inputScale: Float, bias: Tensor
    ) throws(WeightQuantizationError) -> QuantizationParameters {
        let magnitudes = try magnitudes(of: bias, channels: weight)
        let scales = zip(weight.scales, magnitudes).map { scale, magnitude in
            let smallest = safetyFactor * (2 * Double(magnitude)) / stepCount
            let candidate = Double(inputScale) * Double(scale)
            guard candidate > 0, candidate < smallest else { return scale }
            return Float(Double(scale) * (smallest / candidate))
        }
        return QuantizationParameters(
            type: weight.type, scales: scales, zeroPoints: weight.zeroPoints, axis: weight.axis)
    }

    /// Quantizes a bias: scale `inputScale * weightScale` in `Float`, division in `Double`, half to even, saturating.
    ///
    /// A product of scales that vanishes in `Float` cannot stand for a bias; it is raised to the smallest normal number.
    public static func quantize(
        _ bias: Tensor, inputScale: Float, weight: QuantizationParameters
    ) throws(WeightQuantizationError) -> QuantizedTensor {
        _ = try magnitudes(of: bias, channels: weight)
        let scales = weight.scales.map { max(inputScale * $0, Float.leastNormalMagnitude) }
        let integers = bias.elements(as: Float.self).enumerated().map { index, value in
            let scale = scales.count == 1 ? scales[0] : scales[index]
            let quotient = (Double(value) / Double(scale)).rounded(.toNearestOrEven)
            return Int32(min(max(quotient, Double(Int32.min)), Double(Int32.max)))
        }
        let parameters = QuantizationParameters(
            type: .int32, scales: scales, zeroPoints: [Int32](repeating: 0, count: scales.count),
            axis: weight.axis == nil ? nil : 0)
        return QuantizedTensor(values: Tensor(shape: bias.shape, elements: integers), parameters: parameters)
    }

    /// The largest magnitude that each weight scale has to carry.
    private static func magnitudes(
        of bias: Tensor, channels weight: QuantizationParameters
    ) throws(WeightQuantizationError) -> [Float] {
        guard bias.elementType == .float32 else { throw .elementType(bias.elementType) }
        let values = bias.elements(as: Float.self)
        if let index = values.firstIndex(where: { !$0.isFinite }) { throw .notFinite(channel: index) }
        if weight.axis == nil { return [values.reduce(0) { max($0, abs($1)) }] }
        guard bias.shape.rank == 1, values.count == weight.scales.count else {
            throw .biasShape(bias.shape, channels: weight.scales.count)
        }
        return values.map(abs)
    }
}
