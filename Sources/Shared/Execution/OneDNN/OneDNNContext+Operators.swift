import CKernels
import Graphs
import Kernels
import Tensors

/// The primitives of a forward pass.
extension OneDNNContext {
    /// Source, destination.
    func convolution(_ convolution: ConvolutionPrimitive) throws(OneDNNError) -> OneDNNPrimitive? {
        var description = unsafe tare_onednn_convolution(
            source: convolution.source, destination: convolution.destination, window: convolution.window,
            groups: convolution.groups, isTransposed: convolution.isTransposed)
        unsafe description.weights = shimConstant(convolution.weights, key: convolution.key)
        unsafe description.bias = shimConstant(convolution.bias, key: 0)
        return try withExtendedLifetime(convolution) { () throws(OneDNNError) in
            try unsafe withPostOperations(convolution.postOperations) { operations throws(OneDNNError) in
                unsafe description.post_ops = operations
                return try unsafe primitive { unsafe tare_onednn_convolution_create($0, &description, $1) }
            }
        }
    }

    /// Source, weights unless constant, destination.
    func matmul(
        source: StridedShape, weights: StridedShape, constantWeights: Tensor?, key: UInt64, bias: Tensor?,
        destination: StridedShape, postOperations: [PostOperation]
    ) throws(OneDNNError) -> OneDNNPrimitive? {
        var description = unsafe tare_onednn_matmul()
        unsafe description.source = source.shim
        unsafe description.weights = weights.shim
        unsafe description.destination = destination.shim
        unsafe description.constant_weights = shimConstant(constantWeights, key: key)
        unsafe description.bias = shimConstant(bias, key: 0)
        return try withExtendedLifetime((constantWeights, bias)) { () throws(OneDNNError) in
            try unsafe withPostOperations(postOperations) { operations throws(OneDNNError) in
                unsafe description.post_ops = operations
                return try unsafe primitive { unsafe tare_onednn_matmul_create($0, &description, $1) }
            }
        }
    }

    /// Source, destination.
    func pooling(
        source: StridedShape, destination: StridedShape, algorithm: PoolingAlgorithm, window: SlidingWindow
    ) throws(OneDNNError) -> OneDNNPrimitive? {
        var description = unsafe tare_onednn_pooling()
        unsafe description.source = source.shim
        unsafe description.destination = destination.shim
        unsafe description.algorithm = algorithm.code
        unsafe description.spatial_rank = Int32(window.kernel.count)
        unsafe fill(&description.kernel, window.kernel)
        unsafe fill(&description.strides, window.strides)
        unsafe fill(&description.dilations, window.dilations)
        unsafe fill(&description.padding_before, window.paddingBefore)
        unsafe fill(&description.padding_after, window.paddingAfter)
        return try unsafe primitive { unsafe tare_onednn_pooling_create($0, &description, $1) }
    }

    /// Source, destination; both have the same arrangement.
    func eltwise(_ function: EltwiseFunction, tensor: StridedShape) throws(OneDNNError) -> OneDNNPrimitive? {
        try unsafe primitive {
            unsafe tare_onednn_eltwise_create(
                $0, tensor.shim, tensor.shim, function.code, function.alpha, function.beta, noPostOperations, $1)
        }
    }

    /// First, second, destination; the second broadcasts to the first.
    func binary(
        _ algorithm: BinaryAlgorithm, first: StridedShape, second: StridedShape, destination: StridedShape,
        postOperations: [PostOperation]
    ) throws(OneDNNError) -> OneDNNPrimitive? {
        try unsafe withPostOperations(postOperations) { operations throws(OneDNNError) in
            try unsafe primitive {
                unsafe tare_onednn_binary_create(
                    $0, first.shim, second.shim, nil, destination.shim, algorithm.code, operations, $1)
            }
        }
    }

