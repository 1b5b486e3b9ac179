import ArgumentParser
import TrainingJobs

/// What the commands that train have in common: data, training, workers, and what they do with them.
struct TrainingCommandOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "YAML file with these options as keys; an option on the command line wins.", valueName: "file"))
    var config: String?

    @OptionGroup(title: "Data")
    var data: DataOptions

    @Option(
        help: ArgumentHelp(
            "How workers get the samples: shared reads the paths, stream receives them over ZeroMQ.", valueName: "way"))
    var dataDelivery: PlanOptions.DataDeliveryChoice = .shared

    @OptionGroup(title: "Training")
    var training: TrainingOptionGroup

    @OptionGroup(title: "Workers")
    var cluster: LocalClusterOptions

    @OptionGroup(title: "Keys")
    var keys: CoordinatorKeyOptions

    @OptionGroup(title: "Dump")
    var dump: DumpOptions

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        try keys.validate(listens: cluster.listen != nil)
        try dump.validate(hasLocalWorkers: cluster.hasLocalWorkers)
        try dump.validateTraining()
    }

    /// Trains, writes what came of it, and says how it went.
    ///
    /// - Parameters:
    ///   - model: Path of the float model.
    ///   - files: Options that name files to write, and their paths; the checkpoint is added.
    ///   - job: Reads model and data.
    ///   - write: Writes the files, without the checkpoint.
    /// - Throws: An error that names the file, the data or the model; what training, `job` and `write` throw.
    func run(
        _ model: String, files: [(what: String, path: String)], job: () throws -> TrainingJob,
        write: (TrainingState) throws -> Void
    ) async throws {
        let files = files + (training.checkpoint.map { [("--checkpoint", $0)] } ?? [])
        try TrainingFiles.check(files, against: [model, training.labels, data.preprocess] + data.paths)
        let run = TrainingRun(
            cluster: cluster, keys: keys, training: training, data: data, delivery: dataDelivery, dump: dump)
        let (state, summary) = try await run.run(try job())
        try write(state)
        try TrainingFiles.report(summary, written: files.map(\.path), json: json)
    }
}
