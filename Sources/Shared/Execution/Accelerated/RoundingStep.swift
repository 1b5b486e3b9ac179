import CKernels
import Tensors

/// Float32 elements that become integers and numbers again: QuantizeLinear and DequantizeLinear in one pass.
struct RoundingStep {
    /// Dense elements.
    var source: SlotPosition
    /// Where they go; may be the same.
    var result: SlotPosition
    /// Number of elements.
    var count: Int
    /// Neighbouring elements that share a scale.
    var run: Int
    /// One for each channel, or one.
    var scales: [Float]
    /// The smallest integer without the zero point, for each scale.
    var minima: [Float]
    /// The largest one.
    var maxima: [Float]

    /// The instructions to use; the bits do not depend on them.
    fileprivate static let variant = tare_statistics_best_variant()
}

extension PlanAddresses {
    /// Rounds elements.
    func round(_ step: RoundingStep) {
        guard let source = unsafe address(step.source), let result = unsafe address(step.result) else { return }
        unsafe step.scales.withUnsafeBufferPointer { scales in
            unsafe step.minima.withUnsafeBufferPointer { minima in
                unsafe step.maxima.withUnsafeBufferPointer { maxima in
                    unsafe tare_round_to_integers(
                        RoundingStep.variant, source.assumingMemoryBound(to: Float.self), step.count, step.run,
                        step.scales.count, scales.baseAddress, minima.baseAddress, maxima.baseAddress,
                        result.assumingMemoryBound(to: Float.self))
                }
            }
        }
    }
}
