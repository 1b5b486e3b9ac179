internal import Glibc

/// The lock that keeps a second coordinator out of a state directory; it goes with the process, however that ends.
final class DirectoryLock: Sendable {
    private let file: PosixFile

    /// Takes the lock and leaves the process id for people.
    init(directory: String) throws(StateStoreError) {
        let path = directory + "/lock"
        let holder: [UInt8]?
        do {
            file = try PosixFile(path, flags: O_RDWR | O_CREAT, operation: "open")
            if try file.lock() {
                holder = nil
                try file.truncate(to: 0)
                try file.write(Array("\(getpid())\n".utf8), at: 0)
            } else {
                holder = try file.read(at: 0, count: 20)
            }
        } catch {
            throw StateStoreError(error)
        }
        if let holder {
            let digits = String(decoding: holder, as: UTF8.self).prefix { $0.isASCII && $0.isNumber }
            throw .locked(directory: directory, holder: Int32(digits))
        }
    }
}
