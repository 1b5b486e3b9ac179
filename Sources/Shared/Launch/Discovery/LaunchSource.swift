/// Who said how this process was started; the earlier of two wins.
public enum LaunchSource: String, Hashable, Sendable, CaseIterable {
    /// An option of the command.
    case flag = "command line"
    /// A `TARE_*` variable.
    case tare = "TARE_*"
    /// `torchrun` (torch elastic).
    case torchrun
    /// A task of a Slurm step.
    case slurm = "Slurm"
    /// Open MPI's `mpirun`.
    case openMPI = "Open MPI"
    /// Another launcher that speaks PMI, for example MPICH's Hydra.
    case pmi = "PMI"
    /// A pod of an Indexed Job, or a Service's variables.
    case kubernetes = "Kubernetes"
    /// Nobody.
    case standard = "default"
}

/// A value, and where it came from.
public struct Sourced<Value: Hashable & Sendable>: Hashable, Sendable {
    /// The value.
    public var value: Value
    /// Who said it.
    public var source: LaunchSource
    /// The option or variable that said it, for example `--local-rank` or `SLURM_PROCID`; empty for a default.
    public var variable: String

    /// A value from an option or variable.
    public init(_ value: Value, _ source: LaunchSource, _ variable: String) {
        self.value = value
        self.source = source
        self.variable = variable
    }

    /// A value that nobody gave.
    public static func standard(_ value: Value) -> Sourced {
        Sourced(value, .standard, "")
    }
}
