import CKernels
import Kernels
import Tensors

/// A constant operand as the shim takes it; the tensor must outlive the use.
func shimConstant(_ tensor: Tensor?, key: UInt64) -> tare_onednn_constant {
    unsafe tare_onednn_constant(data: floats(tensor), key: key)
}

/// The address of a float32 tensor's elements; the tensor must outlive the use.
func floats(_ tensor: Tensor?) -> UnsafePointer<Float>? {
    guard let tensor else { return nil }
    precondition(tensor.elementType == .float32, "The library takes float32, not \(tensor.elementType)")
    return unsafe tensor.storage.bytes.baseAddress?.assumingMemoryBound(to: Float.self)
}

/// No post-operations.
var noPostOperations: tare_onednn_post_ops { unsafe tare_onednn_post_ops(items: nil, count: 0) }

/// Passes post-operations in the shim's form.
func withPostOperations<Result>(
    _ operations: [PostOperation], _ body: (tare_onednn_post_ops) throws(OneDNNError) -> Result
) throws(OneDNNError) -> Result {
    let items = unsafe operations.map { operation in
        var item = unsafe tare_onednn_post_op()
        switch operation {
        case .sum:
            unsafe item.kind = Int32(TARE_ONEDNN_POST_SUM)
        case .eltwise(let function):
            unsafe item.kind = Int32(TARE_ONEDNN_POST_ELTWISE)
            unsafe item.algorithm = function.code
            unsafe item.alpha = function.alpha
            unsafe item.beta = function.beta
        case .binary(let algorithm, let operand, let constant):
            unsafe item.kind = Int32(TARE_ONEDNN_POST_BINARY)
            unsafe item.algorithm = algorithm.code
            unsafe item.operand = operand.shim
            unsafe item.constant = floats(constant)
        }
        return unsafe item
    }
    return try withExtendedLifetime(operations) { () throws(OneDNNError) in
        try unsafe items.withUnsafeBufferPointer { buffer throws(OneDNNError) in
            try unsafe body(tare_onednn_post_ops(items: buffer.baseAddress, count: Int32(buffer.count)))
        }
    }
}
