import CZlib

/// Deflate compression and the checksum that zip and gzip files use.
public enum Deflate {
    /// The raw deflate stream of `bytes` at level 6 (no zlib or gzip frame), the same for the same zlib version.
    public static func compress(_ bytes: [UInt8]) -> [UInt8] {
        let stream = DeflateCompressor()
        var output: [UInt8] = []
        unsafe bytes.withUnsafeBytes { unsafe stream.compress($0, isLast: true, into: &output) }
        return output
    }

    /// The CRC-32 of `bytes`, continuing from the checksum of the bytes before them.
    public static func checksum(of bytes: [UInt8], continuing previous: UInt32 = 0) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe checksum(of: $0, continuing: previous) }
    }

    static func checksum(of bytes: UnsafeRawBufferPointer, continuing previous: UInt32) -> UInt32 {
        guard unsafe !bytes.isEmpty else { return previous }
        let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        return unsafe UInt32(truncatingIfNeeded: crc32_z(UInt(previous), start, z_size_t(bytes.count)))
    }
}

/// One raw deflate stream being written.
@safe
final class DeflateCompressor {
    /// zlib keeps the address of the structure, so it must not move.
    private let stream: UnsafeMutablePointer<z_stream>

    init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let status = unsafe deflateInit2_(
            stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        precondition(status == Z_OK, "zlib cannot start: \(status)")
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Compresses `bytes` and appends what is ready to `output`.
    func compress(_ bytes: UnsafeRawBufferPointer, isLast: Bool, into output: inout [UInt8]) {
        var consumed = 0
        var isDone = false
        repeat {
            // zlib counts in 32 bits; larger inputs go in pieces.
            let piece = unsafe UnsafeRawBufferPointer(
                rebasing: bytes[consumed..<min(bytes.count, consumed + (1 << 30))])
            consumed += piece.count
            let flush = isLast && consumed == bytes.count ? Z_FINISH : Z_NO_FLUSH
            unsafe stream.pointee.next_in = UnsafeMutablePointer(
                mutating: piece.baseAddress?.assumingMemoryBound(to: UInt8.self))
            unsafe stream.pointee.avail_in = UInt32(piece.count)
            isDone = drain(flush, into: &output) && consumed == bytes.count
        } while !isDone
    }

    /// Runs zlib until it has taken all input.
    ///
    /// - Returns: Whether the piece is done.
    private func drain(_ flush: Int32, into output: inout [UInt8]) -> Bool {
        while true {
            var status: Int32 = Z_OK
            let part = unsafe [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
                unsafe stream.pointee.next_out = buffer.baseAddress
                unsafe stream.pointee.avail_out = UInt32(buffer.count)
                status = unsafe deflate(stream, flush)
                count = unsafe buffer.count - Int(stream.pointee.avail_out)
            }
            output += part
            if flush == Z_FINISH ? status == Z_STREAM_END : part.count < 1 << 16 { return true }
        }
    }
}

/// One raw deflate stream being read.
///
/// Owned by one reader at a time; it never crosses threads without its owner.
@safe
struct InflateStream: ~Copyable {
    /// What happened in one step.
    enum Outcome: Equatable {
        /// Input was used or output made, and there is more to do.
        case progress
        /// The stream reached its end.
        case end
        /// Neither input was used nor output made.
        case stalled
        /// The bytes are no deflate stream; zlib's words.
        case malformed(String)
    }

    private let stream: UnsafeMutablePointer<z_stream>

    /// Starts at the beginning of a raw deflate stream.
    init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let status = unsafe inflateInit2_(stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(status == Z_OK, "zlib cannot start: \(status)")
    }

    /// Starts in the middle of a stream, at a block boundary.
    ///
    /// - Parameters:
    ///   - pendingBits: How many high bits of `pendingByte` belong to the next block.
    ///   - pendingByte: The byte before the input.
    ///   - window: The last 32 KiB, or all if fewer, of output before this place.
    init(pendingBits: Int, pendingByte: UInt8, window: [UInt8]) {
        self.init()
        if pendingBits > 0 {
            unsafe inflatePrime(stream, Int32(pendingBits), Int32(pendingByte >> (8 - pendingBits)))
        }
        if !window.isEmpty {
            unsafe window.withUnsafeBufferPointer { buffer in
                _ = unsafe inflateSetDictionary(stream, buffer.baseAddress, UInt32(buffer.count))
            }
        }
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Inflates from `input[consumed...]` into `output[produced...]` until one is used up or a block ends.
    mutating func step(
        _ input: [UInt8], _ consumed: inout Int, _ output: UnsafeMutableRawBufferPointer, _ produced: inout Int
    ) -> Outcome {
        let (consumedBefore, producedBefore) = (consumed, produced)
        let status = unsafe input.withUnsafeBufferPointer { source in
            let inputCount = min(source.count - consumedBefore, 1 << 30)
            let outputCount = min(output.count - producedBefore, 1 << 30)
            unsafe stream.pointee.next_in = UnsafeMutablePointer(
                mutating: source.baseAddress.map { unsafe $0 + consumedBefore })
            unsafe stream.pointee.avail_in = UInt32(inputCount)
            unsafe stream.pointee.next_out = output.baseAddress.map {
                unsafe ($0 + producedBefore).assumingMemoryBound(to: UInt8.self)
            }
            unsafe stream.pointee.avail_out = UInt32(outputCount)
            let status = unsafe inflate(stream, Z_BLOCK)
            unsafe consumed += inputCount - Int(stream.pointee.avail_in)
            unsafe produced += outputCount - Int(stream.pointee.avail_out)
            return status
        }
        switch status {
        case Z_STREAM_END: return .end
        case Z_OK, Z_BUF_ERROR:
            return consumed == consumedBefore && produced == producedBefore ? .stalled : .progress
        default:
            return unsafe .malformed(stream.pointee.msg.map { unsafe String(cString: $0) } ?? "zlib error \(status)")
        }
    }

    /// Number of unused bits of the last input byte when the stream stands at the boundary of two blocks, else `nil`.
    var pendingBitsAtBoundary: Int? {
        let state = unsafe stream.pointee.data_type
        return state & 128 != 0 && state & 64 == 0 ? Int(state & 7) : nil
    }

    /// The last 32 KiB, or all if fewer, of output.
    var window: [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: 1 << 15) { buffer, count in
            var length: UInt32 = 0
            unsafe inflateGetDictionary(stream, buffer.baseAddress, &length)
            count = Int(length)
        }
    }
}
