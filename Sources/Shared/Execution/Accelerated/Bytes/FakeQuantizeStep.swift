import Kernels
import Tensors

/// float32 elements that are rounded to a grid with one scale.
struct FakeQuantizeStep {
    /// Dense elements.
    var source: SlotPosition
    /// Number of elements.
    var count: Int
    /// Scale and zero point are known when the plan is made.
    var kernel: FakeQuantizeKernel
    /// Where they go; elsewhere.
    var result: SlotPosition
}

extension PlanAddresses {
    /// Rounds elements.
    func fakeQuantize(_ step: FakeQuantizeStep) {
        guard let source = unsafe address(step.source), let result = unsafe address(step.result) else { return }
        let elements = unsafe UnsafeBufferPointer(start: source.assumingMemoryBound(to: Float.self), count: step.count)
        let rounded = unsafe UnsafeMutableBufferPointer(
            start: result.assumingMemoryBound(to: Float.self), count: step.count)
        var target = unsafe rounded.mutableSpan
        unsafe step.kernel.forward(elements.span, into: &target)
    }
}
