/// The memory of an executor's intermediate values, shared by its plans.
///
/// Only the executor's thread touches the bytes.
@safe
final class TrainingArena: Sendable {
    /// Number of bytes.
    let byteCount: Int
    private let address: UInt

    init(byteCount: Int) {
        self.byteCount = byteCount
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 1), alignment: 4096)
        self.address = UInt(bitPattern: memory)
    }

    deinit {
        unsafe base?.deallocate()
    }

    /// Address of the first byte, valid while the arena is held.
    var base: UnsafeMutableRawPointer? { unsafe UnsafeMutableRawPointer(bitPattern: address) }
}
