import ArgumentParser
import MLU

/// Which operators of the simulated device are written to files.
struct DumpOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write the arguments and the result of every operator to files in this directory.",
            discussion: "An existing directory stays as it is: the name gets a number.", valueName: "directory"))
    var dumpDir: String?

    @Option(
        help: ArgumentHelp(
            "How much of a tensor is written: 0 the first ten elements, 1 the sum of absolute values, 2 everything.",
            valueName: "0|1|2"))
    var dumpLevel: Int?

    @Option(
        help: ArgumentHelp(
            "Dump only these batches, counted from 0, each to DIRECTORY_iter_N.", valueName: "0-3,7"),
        transform: Self.parseIterations)
    var dumpIterations: DumpIterations?

    @Flag(help: "Compute every operator on the host too, and write its result beside the device's.")
    var compareCpu = false

    func validate() throws {
        if dumpDir == nil, dumpLevel != nil || dumpIterations != nil || compareCpu {
            throw ValidationError("--dump-level, --dump-iterations and --compare-cpu belong to a dump; add --dump-dir.")
        }
        if let dumpLevel, DumpLevel(rawValue: dumpLevel) == nil {
            throw ValidationError("--dump-level must be 0, 1 or 2, not \(dumpLevel).")
        }
    }

    /// Refuses a dump by workers that somebody else starts.
    func validate(hasLocalWorkers: Bool) throws {
        if !hasLocalWorkers, dumpDir != nil {
            throw ValidationError("--dump-dir is for workers that this command starts: give --workers too.")
        }
    }

    /// Refuses to compare a training with the host, which computes it.
    func validateTraining() throws {
        if compareCpu {
            throw ValidationError("A training is computed on the host: there is nothing for --compare-cpu to compare.")
        }
    }

    /// The dump; `nil` when none is wanted.
    var configuration: DumpConfiguration? {
        guard let dumpDir else { return nil }
        return DumpConfiguration(
            directory: dumpDir, level: dumpLevel.flatMap(DumpLevel.init(rawValue:)) ?? .firstTen,
            comparesCPU: compareCpu, iterations: dumpIterations)
    }

    /// The words that make workers dump, each to a folder of its own in one directory that is taken here.
    ///
    /// - Throws: `DumpError.directory`.
    func workerWords() throws -> [String] {
        guard let dumpDir else { return [] }
        var words = ["--dump-dir", try DumpDirectory.claim(dumpDir)]
        if let dumpLevel { words += ["--dump-level", "\(dumpLevel)"] }
        if let dumpIterations { words += ["--dump-iterations", "\(dumpIterations)"] }
        if compareCpu { words.append("--compare-cpu") }
        return words
    }

    private static func parseIterations(_ text: String) throws -> DumpIterations {
        do throws(DumpError) {
            return try DumpIterations(parsing: text)
        } catch {
            throw ValidationError(error.description)
        }
    }
}
