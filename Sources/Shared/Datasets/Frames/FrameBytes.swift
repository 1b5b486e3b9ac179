import Tensors

/// The output of a program, taken from the front; nothing is asked for before it is needed, so the program waits.
struct FrameBytes {
    /// Number of bytes taken so far.
    private(set) var offset = 0
    private let read: () throws -> [UInt8]
    private var pending: [UInt8] = []
    private var position = 0
    private var hasEnded = false

    /// - Parameter read: Waits for bytes; gives none at the end, and is not called again then.
    init(_ read: @escaping () throws -> [UInt8]) {
        self.read = read
    }

    /// The next bytes, which stay; fewer only at the end.
    mutating func peek(_ count: Int) throws -> [UInt8] {
        while pending.count - position < count, !hasEnded {
            let more = try read()
            hasEnded = more.isEmpty
            if position > 1 << 20 {
                pending.removeSubrange(..<position)
                position = 0
            }
            pending += more
        }
        return Array(pending[position..<min(pending.count, position + count)])
    }

    /// The next bytes; memory grows only as they arrive.
    ///
    /// - Throws: `malformedFile` naming the frame when the output ends before.
    mutating func take(_ count: Int, frame: String) throws -> [UInt8] {
        let bytes = try peek(count)
        guard bytes.count == count else {
            throw DatasetError.malformedFile(
                path: frame,
                reason: "the output ends within it: \(count) bytes are needed where \(bytes.count) are left")
        }
        position += count
        offset += count
        return bytes
    }
}
