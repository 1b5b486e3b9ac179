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
        original.withElements(as: Float.self) { before in
            restored.withElements(as: Float.self) { after in
                for index in before.indices {
                    signal += Double(before[index]) * Double(before[index])
                    let difference = Double(before[index]) - Double(after[index])
                    noise += difference * difference
                }
            }
        }
        guard signal > 0 else { return nil }
        return noise == 0 ? .infinity : 10 * log10(signal / noise)
    }
}
