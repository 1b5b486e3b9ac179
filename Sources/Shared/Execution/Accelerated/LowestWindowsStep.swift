import CKernels
import Kernels
import Tensors

/// Maxima over windows that have no finite element.
///
/// The library's maximum pooling starts from the lowest finite number, so a window of nothing but -infinity (or NaN) gives that.
/// It is looked for in the result, which costs little, and where it stands the window is looked at again.
struct LowestWindowsStep {
    /// The data.
    var source: SlotPosition
    /// How they lie: [N, C, spatial...].
    var input: StridedShape
    /// The maxima.
    var result: SlotPosition
    /// How they lie, without gaps.
    var output: StridedShape
    /// The windows.
    var window: SlidingWindow

    /// Distances from the start of the data to the elements of one window.
    fileprivate func offsets(of place: [Int]) -> [Int] {
        var offsets = [place[0] * input.strides[0] + place[1] * input.strides[1]]
        for axis in window.kernel.indices {
            let start = place[axis + 2] * window.strides[axis] - window.paddingBefore[axis]
            let positions = (0..<window.kernel[axis]).map { start + $0 * window.dilations[axis] }
                .filter { (0..<input.extents[axis + 2]).contains($0) }
            offsets = offsets.flatMap { offset in positions.map { offset + $0 * input.strides[axis + 2] } }
        }
        return offsets
    }
}

extension PlanAddresses {
    /// Looks again at the windows whose maximum is the lowest finite number.
    func repair(_ step: LowestWindowsStep) {
        guard let source = unsafe address(step.source)?.assumingMemoryBound(to: Float.self),
            let result = unsafe address(step.result)?.assumingMemoryBound(to: Float.self)
        else { return }
        let count = step.output.elementCount
        var remaining = unsafe tare_count_lowest(result, count)
        guard remaining > 0 else { return }
        var place = [Int](repeating: 0, count: step.output.extents.count)
        for _ in 0..<count where remaining > 0 {
            let index = zip(place, step.output.strides).reduce(0) { $0 + $1.0 * $1.1 }
            if unsafe result[index] == -Float.greatestFiniteMagnitude {
                remaining -= 1
                // As the reference kernel: NaN is passed over unless nothing else is there.
                var best = Float.nan
                for offset in step.offsets(of: place) {
                    let value = unsafe source[offset]
                    if best.isNaN || value > best { best = value }
                }
                unsafe result[index] = best
            }
            for axis in place.indices.reversed() {
                place[axis] += 1
                if place[axis] < step.output.extents[axis] { break }
                place[axis] = 0
            }
        }
    }
}
