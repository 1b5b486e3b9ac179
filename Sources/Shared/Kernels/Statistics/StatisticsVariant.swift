internal import CKernels

/// The instructions that statistics are computed with; all give the same results to the bit.
public enum StatisticsVariant: String, Sendable, Hashable, CaseIterable {
    /// Portable C.
    case plain
    case avx2
    case avx512

    /// The fastest variant that this machine can run.
    public static let fastest = allCases.last { $0.isSupported } ?? .plain

    /// Whether this machine can run the variant.
    public var isSupported: Bool { tare_statistics_is_supported(kernel) != 0 }

    var kernel: tare_statistics_variant {
        switch self {
        case .plain: TARE_STATISTICS_PLAIN
        case .avx2: TARE_STATISTICS_AVX2
        case .avx512: TARE_STATISTICS_AVX512
        }
    }
}
