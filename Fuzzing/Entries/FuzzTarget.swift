import Tensors

/// The readers that are fuzzed, each on the way that a user's file takes through Tare.
///
/// A reader may refuse the bytes with an error or accept them. Everything else is a finding: a trap, an endless loop, an
/// allocation that the bytes do not justify. `Fuzzing/README.md` says how they are run.
public enum FuzzTarget: String, Sendable, CaseIterable {
    /// ONNX models: import, validation, shape inference, preparation with constant folding, planning.
    case onnx
    /// NumPy archives, and single arrays in archives made around them.
    case npz
    /// Tensors in the safetensors format.
    case safetensors
    /// The files of `torch.save`, and single pickles in archives made around them.
    case unpickler
    /// JPEG and PNG images.
    case images
    /// IDX files, gzipped or not.
    case idx
    /// Tar archives, compressed or not.
    case tar

    /// Lets the readers have the bytes.
    ///
    /// - Throws: `ScratchFile.Failure` when the bytes cannot be brought into a file; never for what is in them.
    public func read(_ bytes: [UInt8]) throws {
        switch self {
        case .onnx: ModelEntry.read(bytes)
        case .npz: try ArchiveEntry.readNPZ(bytes)
        case .safetensors: try DatasetEntry.read(bytes, state: .safetensors)
        case .unpickler: try ArchiveEntry.readPyTorch(bytes)
        case .images: try ImageEntry.read(bytes)
        case .idx: try ArchiveEntry.readIDX(bytes)
        case .tar: try TarEntry.read(bytes)
        }
    }
}
