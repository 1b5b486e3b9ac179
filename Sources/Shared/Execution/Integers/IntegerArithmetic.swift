import CKernels

/// Which kernels compute the integer modules of the simulated device on this machine.
///
/// Results are the same whichever it is.
public enum IntegerArithmetic {
    /// What computes int8 products: `oneDNN` where its sums are exact, else our own kernels.
    ///
    /// Found out once per process, by comparing the library with plain integers on cases that break inexact ones.
    public static let int8Kernels: String = isLibraryExact ? "oneDNN \(InstructionSet.current)" : ownKernels

    /// What computes int16 products, and int8 ones where oneDNN is not exact.
    public static var ownKernels: String { name(of: variant) }

    /// Whether the library's sums of products of bytes were right in every case of the check.
    public static let isLibraryExact: Bool = ExactnessCheck.passes()

    /// The instructions of our own kernels.
    static let variant = tare_integer_best_variant()

    private static func name(of variant: tare_integer_variant) -> String {
        switch variant {
        case TARE_INTEGER_AVX512_VNNI: "own avx512_vnni"
        case TARE_INTEGER_AVX512: "own avx512"
        case TARE_INTEGER_AVX2: "own avx2"
        default: "own plain"
        }
    }
}
