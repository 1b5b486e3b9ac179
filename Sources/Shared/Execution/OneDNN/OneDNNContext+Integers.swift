import CKernels
import Graphs
import Kernels
import Tensors

extension OneDNNContext {
    /// Sums of products of bytes; the source is int8 or uint8, the destination int32.
    ///
    /// `convolution` has no bias and no post-operations, and its weights are int8. Arguments: source, destination.
    func integerConvolution(
        _ convolution: ConvolutionPrimitive, sourceIsUnsigned: Bool
    ) throws(OneDNNError) -> OneDNNPrimitive? {
        var description = unsafe tare_onednn_convolution(
            source: convolution.source, destination: convolution.destination, window: convolution.window,
            groups: convolution.groups)
        unsafe description.weights.key = convolution.key
        return try withExtendedLifetime(convolution) { () throws(OneDNNError) in
            try unsafe primitive {
                unsafe tare_onednn_integer_convolution_create(
                    $0, &description, bytes(convolution.weights), sourceIsUnsigned ? 1 : 0, $1)
            }
        }
    }

    /// Source [M, K], destination [M, N]; weights int8 [N, K].
    func integerMatmul(
        source: StridedShape, destination: StridedShape, weights: Tensor, key: UInt64, sourceIsUnsigned: Bool
    ) throws(OneDNNError) -> OneDNNPrimitive? {
        try withExtendedLifetime(weights) { () throws(OneDNNError) in
            try unsafe primitive {
                unsafe tare_onednn_integer_matmul_create(
                    $0, source.shim, destination.shim, bytes(weights), key, sourceIsUnsigned ? 1 : 0, $1)
            }
        }
    }

    /// The largest of each window of bytes.
    ///
    /// Arguments: source, destination.
    func integerPooling(
        source: StridedShape, destination: StridedShape, window: SlidingWindow, isUnsigned: Bool
    ) throws(OneDNNError) -> OneDNNPrimitive? {
        var description = unsafe tare_onednn_pooling()
        unsafe description.source = source.shim
        unsafe description.destination = destination.shim
        unsafe description.algorithm = PoolingAlgorithm.maximum.code
        unsafe description.spatial_rank = Int32(window.kernel.count)
        unsafe fill(&description.kernel, window.kernel)
        unsafe fill(&description.strides, window.strides)
        unsafe fill(&description.dilations, window.dilations)
        unsafe fill(&description.padding_before, window.paddingBefore)
        unsafe fill(&description.padding_after, window.paddingAfter)
        return try unsafe primitive {
            unsafe tare_onednn_integer_pooling_create($0, &description, isUnsigned ? 1 : 0, $1)
        }
    }
}

/// The address of an int8 tensor's elements; the tensor must outlive the use.
private func bytes(_ tensor: Tensor) -> UnsafePointer<Int8>? {
    precondition(tensor.elementType == .int8, "The library takes int8 weights, not \(tensor.elementType)")
    return unsafe tensor.storage.bytes.baseAddress?.assumingMemoryBound(to: Int8.self)
}
