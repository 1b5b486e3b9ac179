/// The memory of an executor's intermediate values, shared by its plans.
///
/// Only the executor's thread touches the bytes. The storage is kept by this object alone, so that writing is safe.
@safe
package final class Arena: Sendable {
    /// Number of bytes.
    package let byteCount: Int
    private let address: UInt

    /// Allocates an arena.
    package init(byteCount: Int) {
        self.byteCount = byteCount
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 1), alignment: 4096)
        self.address = UInt(bitPattern: memory)
    }

    deinit {
        unsafe base?.deallocate()
    }

    /// Address of the first byte, valid while the arena is held.
    package var base: UnsafeMutableRawPointer? { unsafe UnsafeMutableRawPointer(bitPattern: address) }
}
