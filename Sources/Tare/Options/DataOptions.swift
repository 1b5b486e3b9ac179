public import ArgumentParser
public import Datasets

/// Where the calibration samples come from.
struct DataOptions: ParsableArguments {
    @Option(
        name: .customLong("data"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Calibration samples: .npz or .npy files, a folder of JPEG or PNG images, or IDX files (also gzipped).",
            discussion: "Arrays of an .npz are matched to the model's inputs by name. Several paths are read in order.",
            valueName: "path"))
    var paths: [String]

    @Option(
        help: ArgumentHelp(
            "YAML file: resize, crop, channel order, scale, mean, std, layout, input.", valueName: "file"))
    var preprocess: String?

    @Option(
        help: ArgumentHelp("Use only this many samples, drawn by --seed, or the first ones without it.", valueName: "n")
    )
    var samples: Int?

    @Option(help: ArgumentHelp("Seed of the draw of --samples.", valueName: "n"))
    var seed: UInt64?

    @Option(
        name: .customLong("on-bad-sample"),
        help: ArgumentHelp(
            "What a broken sample does: fail stops the run, skip leaves it out and lists it in the manifest.",
            valueName: "policy"))
    var onBadSample: BadSamplePolicy = .fail

    func validate() throws {
        if paths.isEmpty { throw ValidationError("--data needs at least one path.") }
        if let samples, samples < 1 { throw ValidationError("--samples must be at least 1, not \(samples).") }
        if seed != nil, samples == nil { throw ValidationError("--seed draws samples: give --samples too.") }
    }
}

extension BadSamplePolicy: ExpressibleByArgument {}
