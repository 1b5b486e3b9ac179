import Foundation
import Quantization
import Tensors

/// How much quantization changed a constant.
enum QuantizationNoise {
    /// Power of the float constant over power of the difference, in decibels; sums in `Double`, in element order.
    ///
    /// Infinite when nothing changed, `nil` when the constant is all zero. Both have the same number of elements.
    static func decibels(of quantized: QuantizedTensor, for original: Tensor) throws(QuantizationError) -> Double? {
        let restored = try quantized.parameters.dequantize(quantized.values)
        var (signal, noise) = (0.0, 0.0)
        for (before, after) in zip(original.elements(as: Float.self), restored.elements(as: Float.self)) {
            signal += Double(before) * Double(before)
            noise += (Double(before) - Double(after)) * (Double(before) - Double(after))
        }
        guard signal > 0 else { return nil }
        return noise == 0 ? .infinity : 10 * log10(signal / noise)
    }
}
