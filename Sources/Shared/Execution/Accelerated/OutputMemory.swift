import Tensors

/// Memory that a run fills with an output, or with one image's part of it.
struct OutputPart {
    /// Where all of the output goes.
    var storage: TensorStorage
    /// Start of the part.
    var byteOffset: Int
    /// Size of the part.
    var byteCount: Int
}

/// Memory for the outputs of runs that is used again once nobody holds the tensors any more.
///
/// Executors that run one after the other share it. Without it every run gets new pages from the system, which for small
/// networks takes as long as the computation.
public final class OutputMemory {
    private struct Block {
        var storage: TensorStorage
        /// The run that used it last.
        var run: Int
    }

    /// So many runs without a use later a block goes.
    private static let patience = 8

    private var blocks: [Block] = []
    private var run = 0

    /// Makes memory without blocks.
    public init() {}

    /// Bytes that are kept, those of tensors in use included.
    public var byteCount: Int { blocks.reduce(0) { $0 + $1.storage.byteCount } }

    /// Begins a run and lets blocks go that the last ones had no use for.
    func beginRun() {
        run += 1
        blocks.removeAll { $0.run + Self.patience < run }
    }

    /// A block that nobody holds, of any content; the caller gives it back with `keep`.
    func take(byteCount: Int) -> TensorStorage {
        for index in blocks.indices
        where blocks[index].storage.byteCount == byteCount && isKnownUniquelyReferenced(&blocks[index].storage) {
            return blocks.remove(at: index).storage
        }
        return TensorStorage(uninitializedByteCount: byteCount)
    }

    /// Remembers a block that is now in the hands of whoever runs; who changes a tensor in it later gets a copy.
    func keep(_ storage: TensorStorage) {
        blocks.append(Block(storage: storage, run: run))
    }
}
