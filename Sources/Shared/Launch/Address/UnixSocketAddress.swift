internal import Glibc

/// The address of a socket in the file system, or of an abstract one, which begins with `@`.
struct UnixSocketAddress {
    private var address = sockaddr_un()
    private let length: socklen_t

    /// Makes an address; `nil` when the path is empty or too long.
    init?(path: String) {
        var bytes = Array(path.utf8)
        let isAbstract = bytes.first == UInt8(ascii: "@")
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        // A path in the file system ends with a zero byte; an abstract one begins with it and ends where the length says.
        guard bytes.count >= (isAbstract ? 2 : 1), bytes.count + (isAbstract ? 0 : 1) <= capacity,
            !bytes.contains(0)
        else { return nil }
        if isAbstract { bytes[0] = 0 }
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let header = MemoryLayout<sa_family_t>.size
        length = socklen_t(header + bytes.count + (isAbstract ? 0 : 1))
    }

    /// Lends the address to a system call.
    mutating func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        let length = length
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }
}
