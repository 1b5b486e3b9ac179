import CKernels
import Kernels
import Tensors

/// The primitives of training, forward and backward.
extension OneDNNContext {
    /// A pass of a convolution.
    struct Convolution {
        let primitive: OneDNNPrimitive
        /// Between weights in ONNX's order and the primitive's; `nil` when they are the same.
        let reorder: OneDNNPrimitive?
        let packedByteCount: Int
    }

    /// Passes of a convolution; `TARE_TRAINING_...` numbers them.
    enum Pass {
        case forward
        case backwardData
        case backwardWeights

        fileprivate var code: Int32 {
            switch self {
            case .forward: Int32(TARE_TRAINING_FORWARD)
            case .backwardData: Int32(TARE_TRAINING_BACKWARD_DATA)
            case .backwardWeights: Int32(TARE_TRAINING_BACKWARD_WEIGHTS)
            }
        }
    }

    /// Makes a pass over data whose channels are innermost.
    func convolution(
        _ pass: Pass, source: Shape, destination: Shape, window: SlidingWindow, groups: Int, isTransposed: Bool,
        hasBias: Bool
    ) throws(StepError) -> Convolution {
        var description = unsafe tare_onednn_convolution(
            source: StridedShape(channelsLast: source.dimensions),
            destination: StridedShape(channelsLast: destination.dimensions), window: window, groups: groups,
            isTransposed: isTransposed)
        var result = unsafe tare_training_convolution()
        let status = unsafe tare_training_convolution_create(
            handle, &description, pass.code, hasBias ? 1 : 0, &result)
        guard status.code == Int32(TARE_ONEDNN_OK), let primitive = unsafe result.primitive else {
            throw .library(OneDNNError(status).message)
        }
        return Convolution(
            primitive: unsafe OneDNNPrimitive(handle: primitive, context: self),
            reorder: unsafe result.reorder.map { unsafe OneDNNPrimitive(handle: $0, context: self) },
            packedByteCount: unsafe Int(result.packed_bytes))
    }

    /// Source [..., M, K], weights [..., K, N], destination [..., M, N]; batch extents of 1 broadcast.
    func matmul(
        source: StridedShape, weights: StridedShape, destination: StridedShape
    ) throws(StepError) -> OneDNNPrimitive {
        var description = unsafe tare_onednn_matmul()
        unsafe description.source = source.shim
        unsafe description.weights = weights.shim
        unsafe description.destination = destination.shim
        return try unsafe required("matrix product") { unsafe tare_onednn_matmul_create($0, &description, $1) }
    }

    /// Copies between layouts.
    func reorder(_ shape: Shape, from: TensorLayout, to: TensorLayout) throws(StepError) -> OneDNNPrimitive {
        let (source, destination) = (from.strided(shape).shim, to.strided(shape).shim)
        return try unsafe required("copy") { unsafe tare_onednn_reorder_create($0, source, destination, $1) }
    }

    private func required(
        _ what: String, _ create: (OpaquePointer, UnsafeMutablePointer<OpaquePointer?>) -> tare_onednn_status
    ) throws(StepError) -> OneDNNPrimitive {
        do throws(OneDNNError) {
            if let primitive = try unsafe primitive(create) { return primitive }
        } catch {
            throw .library(error.message)
        }
        throw .library("it has no implementation of such a \(what)")
    }
}
