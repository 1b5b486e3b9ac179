/// The variables of an environment, as numbers and texts; an empty one counts as not set.
struct LaunchVariables {
    private let variables: [String: String]

    init(_ variables: [String: String]) {
        self.variables = variables
    }

    func text(_ name: String, _ source: LaunchSource) -> Sourced<String>? {
        guard let value = variables[name], !value.isEmpty else { return nil }
        return Sourced(value, source, name)
    }

    /// The first of some variables that is set, as a number.
    func integer(_ names: [String], _ source: LaunchSource, least: Int) throws(LaunchError) -> Sourced<Int>? {
        for name in names {
            guard let text = text(name, source) else { continue }
            // Only digits: Int() would take "+3" as well.
            guard text.value.utf8.count <= 9, text.value.utf8.allSatisfy({ (48...57).contains($0) }),
                let value = Int(text.value), value >= least, value <= LaunchEnvironment.largestWorld
            else { throw .number(variable: name, value: text.value, least: least) }
            return Sourced(value, source, name)
        }
        return nil
    }
}

/// Which variables a launcher sets.
struct Launcher {
    let source: LaunchSource
    var rank: [String] = []
    var worldSize: [String] = []
    var localRank: [String] = []
    var localWorldSize: [String] = []
    var nodeRank: [String] = []

    /// The user's own, which complete or correct what a launcher says.
    static let tare = Launcher(
        source: .tare, rank: ["TARE_RANK"], worldSize: ["TARE_WORLD_SIZE"], localRank: ["TARE_LOCAL_RANK"],
        localWorldSize: ["TARE_LOCAL_WORLD_SIZE"], nodeRank: ["TARE_NODE_RANK"])

    /// The launchers, best first.
    ///
    /// Those that run inside another come before it: `torchrun` runs inside a Slurm step, not around it.
    static let all = [
        Launcher(
            source: .torchrun, rank: ["RANK"], worldSize: ["WORLD_SIZE"], localRank: ["LOCAL_RANK"],
            localWorldSize: ["LOCAL_WORLD_SIZE"], nodeRank: ["GROUP_RANK"]),
        // How many tasks the node has is in a list for all nodes, `SLURM_STEP_TASKS_PER_NODE`.
        Launcher(
            source: .slurm, rank: ["SLURM_PROCID"], worldSize: ["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"],
            localRank: ["SLURM_LOCALID"], nodeRank: ["SLURM_NODEID"]),
        // OMPI_COMM_WORLD_NODE_RANK counts processes on a node, not nodes.
        Launcher(
            source: .openMPI, rank: ["OMPI_COMM_WORLD_RANK"], worldSize: ["OMPI_COMM_WORLD_SIZE"],
            localRank: ["OMPI_COMM_WORLD_LOCAL_RANK"], localWorldSize: ["OMPI_COMM_WORLD_LOCAL_SIZE"]),
        Launcher(
            source: .pmi, rank: ["PMI_RANK", "PMIX_RANK"], worldSize: ["PMI_SIZE"],
            localRank: ["MPI_LOCALRANKID", "PMI_LOCAL_RANK"], localWorldSize: ["MPI_LOCALNRANKS", "PMI_LOCAL_SIZE"]),
        Launcher(source: .kubernetes, rank: ["JOB_COMPLETION_INDEX"]),
    ]
}
