import CKernels
import Tensors

/// The engine, the stream and the scratchpad of one executor.
@safe
final class TrainingContext {
    /// The shim's object.
    let handle: OpaquePointer

    /// The highest rank that the shim takes.
    static let maximumRank = Int(TARE_ONEDNN_MAX_RANK)

    /// A pass of a convolution.
    struct Convolution {
        let primitive: TrainingPrimitive
        /// Between weights in ONNX's order and the primitive's; `nil` when they are the same.
        let reorder: TrainingPrimitive?
        let packedByteCount: Int
    }

    init() throws(StepError) {
        var created: OpaquePointer?
        let status = unsafe tare_onednn_context_create(&created)
        guard status.code == Int32(TARE_ONEDNN_OK), let created = unsafe created else {
            throw .library(Self.message(status))
        }
        unsafe handle = unsafe created
    }

    deinit {
        unsafe tare_onednn_context_destroy(handle)
    }

    /// What the library said.
    static func message(_ status: tare_onednn_status) -> String {
        unsafe withUnsafeBytes(of: status.message) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// Makes the calling thread compute on one thread.
    func prepareThread() {
        tare_onednn_prepare_thread()
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
        _ pass: Pass, source: Shape, destination: Shape, window: TrainingWindow, groups: Int, isTransposed: Bool,
        hasBias: Bool
    ) throws(StepError) -> Convolution {
        var description = unsafe tare_onednn_convolution()
        unsafe description.source = Self.described(source, TensorLayout.channelsLast.strides(of: source))
        unsafe description.destination = Self.described(destination, TensorLayout.channelsLast.strides(of: destination))
        unsafe description.spatial_rank = Int32(window.kernel.count)
        unsafe Self.fill(&description.kernel, window.kernel)
        unsafe Self.fill(&description.strides, window.strides)
        unsafe Self.fill(&description.dilations, window.dilations)
        unsafe Self.fill(&description.padding_before, window.before)
        unsafe Self.fill(&description.padding_after, window.after)
        unsafe description.groups = Int64(groups)
        unsafe description.transposed = isTransposed ? 1 : 0
        var result = unsafe tare_training_convolution()
        let status = unsafe tare_training_convolution_create(
            handle, &description, pass.code, hasBias ? 1 : 0, &result)
        guard status.code == Int32(TARE_ONEDNN_OK), let primitive = unsafe result.primitive else {
            throw .library(Self.message(status))
        }
        return Convolution(
            primitive: unsafe TrainingPrimitive(handle: primitive, context: self),
            reorder: unsafe result.reorder.map { unsafe TrainingPrimitive(handle: $0, context: self) },
            packedByteCount: unsafe Int(result.packed_bytes))
    }

    /// A matrix operand: extents and strides in elements.
    struct Matrix {
        var extents: [Int]
        var strides: [Int]

        /// Row-major elements.
        init(_ extents: [Int]) {
            self.extents = extents
            strides = Shape(extents).rowMajorStrides
        }

        /// The last two axes exchanged.
        var transposed: Matrix {
            var result = self
            let last = extents.count - 1
            result.extents.swapAt(last - 1, last)
            result.strides.swapAt(last - 1, last)
            return result
        }
    }

    /// Source [..., M, K], weights [..., K, N], destination [..., M, N]; batch extents of 1 broadcast.
    func matmul(source: Matrix, weights: Matrix, destination: Matrix) throws(StepError) -> TrainingPrimitive {
        var description = unsafe tare_onednn_matmul()
        unsafe description.source = Self.described(source.extents, source.strides)
        unsafe description.weights = Self.described(weights.extents, weights.strides)
        unsafe description.destination = Self.described(destination.extents, destination.strides)
        return try unsafe primitive { unsafe tare_onednn_matmul_create(handle, &description, $0) }
    }

    /// Copies between layouts.
    func reorder(_ shape: Shape, from: TensorLayout, to: TensorLayout) throws(StepError) -> TrainingPrimitive {
        let source = Self.described(shape, from.strides(of: shape))
        let destination = Self.described(shape, to.strides(of: shape))
        return try unsafe primitive { unsafe tare_onednn_reorder_create(handle, source, destination, $0) }
    }

    private func primitive(
        _ create: (UnsafeMutablePointer<OpaquePointer?>) -> tare_onednn_status
    ) throws(StepError) -> TrainingPrimitive {
        var created: OpaquePointer?
        let status = unsafe create(&created)
        guard status.code == Int32(TARE_ONEDNN_OK), let created = unsafe created else {
            throw .library(Self.message(status))
        }
        return unsafe TrainingPrimitive(handle: created, context: self)
    }

    private static func described(_ shape: Shape, _ strides: [Int]) -> tare_onednn_tensor {
        described(shape.dimensions, strides)
    }

    private static func described(_ extents: [Int], _ strides: [Int]) -> tare_onednn_tensor {
        precondition(extents.count <= maximumRank, "A view of rank \(extents.count)")
        return unsafe tare_onednn_tensor_make(Int32(extents.count), extents.map(Int64.init), strides.map(Int64.init))
    }

    /// Copies values into a fixed array of the shim.
    private static func fill<FixedArray>(_ array: inout FixedArray, _ values: [Int]) {
        unsafe withUnsafeMutableBytes(of: &array) { bytes in
            let elements = unsafe bytes.bindMemory(to: Int64.self)
            precondition(values.count <= elements.count, "\(values.count) spatial axes")
            for (index, value) in values.enumerated() { unsafe elements[index] = Int64(value) }
        }
    }
}
