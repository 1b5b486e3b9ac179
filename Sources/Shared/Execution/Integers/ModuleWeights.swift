import CKernels
import Kernels
import Tensors

/// Quantized weights of the modules of a graph; computed once for all plans.
final class ModuleWeights {
    private var quantized: [Int: Tensor] = [:]
    private var packed: [Int: Tensor] = [:]

    /// Makes an empty collection.
    init() {}

    /// The weights of the module at a position in the graph, as int8 or int16.
    func quantized(_ parameters: MLUParameters, position: Int, isShared: Bool) -> Tensor {
        if isShared, let known = quantized[position] { return known }
        let weights = Self.quantized(parameters)
        if isShared { quantized[position] = weights }
        return weights
    }

    /// The same in the order of our own kernels; it depends on the numbers of channels and the kernel only.
    func packed(_ weights: Tensor, _ window: IntegerWindow, position: Int, isShared: Bool) -> Tensor {
        if isShared, let known = packed[position] { return known }
        let result = window.packed(weights, variant: IntegerArithmetic.variant)
        if isShared { packed[position] = result }
        return result
    }

    private static func quantized(_ parameters: MLUParameters) -> Tensor {
        let scales = parameters.scales
        let isWide = scales.elementType == .int16
        var result = Tensor(zeros: parameters.weight.shape, elementType: scales.elementType)
        let rows = parameters.weight.shape[0]
        guard result.elementCount > 0 else { return result }
        let length = result.elementCount / rows
        unsafe parameters.weight.withUnsafeBytes { source in
            unsafe result.withUnsafeMutableBytes { target in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                for row in 0..<rows {
                    unsafe tare_quantize(
                        IntegerArithmetic.variant, from.assumingMemoryBound(to: Float.self) + row * length, length,
                        scales.weight(channel: row), isWide ? 1 : 0,
                        to + row * length * scales.elementType.byteCount)
                }
            }
        }
        return result
    }
}
