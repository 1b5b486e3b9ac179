import Synchronization

/// A raw deflate stream within a file, read at any place of its inflated bytes with bounded memory.
///
/// While the stream is inflated for the first time, a restart point is kept about every `spacing` bytes: the place in the
/// compressed stream and the 32 KiB before it. A later read starts at the nearest point before its place. The spacing
/// grows with the size, so that the points together take at most about 32 MiB.
public final class DeflatedRegion: Sendable {
    /// Number of inflated bytes.
    public let byteCount: Int
    private let file: InputFile
    private let compressed: Range<Int>
    private let expectedChecksum: UInt32
    private let member: String?
    private let spacing: Int
    private let state: Mutex<State>

    /// Smallest distance between two restart points in inflated bytes.
    private static let smallestSpacing = 1 << 20
    /// Most restart points that are kept, of 32 KiB each.
    private static let maximumPointCount = 1024
    /// Deflate makes at most 1032 bytes from one.
    private static let maximumRatio = 1032

    /// A place where inflating can start.
    private struct RestartPoint: Sendable {
        let inflatedOffset: Int
        let fileOffset: Int
        let pendingBits: Int
        let pendingByte: UInt8
        let window: [UInt8]
    }

    private struct State: ~Copyable {
        /// In ascending order of place.
        var points: [RestartPoint] = []
        /// The reader that sees everything for the first time, in order.
        var frontier: Cursor
        /// CRC-32 of what the frontier has seen.
        var checksum: UInt32 = 0
        /// Whether the end was reached and everything agreed.
        var isVerified = false
        /// What was found wrong; every later read repeats it.
        var failure: TensorFileError?
        /// The reader for places before the frontier.
        var follower: Cursor?
    }

    /// A stream being inflated and its place.
    private struct Cursor: ~Copyable {
        var stream: InflateStream
        var input: [UInt8] = []
        /// How much of `input` is used.
        var consumed = 0
        /// Where in the file the bytes after `input` lie.
        var nextFileOffset: Int
        var inflatedOffset: Int
        var isFinished = false
        var fileOffset: Int { nextFileOffset - input.count + consumed }
    }

    /// Describes a stream; nothing is read yet.
    ///
    /// - Parameters:
    ///   - file: The file.
    ///   - compressed: Where in the file the raw deflate stream lies.
    ///   - byteCount: Number of inflated bytes that the file announces.
    ///   - checksum: CRC-32 of the inflated bytes that the file announces.
    ///   - member: The name of the stream in the file, for errors.
    /// - Throws: `truncated` when the range ends after the file, `malformed` when so few bytes cannot inflate to so many.
    public init(
        file: InputFile, compressed: Range<Int>, byteCount: Int, checksum: UInt32, member: String?
    ) throws(TensorFileError) {
        guard compressed.lowerBound >= 0, compressed.upperBound <= file.byteCount else {
            throw TensorFileError(
                path: file.path, member: member,
                reason: .truncated(needed: compressed.count, available: max(0, file.byteCount - compressed.lowerBound)))
        }
        guard byteCount >= 0, byteCount / Self.maximumRatio <= compressed.count else {
            throw TensorFileError(
                path: file.path, member: member,
                reason: .malformed("\(compressed.count) deflated bytes cannot hold \(byteCount)"))
        }
        self.file = file
        self.compressed = compressed
        self.byteCount = byteCount
        self.expectedChecksum = checksum
        self.member = member
        spacing = max(Self.smallestSpacing, byteCount / Self.maximumPointCount)
        state = Mutex(
            State(
                frontier: Cursor(
                    stream: InflateStream(), nextFileOffset: compressed.lowerBound, inflatedOffset: 0)))
    }

