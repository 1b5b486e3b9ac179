internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// The library's context: sockets that belong together, with the input and output threads that serve them.
///
/// Contexts may be shared by threads, sockets may not. Every socket keeps its context, so a context ends after the last
/// of its sockets was closed, and ending it never waits for another thread.
@safe
final class ZeroMQContext: Sendable {
    // A pointer would not be Sendable; the library says that a context is.
    private let address: UInt
    private let nameCount = Atomic<Int>(0)

    /// Makes a context.
    ///
    /// - Parameter threads: Threads for input and output, encryption included.
    /// - Throws: `ZeroMQError` when the process has no file descriptors left.
    init(threads: Int = 1) throws(ZeroMQError) {
        guard let context = unsafe zmq_ctx_new() else { throw ZeroMQError("Making a socket") }
        address = UInt(bitPattern: context)
        guard unsafe zmq_ctx_set(context, ZMQ_IO_THREADS, Int32(threads)) == 0 else {
            throw ZeroMQError("Setting the number of socket threads")
        }
    }

    deinit {
        while unsafe zmq_ctx_term(UnsafeMutableRawPointer(bitPattern: address)) != 0, zmq_errno() == EINTR {}
    }

    /// Makes a socket of the library's type `type`.
    func makeSocket(_ type: Int32) -> UnsafeMutableRawPointer? {
        unsafe zmq_socket(UnsafeMutableRawPointer(bitPattern: address), type)
    }

    /// An endpoint inside this process that nobody else in this context has.
    func uniqueEndpoint() -> String {
        "inproc://tare.\(nameCount.add(1, ordering: .relaxed).newValue)"
    }
}
