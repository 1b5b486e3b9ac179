import Quantization
import Tensors

/// Chooses the range of each channel of a weight that loses the least when it is rounded and saturated.
///
/// Candidates are 100 %, 99 %, ... 50 % of the channel's own range; the first with the least sum of squared differences
/// wins. Sums are in `Double`, in element order.
enum WeightRangeSearch {
    private static let candidates = (50...100).reversed().map { Double($0) / 100 }

    static func parameters(
        for weight: Tensor, scheme: QuantizationScheme, axis: Int?
    ) throws(WeightQuantizationError) -> QuantizationParameters {
        let ranges = try WeightQuantization.ranges(of: weight, axis: axis)
        guard let layout = ChannelLayout(shape: weight.shape, axis: axis) else {
            throw .noSuchAxis(axis ?? 0, weight.shape)
        }
        var channels = [[Float]](repeating: [], count: layout.channelCount)
        weight.withElements(as: Float.self) { (elements: Span<Float>) in
            layout.forEachRun { channel, run in
                for index in run { channels[channel].append(elements[index]) }
            }
        }
        let best = zip(channels, ranges).map { values, range in bestRange(values, range: range, scheme: scheme) }
        guard let axis else { return QuantizationParameters(range: best[0], scheme: scheme) }
        return QuantizationParameters(channelRanges: best, axis: axis, scheme: scheme)
    }

    private static func bestRange(_ values: [Float], range: TensorRange, scheme: QuantizationScheme) -> TensorRange {
        var best = (range: range, error: Double.infinity)
        for fraction in candidates {
            let candidate = TensorRange(
                minimum: Float(Double(range.minimum) * fraction), maximum: Float(Double(range.maximum) * fraction))
            let error = squaredError(values, QuantizationParameters(range: candidate, scheme: scheme))
            if error < best.error { best = (candidate, error) }
        }
        return best.range
    }

    private static func squaredError(_ values: [Float], _ parameters: QuantizationParameters) -> Double {
        let scale = parameters.scales[0]
        let zeroPoint = Float(parameters.zeroPoints[0])
        let low = Float(parameters.type.minimum) - zeroPoint
        let high = Float(parameters.type.maximum) - zeroPoint
        var sum = 0.0
        for value in values {
            let level = min(max((value / scale).rounded(.toNearestOrEven), low), high)
            let difference = Double(level * scale) - Double(value)
            sum += difference * difference
        }
        return sum
    }
}