    /// Reads inflated bytes into new storage.
    ///
    /// - Throws: `truncated` when the range ends after the announced size; `malformed` or `checksumMismatch` when the stream
    ///   is damaged (the checksum is known once the end was reached).
    public func storage(_ range: Range<Int>) throws(TensorFileError) -> TensorStorage {
        guard range.lowerBound >= 0, range.upperBound <= byteCount else {
            throw TensorFileError(
                path: file.path, member: member,
                reason: .truncated(needed: range.count, available: max(0, byteCount - range.lowerBound)))
        }
        let storage = TensorStorage(uninitializedByteCount: range.count)
        try withState { (state) throws(TensorFileError) in
            try unsafe read(range, into: storage.mutableBytes, &state)
        }
        return storage
    }

    /// Reads inflated bytes.
    public func bytes(_ range: Range<Int>) throws(TensorFileError) -> [UInt8] {
        try storage(range).copyBytes()
    }

    /// Inflates what was not inflated yet, and checks the size and the checksum of the whole.
    public func verify() throws(TensorFileError) {
        try withState { (state) throws(TensorFileError) in
            try skipFrontier(to: byteCount, &state)
        }
    }

    /// Runs `body` alone, unless the stream is known to be damaged.
    private func withState(_ body: (inout State) throws(TensorFileError) -> Void) throws(TensorFileError) {
        try state.withLock { (state) throws(TensorFileError) in
            if let failure = state.failure { throw failure }
            do throws(TensorFileError) {
                try body(&state)
            } catch {
                state.failure = error
                throw error
            }
        }
    }

