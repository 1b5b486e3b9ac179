package import CKernels

/// The engine, the stream, the scratchpad and the reordered weights of one executor.
@safe
package final class OneDNNContext {
    /// The shim's object.
    package let handle: OpaquePointer

    /// Makes a context that computes on one thread.
    package init() throws(OneDNNError) {
        var created: OpaquePointer?
        let status = unsafe tare_onednn_context_create(&created)
        guard status.code == Int32(TARE_ONEDNN_OK), let created = unsafe created else { throw OneDNNError(status) }
        unsafe handle = unsafe created
    }

    deinit {
        unsafe tare_onednn_context_destroy(handle)
    }

    /// Makes the calling thread compute on one thread.
    package func prepareThread() {
        tare_onednn_prepare_thread()
    }

    /// Bytes of reordered weights.
    package var constantByteCount: Int { unsafe tare_onednn_context_constant_bytes(handle) }

    /// Wraps what `create` made.
    ///
    /// - Returns: `nil` when the library has no implementation.
    package func primitive(
        _ create: (OpaquePointer, UnsafeMutablePointer<OpaquePointer?>) -> tare_onednn_status
    ) throws(OneDNNError) -> OneDNNPrimitive? {
        var created: OpaquePointer?
        let status = unsafe create(handle, &created)
        if status.code == Int32(TARE_ONEDNN_UNIMPLEMENTED) { return nil }
        guard status.code == Int32(TARE_ONEDNN_OK), let created = unsafe created else { throw OneDNNError(status) }
        return unsafe OneDNNPrimitive(handle: created, context: self)
    }
}
