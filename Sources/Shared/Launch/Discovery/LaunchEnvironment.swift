internal import Wire

/// How this process was started, as flags, variables and launchers tell it.
///
/// Rank and world size name a worker and its device in logs. They never choose its data: the coordinator deals out shards,
/// and the result is the same for any number of workers.
public struct LaunchEnvironment: Hashable, Sendable {
    /// The largest number that a rank or a size may have.
    public static let largestWorld = 1 << 20
    /// The port of a coordinator whose host alone is known.
    public static let coordinatorPort = 7788

    /// Number of this process among all, from 0.
    public var rank: Sourced<Int>
    /// How many there are; `nil` when the launcher does not tell.
    public var worldSize: Sourced<Int>?
    /// Number of this process on its node, from 0.
    public var localRank: Sourced<Int>
    /// How many there are on this node; `nil` when the launcher does not tell.
    public var localWorldSize: Sourced<Int>?
    /// Number of this node, from 0.
    public var nodeRank: Sourced<Int>?
    /// Name of this node, when it is not the host's.
    public var nodeName: Sourced<String>?
    /// How often this job or task was started before.
    public var restartCount: Sourced<Int>
    /// What the launcher calls the job.
    public var jobID: Sourced<String>?
    /// Where the coordinator is; `nil` when nobody says.
    public var coordinator: Sourced<CoordinatorLocation>?

    /// Finds out how this process was started.
    ///
    /// Each value comes from the first that has it: flags, `TARE_*`, torchrun, Slurm, Open MPI or PMI, Kubernetes. The
    /// ranks and sizes come from one launcher, so that those of nested ones do not mix.
    ///
    /// - Parameters:
    ///   - flags: The options of the command.
    ///   - variables: The environment.
    /// - Throws: `LaunchError` naming the variable and value that cannot be right.
    public init(flags: LaunchFlags = LaunchFlags(), variables: [String: String]) throws(LaunchError) {
        let variables = LaunchVariables(variables)
        let own = try Topology(.tare, variables)
        var launched = Topology()
        for launcher in Launcher.all where launched.isEmpty {
            launched = try Topology(launcher, variables)
        }
        var flagged: Sourced<Int>?
        if let number = flags.localRank {
            guard (0...Self.largestWorld).contains(number) else {
                throw .number(variable: "--local-rank", value: "\(number)", least: 0)
            }
            flagged = Sourced(number, .flag, "--local-rank")
        }
        let isAlone = own.isEmpty && launched.isEmpty
        rank = own.rank ?? launched.rank ?? .standard(0)
        worldSize = own.worldSize ?? launched.worldSize ?? (isAlone ? .standard(1) : nil)
        localRank = flagged ?? own.localRank ?? launched.localRank ?? .standard(0)
        localWorldSize = own.localWorldSize ?? launched.localWorldSize
        nodeRank = own.nodeRank ?? launched.nodeRank
        nodeName = variables.text("TARE_NODE_NAME", .tare) ?? variables.text("SLURMD_NODENAME", .slurm)
        restartCount = try Self.restartCount(variables)
        jobID =
            variables.text("TARE_JOB_ID", .tare) ?? variables.text("TORCHELASTIC_RUN_ID", .torchrun)
            ?? variables.text("SLURM_JOB_ID", .slurm) ?? variables.text("PMIX_NAMESPACE", .openMPI)
        coordinator = try Self.coordinator(flags, variables)
        try checkConsistency()
    }

    private static func restartCount(_ variables: LaunchVariables) throws(LaunchError) -> Sourced<Int> {
        let names: [(String, LaunchSource)] = [
            ("TARE_RESTART_COUNT", .tare), ("TORCHELASTIC_RESTART_COUNT", .torchrun),
            // Slurm does not set it for the first run.
            ("SLURM_RESTART_COUNT", .slurm),
        ]
        for (name, source) in names {
            if let count = try variables.integer([name], source, least: 0) { return count }
        }
        return .standard(0)
    }

