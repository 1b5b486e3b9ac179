package import CKernels

/// A call of the library that failed.
package struct OneDNNError: Error {
    /// What the library said.
    package let message: String

    /// Makes an error with a message of our own.
    package init(message: String) {
        self.message = message
    }

    /// Takes the message of a failed call.
    package init(_ status: tare_onednn_status) {
        message = unsafe withUnsafeBytes(of: status.message) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
