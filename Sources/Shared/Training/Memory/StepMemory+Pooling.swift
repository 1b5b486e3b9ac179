import CKernels
import Kernels

extension StepMemory {
    /// A pooling over [batch, spatial..., channels].
    struct Pooling {
        let batch: Int
        let channels: Int
        let input: [Int]
        let output: [Int]
        let window: SlidingWindow
        /// Average only.
        let countsPadding: Bool

        /// The kernels' form: three spatial axes, of which the first may be trivial.
        fileprivate var shim: tare_training_window {
            var shim = tare_training_window()
            shim.batch = batch
            shim.channels = channels
            shim.counts_padding = countsPadding ? 1 : 0
            shim.input = Self.three(input, 1)
            shim.output = Self.three(output, 1)
            shim.kernel = Self.three(window.kernel, 1)
            shim.stride = Self.three(window.strides, 1)
            shim.dilation = Self.three(window.dilations, 1)
            shim.before = Self.three(window.paddingBefore, 0)
            shim.after = Self.three(window.paddingAfter, 0)
            return shim
        }

        private static func three(_ values: [Int], _ missing: Int) -> (Int64, Int64, Int64) {
            let all = [Int](repeating: missing, count: 3 - values.count) + values
            return (Int64(all[0]), Int64(all[1]), Int64(all[2]))
        }
    }

    func maxPool(_ pooling: Pooling, _ x: Int, to y: Int, positions: Int) {
        var shim = pooling.shim
        unsafe tare_training_max_pool(&shim, floats(x), floats(y), table(positions))
    }

    func maxPoolBackward(_ pooling: Pooling, positions: Int, _ dy: Int, to dx: Int) {
        var shim = pooling.shim
        unsafe tare_training_max_pool_backward(&shim, table(positions), floats(dy), floats(dx))
    }

    func averagePool(_ pooling: Pooling, _ x: Int, to y: Int) {
        var shim = pooling.shim
        unsafe tare_training_average_pool(&shim, floats(x), floats(y))
    }

    func averagePoolBackward(_ pooling: Pooling, _ dy: Int, to dx: Int) {
        var shim = pooling.shim
        unsafe tare_training_average_pool_backward(&shim, floats(dy), floats(dx))
    }
}
