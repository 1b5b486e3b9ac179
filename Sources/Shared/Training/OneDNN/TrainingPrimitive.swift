import CKernels

/// One ready-made computation of oneDNN.
@safe
final class TrainingPrimitive {
    private let handle: OpaquePointer
    /// Keeps the engine, the stream and the scratchpad alive.
    private let context: TrainingContext

    /// Takes over a primitive that `context` made.
    init(handle: OpaquePointer, context: TrainingContext) {
        unsafe self.handle = unsafe handle
        self.context = context
    }

    deinit {
        unsafe tare_onednn_primitive_destroy(handle)
    }

    /// The library's name of the implementation that it chose.
    var implementation: String {
        unsafe String(cString: tare_onednn_primitive_implementation(handle))
    }

    /// Computes over buffers that are as large as the descriptions that the primitive was made from say.
    @unsafe
    func execute(_ buffers: UnsafePointer<UnsafeMutableRawPointer?>, count: Int) throws(StepError) {
        let status = unsafe tare_onednn_execute(context.handle, handle, buffers, Int32(count))
        if status.code != Int32(TARE_ONEDNN_OK) { throw .library(TrainingContext.message(status)) }
    }
}
