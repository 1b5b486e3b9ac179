import CKernels
import Tensors

extension StridedShape {
    /// The highest rank that the shim takes.
    static let maximumRank = Int(TARE_ONEDNN_MAX_RANK)

    /// The shim's form; a scalar becomes one axis of extent 1.
    var shim: tare_onednn_tensor {
        guard !extents.isEmpty else { return StridedShape(rowMajor: [1]).shim }
        precondition(extents.count <= Self.maximumRank, "A view of rank \(extents.count)")
        return unsafe tare_onednn_tensor_make(
            Int32(extents.count), extents.map(Int64.init), strides.map(Int64.init))
    }
}

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

/// Copies values into a fixed array of the shim.
func fill<FixedArray>(_ array: inout FixedArray, _ values: [Int]) {
    unsafe withUnsafeMutableBytes(of: &array) { bytes in
        let elements = unsafe bytes.bindMemory(to: Int64.self)
        precondition(values.count <= elements.count, "\(values.count) spatial axes")
        for (index, value) in values.enumerated() { unsafe elements[index] = Int64(value) }
    }
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
