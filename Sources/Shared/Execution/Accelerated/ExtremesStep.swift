import CKernels
import Tensors

/// The largest or smallest float32 elements along neighbouring axes; NaN wins, as in NumPy.
///
/// The library's reductions start from the largest finite number, which is wrong for data that are all infinite.
struct ExtremesStep {
    /// Row-major elements [outer, count, inner].
    var source: SlotPosition
    /// Where [outer, inner] go.
    var result: SlotPosition
    /// Whether the largest count.
    var isMaximum: Bool
    /// Elements before the axes.
    var outer: Int
    /// Elements of the axes together.
    var count: Int
    /// Elements behind the axes.
    var inner: Int
}

extension PlanAddresses {
    /// Finds extremes.
    func reduce(_ step: ExtremesStep) {
        guard let source = unsafe address(step.source), let result = unsafe address(step.result) else { return }
        unsafe tare_reduce_extremes(
            step.isMaximum ? 1 : 0, source.assumingMemoryBound(to: Float.self), step.outer, step.count, step.inner,
            result.assumingMemoryBound(to: Float.self))
    }
}
