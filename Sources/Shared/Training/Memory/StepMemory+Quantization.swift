import CKernels
import Quantization

extension StepMemory {
    /// A fake quantizer: what rounds, and where its operands lie.
    struct FakeQuantization {
        let specification: FakeQuantSpecification
        let x: Int
        let parameter: Int
        let parameterTable: Int?
        let parameterCount: Int
        let zero: Int?
        let zeroTable: Int?
        let zeroCount: Int
        let count: Int

        /// All slots that are read.
        var slots: [Int?] { [x, parameter, parameterTable, zero, zeroTable] }

        fileprivate var shim: tare_training_fake_quant {
            let algorithm =
                switch specification.algorithm {
                case .fakeQuantize: TARE_TRAINING_FAKE_QUANTIZE
                case .tqt: TARE_TRAINING_TQT
                case .lsq: TARE_TRAINING_LSQ
                }
            return tare_training_fake_quant(
                algorithm: Int32(algorithm), minimum: Float(specification.dtype.minimum),
                maximum: Float(specification.dtype.maximum), epsilon: specification.epsilon,
                parameter_count: parameterCount, zero_count: zeroCount)
        }
    }

    func fakeQuantize(_ quantization: FakeQuantization, to y: Int) {
        var shim = quantization.shim
        unsafe tare_training_fake_quantize(
            &shim, floats(quantization.x), floats(quantization.parameter), table(quantization.parameterTable),
            floats(quantization.zero), table(quantization.zeroTable), floats(y), quantization.count)
    }

    func fakeQuantizeBackward(_ quantization: FakeQuantization, _ dy: Int, to dx: Int?, parameter: Int?, sums: Int) {
        var shim = quantization.shim
        unsafe tare_training_fake_quantize_backward(
            &shim, floats(quantization.x), floats(quantization.parameter), table(quantization.parameterTable),
            floats(quantization.zero), table(quantization.zeroTable), floats(dy), floats(dx), floats(parameter),
            doubles(sums), quantization.count)
    }

    /// Smallest and largest finite element; infinities of the wrong sign when there is none.
    func extremes(_ x: Int, count: Int) -> (minimum: Float, maximum: Float) {
        var summary = tare_statistics_summary(
            minimum: .infinity, maximum: -.infinity, zeros: 0, nans: 0, positive_infinities: 0,
            negative_infinities: 0)
        unsafe tare_statistics_summarize(tare_statistics_best_variant(), floats(x), count, &summary)
        return (summary.minimum, summary.maximum)
    }
}
