public import ArgumentParser
public import Datasets

/// Where the calibration samples come from.
struct DataOptions: ParsableArguments {
    @Option(
        name: .customLong("data"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Calibration samples: .npz, .npy, .safetensors, .pth or IDX files, a folder of JPEG or PNG images, WebDataset tar "
                + "archives (also .tar.gz, .tar.zst), a folder of ONNX test data (input_0.pb).",
            discussion: "Arrays are matched to the model's inputs by name. Several paths are read in order.",
            valueName: "path"))
    var paths: [String] = []

    @Option(
        name: .customLong("data-format"),
        help: ArgumentHelp(
            "What --data holds when its files have no header: raw:TYPE:SHAPE (raw:float32:3x224x224), or lines of token ids, "
                + "tokens:LENGTH[,pad=ID][,type=int64|int32][,ids=INPUT][,mask=INPUT][,segments=INPUT].",
            valueName: "format"))
    var format: String?

    @Option(
        name: .customLong("data-command"),
        help: ArgumentHelp(
            "Instead of --data: a shell command that writes samples to its standard output, as .npy or .npz files back to back.",
            discussion: "It is run once, before anything is computed; --samples without --seed ends it early.",
            valueName: "command"))
    var command: String?

    @Option(
        name: .customLong("data-frames"),
        help: ArgumentHelp(
            "What each file that --data-command writes is: a sample, or a batch whose outermost axis counts samples.",
            valueName: "form"))
    var frames: FrameChoice = .sample

    @Option(
        name: .customLong("spool-limit"),
        help: ArgumentHelp(
            "Most GiB of temporary files (in TMPDIR) for data that can be read only once: compressed archives, --data-command.",
            valueName: "n"))
    var spoolLimit: Int = DatasetSource.defaultSpoolLimit >> 30

    /// The two forms of what a command writes.
    enum FrameChoice: String, ExpressibleByArgument, CaseIterable {
        case sample
        case batch
    }

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
        if paths.isEmpty, command == nil { throw ValidationError("--data needs at least one path.") }
        if !paths.isEmpty, command != nil {
            throw ValidationError("--data-command stands in place of --data: give one.")
        }
        if let format {
            if command != nil { throw ValidationError("--data-format is for the files of --data.") }
            do { _ = try HeaderlessFormat(text: format) } catch { throw ValidationError(error.description) }
        }
        if command == nil, frames != .sample { throw ValidationError("--data-frames is for --data-command.") }
        guard (1...1 << 20).contains(spoolLimit) else {
            throw ValidationError("--spool-limit must be from 1 to \(1 << 20) GiB, not \(spoolLimit).")
        }
        if let samples, samples < 1 { throw ValidationError("--samples must be at least 1, not \(samples).") }
        if seed != nil, samples == nil { throw ValidationError("--seed draws samples: give --samples too.") }
    }
}

extension DataOptions {
    /// What files without a header hold; `nil` when the data have headers.
    var headerless: HeaderlessFormat? {
        get throws(DatasetError) { try format.map(HeaderlessFormat.init(text:)) }
    }

    /// Most bytes of temporary files.
    var spoolByteLimit: Int { spoolLimit << 30 }
}

extension BadSamplePolicy: ExpressibleByArgument {}