    /// Each constant is float32 [C].
    ///
    /// Arguments: source, destination.
    func batchNormalization(
        tensor: StridedShape, scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor, epsilon: Float,
        relu: Bool
    ) throws(OneDNNError) -> OneDNNPrimitive? {
        try withExtendedLifetime((scale, shift, mean, variance)) { () throws(OneDNNError) in
            try unsafe primitive {
                unsafe tare_onednn_batch_normalization_create(
                    $0, tensor.shim, floats(scale), floats(shift), floats(mean), floats(variance), epsilon,
                    relu ? 1 : 0, $1)
            }
        }
    }

    /// Normalises along the last axis.
    ///
    /// Arguments: source, destination.
    func layerNormalization(
        tensor: StridedShape, scale: Tensor, shift: Tensor?, epsilon: Float
    ) throws(OneDNNError) -> OneDNNPrimitive? {
        try withExtendedLifetime((scale, shift)) { () throws(OneDNNError) in
            try unsafe primitive {
                unsafe tare_onednn_layer_normalization_create(
                    $0, tensor.shim, floats(scale), floats(shift), epsilon, $1)
            }
        }
    }

    /// Across channels.
    ///
    /// Arguments: source, destination.
    func localResponseNormalization(
        tensor: StridedShape, size: Int, alpha: Float, beta: Float, bias: Float
    ) throws(OneDNNError) -> OneDNNPrimitive? {
        try unsafe primitive {
            unsafe tare_onednn_lrn_create($0, tensor.shim, Int64(size), alpha, beta, bias, $1)
        }
    }

    /// Source, destination.
    func softmax(
        tensor: StridedShape, axis: Int, logarithm: Bool
    ) throws(OneDNNError) -> OneDNNPrimitive? {
        try unsafe primitive {
            unsafe tare_onednn_softmax_create($0, tensor.shim, Int32(axis), logarithm ? 1 : 0, $1)
        }
    }

    /// Source, destination; reduced axes have extent 1 in the destination.
    func reduction(
        _ algorithm: ReductionAlgorithm, source: StridedShape, destination: StridedShape
    ) throws(OneDNNError) -> OneDNNPrimitive? {
        try unsafe primitive {
            unsafe tare_onednn_reduction_create($0, source.shim, destination.shim, algorithm.code, $1)
        }
    }

    /// Half-pixel coordinates.
    ///
    /// Arguments: source, destination.
    func resampling(
        source: StridedShape, destination: StridedShape, linear: Bool
    ) throws(OneDNNError) -> OneDNNPrimitive? {
        try unsafe primitive {
            unsafe tare_onednn_resampling_create($0, source.shim, destination.shim, linear ? 1 : 0, $1)
        }
    }

    /// Source, destination.
    func reorder(source: StridedShape, destination: StridedShape) throws(OneDNNError) -> OneDNNPrimitive? {
        try unsafe primitive { unsafe tare_onednn_reorder_create($0, source.shim, destination.shim, $1) }
    }

    /// Source, initial hidden state if any, initial cell state if any, destination, final hidden state, final cell
    /// state (LSTM).
    func recurrent(_ recurrent: RecurrentPrimitive) throws(OneDNNError) -> OneDNNPrimitive? {
        var description = unsafe tare_onednn_recurrent()
        unsafe description.kind = recurrent.cell.code
        unsafe description.steps = Int64(recurrent.steps)
        unsafe description.batch = Int64(recurrent.batch)
        unsafe description.input_size = Int64(recurrent.inputSize)
        unsafe description.hidden_size = Int64(recurrent.hiddenSize)
        unsafe description.reverse = recurrent.direction == .reverse ? 1 : 0
        unsafe description.bidirectional = recurrent.direction == .bidirectional ? 1 : 0
        unsafe description.weights = floats(recurrent.weights)
        unsafe description.recurrence = floats(recurrent.recurrence)
        unsafe description.bias = floats(recurrent.bias)
        unsafe description.has_initial_hidden = recurrent.hasInitialHidden ? 1 : 0
        unsafe description.has_initial_cell = recurrent.hasInitialCell ? 1 : 0
        return try withExtendedLifetime(recurrent) { () throws(OneDNNError) in
            try unsafe primitive { unsafe tare_onednn_recurrent_create($0, &description, $1) }
        }
    }
}
