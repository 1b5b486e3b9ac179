import CKernels

extension StepMemory {
    /// A batch normalization: extents, attributes and where its parameters and results lie.
    struct BatchNormalization {
        let rows: Int
        let channels: Int
        let epsilon: Float
        let momentum: Float
        let relu: Bool
        /// Whether the statistics are the batch's.
        let isTraining: Bool
        let x: Int
        let scale: Int
        let shift: Int
        let mean: Int
        let variance: Int
        let y: Int
        let newMean: Int
        let newVariance: Int
        let savedMean: Int
        let savedInverse: Int

        fileprivate var batch: tare_training_batch {
            tare_training_batch(
                rows: rows, channels: channels, epsilon: epsilon, momentum: momentum, relu: relu ? 1 : 0)
        }
    }

    func batchNormalization(_ norm: BatchNormalization, work: Int) {
        var batch = norm.batch
        if norm.isTraining {
            unsafe tare_training_batch_norm(
                &batch, floats(norm.x), floats(norm.scale), floats(norm.shift), floats(norm.mean),
                floats(norm.variance), floats(norm.y), floats(norm.newMean), floats(norm.newVariance),
                floats(norm.savedMean), floats(norm.savedInverse), doubles(work))
        } else {
            unsafe tare_training_fixed_norm(
                &batch, floats(norm.x), floats(norm.scale), floats(norm.shift), floats(norm.mean),
                floats(norm.variance), floats(norm.y), floats(norm.savedMean), floats(norm.savedInverse),
                doubles(work))
        }
    }

    func batchNormalizationBackward(
        _ norm: BatchNormalization, _ dy: Int, to dx: Int?, scale: Int?, shift: Int?, work: Int
    ) {
        var batch = norm.batch
        let y = norm.relu ? norm.y : norm.x
        if norm.isTraining {
            unsafe tare_training_batch_norm_backward(
                &batch, floats(norm.x), floats(y), floats(dy), floats(norm.scale), floats(norm.savedMean),
                floats(norm.savedInverse), floats(dx), floats(scale), floats(shift), doubles(work))
        } else {
            unsafe tare_training_fixed_norm_backward(
                &batch, floats(norm.x), floats(y), floats(dy), floats(norm.scale), floats(norm.savedMean),
                floats(norm.savedInverse), floats(dx), floats(scale), floats(shift), doubles(work))
        }
    }

    /// Sums of the columns of x [rows, channels]; `work` has one float64 per channel.
    func columnSums(_ x: Int, rows: Int, channels: Int, to y: Int, work: Int) {
        unsafe tare_training_column_sums(floats(x), rows, channels, floats(y), doubles(work))
    }

    /// A layer normalization: extents and where its parameters and results lie.
    struct LayerNormalization {
        let rows: Int
        let width: Int
        let epsilon: Float
        let x: Int
        let scale: Int
        let shift: Int?
        let y: Int
        let means: Int
        let inverses: Int
    }

    func layerNormalization(_ norm: LayerNormalization) {
        unsafe tare_training_layer_norm(
            floats(norm.x), floats(norm.scale), floats(norm.shift), norm.epsilon, norm.rows, norm.width,
            floats(norm.y), floats(norm.means), floats(norm.inverses))
    }

    func layerNormalizationBackward(
        _ norm: LayerNormalization, _ dy: Int, to dx: Int?, scale: Int?, shift: Int?, sums: Int
    ) {
        unsafe tare_training_layer_norm_backward(
            floats(norm.x), floats(norm.scale), floats(norm.means), floats(norm.inverses), floats(dy), norm.rows,
            norm.width, floats(dx), floats(scale), floats(shift), doubles(sums))
    }

    /// Softmax along the middle of three axes, or its logarithm.
    func softmax(_ x: Int, logarithm: Bool, outer: Int, extent: Int, inner: Int, to y: Int) {
        unsafe tare_training_softmax(floats(x), logarithm ? 1 : 0, outer, extent, inner, floats(y))
    }

    func softmaxBackward(result y: Int, _ dy: Int, logarithm: Bool, outer: Int, extent: Int, inner: Int, to dx: Int) {
        unsafe tare_training_softmax_backward(
            floats(y), floats(dy), logarithm ? 1 : 0, outer, extent, inner, floats(dx))
    }
}
