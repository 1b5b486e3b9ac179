import CKernels
import Kernels

/// The processor instructions that float kernels use; on different ones the last bits of results can differ.
public enum InstructionSet {
    /// The name of the instruction set in use, for example `avx512_core_amx`.
    ///
    /// oneDNN chooses it at its first use: the best that the processor has, or less when the environment variable
    /// `ONEDNN_MAX_CPU_ISA` or `limit(to:)` says so.
    public static var current: String {
        unsafe String(cString: tare_onednn_instruction_set())
    }

    /// What decides the bits of float results: the instruction set and the library's version, for example
    /// `avx512_core_amx, oneDNN 2.6.3`.
    public static var arithmetic: String {
        "\(current), oneDNN \(unsafe String(cString: tare_onednn_version()))"
    }

    /// Uses at most the named instruction set in this process; must come before everything else that computes.
    ///
    /// - Parameter name: A name that `current` can have, for example `avx2`.
    /// - Throws: `ExecutionError.library` when the name is unknown or it is too late.
    public static func limit(to name: String) throws(ExecutionError) {
        let status = unsafe tare_onednn_limit_instruction_set(name)
        guard status.code == Int32(TARE_ONEDNN_OK) else {
            throw .library(node: "instruction set \(name)", reason: OneDNNError(status).message)
        }
    }
}
