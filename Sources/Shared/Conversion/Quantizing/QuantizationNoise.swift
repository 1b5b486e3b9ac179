import Foundation
import Quantization
import Tensors

/// How much quantization changed a constant.
enum QuantizationNoise {
    /// Power of the float constant over power of the difference, in decibels; sums in `Double`, in element order.
    ///
    /// - Returns: Infinite when nothing changed; `nil` when the constant is all zero or the shapes do not fit.
    static func decibels(of quantized: QuantizedTensor, for original: Tensor) -> Double? {
        guard let restored = try? quantized.parameters.dequantize(quantized.values),
            restored.elementCount == original.elementCount
        else { return nil }
        var (signal, noise) = (0.0, 0.0)
        for (before, after) in zip(original.elements(as: Float.self), restored.elements(as: Float.self)) {
            signal += Double(before) * Double(before)
            noise += (Double(before) - Double(after)) * (Double(before) - Double(after))
        }
        guard signal > 0 else { return nil }
        return 10 * log10Ratio(signal, noise)
    }

    private static func log10Ratio(_ signal: Double, _ noise: Double) -> Double {
        noise == 0 ? .infinity : log10(signal / noise)
    }
}