    private func read(
        _ range: Range<Int>, into output: UnsafeMutableRawBufferPointer, _ state: inout State
    ) throws(TensorFileError) {
        // The part before the frontier comes from the follower, the rest is new.
        let known = range.clamped(to: 0..<max(state.frontier.inflatedOffset, 0))
        if !known.isEmpty {
            let part = unsafe UnsafeMutableRawBufferPointer(rebasing: output[..<known.count])
            try unsafe readKnown(known, into: part, &state)
        }
        guard known.count < range.count else { return }
        try skipFrontier(to: range.lowerBound + known.count, &state)
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: output[known.count...])
        try unsafe advanceFrontier(into: part, &state)
    }

    private func readKnown(
        _ range: Range<Int>, into output: UnsafeMutableRawBufferPointer, _ state: inout State
    ) throws(TensorFileError) {
        let point = state.points.last { $0.inflatedOffset <= range.lowerBound }
        let nearest = point?.inflatedOffset ?? 0
        if let place = state.follower?.inflatedOffset, place <= range.lowerBound, place >= nearest {
            // It is on the way already.
        } else if let point {
            state.follower = Cursor(
                stream: InflateStream(
                    pendingBits: point.pendingBits, pendingByte: point.pendingByte, window: point.window),
                nextFileOffset: point.fileOffset, inflatedOffset: point.inflatedOffset)
        } else {
            state.follower = Cursor(
                stream: InflateStream(), nextFileOffset: compressed.lowerBound, inflatedOffset: 0)
        }
        guard var follower = state.follower.take() else { return }
        if follower.inflatedOffset < range.lowerBound {
            let scratch = TensorStorage(uninitializedByteCount: 1 << 16)
            while follower.inflatedOffset < range.lowerBound {
                let count = min(range.lowerBound - follower.inflatedOffset, scratch.byteCount)
                let part = unsafe UnsafeMutableRawBufferPointer(rebasing: scratch.mutableBytes[..<count])
                try unsafe inflate(&follower, into: part) { _ in }
            }
        }
        try unsafe inflate(&follower, into: output) { _ in }
        state.follower = consume follower
    }

    private func skipFrontier(to place: Int, _ state: inout State) throws(TensorFileError) {
        let scratch = TensorStorage(uninitializedByteCount: min(max(place - state.frontier.inflatedOffset, 0), 1 << 16))
        repeat {
            let count = min(place - state.frontier.inflatedOffset, scratch.byteCount)
            let part = unsafe UnsafeMutableRawBufferPointer(rebasing: scratch.mutableBytes[..<max(count, 0)])
            try unsafe advanceFrontier(into: part, &state)
        } while state.frontier.inflatedOffset < place
    }

    /// Fills `output` from the frontier, keeps restart points on the way, and checks everything at the end.
    private func advanceFrontier(
        into output: UnsafeMutableRawBufferPointer, _ state: inout State
    ) throws(TensorFileError) {
        var points: [RestartPoint] = []
        var lastPlace = state.points.last?.inflatedOffset ?? 0
        try unsafe inflate(&state.frontier, into: output) { cursor in
            guard cursor.inflatedOffset - lastPlace >= spacing, cursor.consumed > 0,
                let pendingBits = cursor.stream.pendingBitsAtBoundary
            else { return }
            lastPlace = cursor.inflatedOffset
            points.append(
                RestartPoint(
                    inflatedOffset: cursor.inflatedOffset, fileOffset: cursor.fileOffset, pendingBits: pendingBits,
                    pendingByte: cursor.input[cursor.consumed - 1], window: cursor.stream.window))
        }
        state.points += points
        state.checksum = unsafe Deflate.checksum(of: UnsafeRawBufferPointer(output), continuing: state.checksum)
        if state.frontier.inflatedOffset == byteCount { try finish(&state) }
    }

    /// Checks that the stream ends where the file says, with the bytes that were written.
    private func finish(_ state: inout State) throws(TensorFileError) {
        guard !state.isVerified else { return }
        let spare = TensorStorage(uninitializedByteCount: 1)
        var made = 0
        while !state.frontier.isFinished {
            try unsafe step(&state.frontier, spare.mutableBytes, &made)
            guard made == 0 else { throw malformed("it inflates to more than \(byteCount) bytes") }
        }
        guard state.frontier.fileOffset == compressed.upperBound else {
            throw malformed("\(compressed.upperBound - state.frontier.fileOffset) bytes follow the deflated data")
        }
        guard state.checksum == expectedChecksum else {
            throw TensorFileError(
                path: file.path, member: member,
                reason: .checksumMismatch(stored: expectedChecksum, computed: state.checksum))
        }
        state.isVerified = true
    }

    /// Fills `output` completely; `visit` sees the cursor after each step.
    private func inflate(
        _ cursor: inout Cursor, into output: UnsafeMutableRawBufferPointer, _ visit: (borrowing Cursor) -> Void
    ) throws(TensorFileError) {
        var produced = 0
        while produced < output.count {
            let before = produced
            guard !cursor.isFinished else {
                throw malformed("it inflates to \(cursor.inflatedOffset) bytes instead of \(byteCount)")
            }
            try unsafe step(&cursor, output, &produced)
            cursor.inflatedOffset += produced - before
            visit(cursor)
        }
    }

    private func step(
        _ cursor: inout Cursor, _ output: UnsafeMutableRawBufferPointer, _ produced: inout Int
    ) throws(TensorFileError) {
        if cursor.consumed == cursor.input.count, cursor.nextFileOffset < compressed.upperBound {
            let end = min(compressed.upperBound, cursor.nextFileOffset + (1 << 16))
            cursor.input = try file.bytes(cursor.nextFileOffset..<end)
            cursor.consumed = 0
            cursor.nextFileOffset = end
        }
        switch unsafe cursor.stream.step(cursor.input, &cursor.consumed, output, &produced) {
        case .progress: break
        case .end: cursor.isFinished = true
        case .stalled:
            // At a block boundary zlib may stop without progress once; without input left the stream is cut.
            guard cursor.consumed < cursor.input.count || cursor.nextFileOffset < compressed.upperBound else {
                throw malformed("the deflated data end too early")
            }
        case .malformed(let detail): throw malformed("the deflated data are damaged (\(detail))")
        }
    }

    private func malformed(_ detail: String) -> TensorFileError {
        TensorFileError(path: file.path, member: member, reason: .malformed(detail))
    }
}
