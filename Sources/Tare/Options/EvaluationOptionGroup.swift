import ArgumentParser

/// What `tare calibrate` evaluates after it has quantized.
struct EvaluationOptionGroup: ParsableArguments {
    @Option(
        name: .customLong("evaluate"),
        help: ArgumentHelp(
            "Then compare both models on this many samples, layer by layer, and write that into the manifest.",
            discussion: "They are chosen like those of --samples.", valueName: "n|all"))
    var count: SampleCount?

    @Option(
        name: .customLong("evaluation-data"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Samples for --evaluate. Default: those of --data, but --data-command is not run again.", valueName: "path")
    )
    var paths: [String] = []

    @Option(
        help: ArgumentHelp(
            "The right classes of the samples of --evaluate: a file, the name of an array beside them, or folders.",
            discussion: "As for 'tare evaluate'.", valueName: "file|name|folders"))
    var labels: String?

    func validate() throws {
        if count == nil, !paths.isEmpty || labels != nil {
            throw ValidationError("--evaluation-data and --labels are for --evaluate: give it too.")
        }
    }

    /// The samples, with everything else as for calibration.
    func data(_ calibration: DataOptions) -> DataOptions {
        var data = calibration
        if !paths.isEmpty {
            data.paths = paths
            data.command = nil
            data.frames = .sample
        }
        data.samples = if case .exactly(let count)? = count { count } else { nil }
        if data.samples == nil { data.seed = nil }
        return data
    }
}

/// A number of samples.
enum SampleCount: ExpressibleByArgument, Equatable {
    /// As many as there are.
    case all
    /// As many as given.
    case exactly(Int)

    /// As on the command line.
    var text: String {
        switch self {
        case .all: "all"
        case .exactly(let count): String(count)
        }
    }

    init?(argument: String) {
        if argument == "all" {
            self = .all
        } else if let count = Int(argument), count >= 1 {
            self = .exactly(count)
        } else {
            return nil
        }
    }
}