    private func checkConsistency() throws(LaunchError) {
        try Self.check(rank, isBelow: worldSize)
        try Self.check(localRank, isBelow: localWorldSize)
        if let localWorldSize, let worldSize, localWorldSize.value > worldSize.value {
            throw .inconsistent(
                variable: localWorldSize.variable, value: localWorldSize.value, bound: worldSize.variable,
                boundValue: worldSize.value)
        }
    }

    private static func check(_ rank: Sourced<Int>, isBelow size: Sourced<Int>?) throws(LaunchError) {
        guard let size, size.source != .standard, rank.source != .standard, rank.value >= size.value else { return }
        throw .inconsistent(
            variable: rank.variable, value: rank.value, bound: size.variable, boundValue: size.value)
    }

    /// Whether a launcher starts one process per rank on this node, so that starting more would be too many.
    public var isOneOfSeveral: Bool {
        (localWorldSize?.value ?? 1) > 1
    }
}

extension LaunchEnvironment: CustomStringConvertible {
    /// One line that says what won, for example `rank 3 of 8 (Slurm), coordinator tcp://n0:7788 (TARE_COORDINATOR)`.
    public var description: String {
        var parts: [(text: String, by: String)] = []
        // Values beside each other that have the same origin name it once.
        func add(_ text: String, _ by: String) {
            if let last = parts.last, last.by == by {
                parts[parts.count - 1].text += ", \(text)"
            } else {
                parts.append((text, by))
            }
        }
        if let worldSize, worldSize.source == rank.source {
            add("rank \(rank.value) of \(worldSize.value)", rank.source.rawValue)
        } else {
            add("rank \(rank.value)", rank.source.rawValue)
            if let worldSize { add("world size \(worldSize.value)", worldSize.source.rawValue) }
        }
        if localRank.source != .standard || localWorldSize != nil {
            let size = localWorldSize.map { $0.source == localRank.source ? " of \($0.value)" : "" } ?? ""
            add("local rank \(localRank.value)\(size)", localRank.source.rawValue)
        }
        if restartCount.value > 0 { add("restart \(restartCount.value)", restartCount.source.rawValue) }
        if let jobID { add("job \(jobID.value)", jobID.source.rawValue) }
        switch coordinator?.value {
        case .endpoint(let endpoint): add("coordinator \(endpoint)", coordinator?.variable ?? "")
        case .addressFile(let path): add("coordinator named in \(path)", coordinator?.variable ?? "")
        case nil: break
        }
        return parts.map { "\($0.text) (\($0.by))" }.joined(separator: ", ")
    }
}

/// The ranks and sizes that one launcher tells.
struct Topology {
    var rank: Sourced<Int>?
    var worldSize: Sourced<Int>?
    var localRank: Sourced<Int>?
    var localWorldSize: Sourced<Int>?
    var nodeRank: Sourced<Int>?

    var isEmpty: Bool {
        rank == nil && worldSize == nil && localRank == nil && localWorldSize == nil && nodeRank == nil
    }

    init() {}

    init(_ launcher: Launcher, _ variables: LaunchVariables) throws(LaunchError) {
        let source = launcher.source
        rank = try variables.integer(launcher.rank, source, least: 0)
        worldSize = try variables.integer(launcher.worldSize, source, least: 1)
        localRank = try variables.integer(launcher.localRank, source, least: 0)
        localWorldSize = try variables.integer(launcher.localWorldSize, source, least: 1)
        nodeRank = try variables.integer(launcher.nodeRank, source, least: 0)
        if source == .slurm { localWorldSize = try slurmTasksOfNode(variables) }
    }

    /// How many tasks of the step this node has.
    private func slurmTasksOfNode(_ variables: LaunchVariables) throws(LaunchError) -> Sourced<Int>? {
        guard let list = variables.text("SLURM_STEP_TASKS_PER_NODE", .slurm) else { return nil }
        let counts: [Int]
        do {
            counts = try SlurmLists.taskCounts(list.value)
        } catch {
            throw .slurmList(variable: list.variable, value: list.value, reason: error.reason)
        }
        let node = nodeRank?.value ?? 0
        guard node < counts.count else {
            throw .inconsistent(
                variable: "SLURM_NODEID", value: node, bound: "the nodes of \(list.variable)", boundValue: counts.count)
        }
        return Sourced(counts[node], .slurm, list.variable)
    }
}
