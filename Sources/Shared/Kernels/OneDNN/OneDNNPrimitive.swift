internal import CKernels

/// One ready-made computation of oneDNN with its constants.
@safe
package final class OneDNNPrimitive {
    /// The shim's object.
    package let handle: OpaquePointer
    /// Keeps the engine, the stream and the scratchpad alive.
    package let context: OneDNNContext

    /// Takes over a primitive that `context` made.
    package init(handle: OpaquePointer, context: OneDNNContext) {
        unsafe self.handle = unsafe handle
        self.context = context
    }

    deinit {
        unsafe tare_onednn_primitive_destroy(handle)
    }

    /// The library's name of the implementation that it chose.
    package var implementation: String {
        unsafe String(cString: tare_onednn_primitive_implementation(handle))
    }

    /// Computes over buffers at these addresses.
    ///
    /// The buffers must be as large as the descriptions that the primitive was made from say.
    @unsafe
    package func execute(_ buffers: UnsafePointer<UnsafeMutableRawPointer?>, count: Int) throws(OneDNNError) {
        let status = unsafe tare_onednn_execute(context.handle, handle, buffers, Int32(count))
        if status.code != Int32(TARE_ONEDNN_OK) { throw OneDNNError(status) }
    }
}
