import CKernels
import Graphs
import Kernels
import Tensors

/// A convolution with constant weights.
struct ConvolutionPrimitive {
    /// [N, C, spatial...].
    var source: StridedShape
    /// [N, M, spatial...].
    var destination: StridedShape
    /// Where the window goes.
    var window: SlidingWindow
    /// Channel groups.
    var groups: Int
    /// Whether it is a transposed convolution.
    var isTransposed: Bool
    /// float32 in ONNX's order.
    var weights: Tensor
    /// Names the weights' contents; 0 when other primitives cannot have the same.
    var key: UInt64
    /// float32 [M].
    var bias: Tensor?
    /// In the order of application.
    var postOperations: [PostOperation]
}

/// An LSTM or GRU layer with constant weights in ONNX's order.
struct RecurrentPrimitive {
    /// The kinds of cell.
    enum Cell {
        case lstm
        case gru
        case gruLinearBeforeReset

        /// The shim's code.
        var code: Int32 {
            switch self {
            case .lstm: Int32(TARE_ONEDNN_LSTM)
            case .gru: Int32(TARE_ONEDNN_GRU)
            case .gruLinearBeforeReset: Int32(TARE_ONEDNN_GRU_LINEAR_BEFORE_RESET)
            }
        }
    }

    /// Kind of cell.
    var cell: Cell
    /// Number of time steps.
    var steps: Int
    /// Number of sequences.
    var batch: Int
    /// Size of one input.
    var inputSize: Int
    /// Size of the hidden state.
    var hiddenSize: Int
    /// Order of the steps.
    var direction: RecurrentAttributes.Direction
    /// [directions, gates * H, I].
    var weights: Tensor
    /// [directions, gates * H, H].
    var recurrence: Tensor
    /// [directions, 2 * gates * H].
    var bias: Tensor?
    /// Whether the initial hidden state is an argument.
    var hasInitialHidden: Bool
    /// Whether the initial cell state is an argument.
    var hasInitialCell: Bool
}

/// What a pooling window computes.
enum PoolingAlgorithm {
    case maximum
    case averageIncludingPadding
    case average

    /// The shim's code.
    var code: Int32 {
        switch self {
        case .maximum: Int32(TARE_ONEDNN_POOL_MAX)
        case .averageIncludingPadding: Int32(TARE_ONEDNN_POOL_AVERAGE_INCLUDING_PADDING)
        case .average: Int32(TARE_ONEDNN_POOL_AVERAGE)
        }
    }
}

/// What a reduction computes.
enum ReductionAlgorithm {
    case mean
    case sum

    /// The shim's code.
    var code: Int32 {
        switch self {
        case .mean: Int32(TARE_ONEDNN_REDUCE_MEAN)
        case .sum: Int32(TARE_ONEDNN_REDUCE_SUM)
        }
    }
}
