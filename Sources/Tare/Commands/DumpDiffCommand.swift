import ArgumentParser
import MLU

/// `tare dump-diff`: says at which operators two dumps differ.
struct DumpDiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump-diff",
        abstract: "Compare two dumps of the simulated device, or its results in one dump with those of the host.",
        discussion: """
            With one dump, which was made with --compare-cpu, every operator's result is held against its cpu_result. With two, \
            operators are paired by name and order, and results and arguments are held against those of the first. The worst \
            operator comes first. A sampled dump (level 0) or one of sums (level 1) hides differences; the output says so.

            Exit status: 0 equal within the tolerance, 1 different, 65 a dump cannot be read, 66 no such directory.

            Examples:
              tare dump-diff dump
              tare dump-diff dump/worker_0 dump/worker_1 --tolerance 0
            """)

    @Argument(help: "The dump, or with two of them the one with the reference values.")
    var dump: String

    @Argument(help: "The dump that is held against the first.")
    var other: String?

    @Option(
        help: ArgumentHelp(
            "Largest relative L2 distance that passes for equal.",
            discussion: "Dumps have six significant digits.", valueName: "x"))
    var tolerance: Double = 1e-5

    @Option(help: ArgumentHelp("Show at most this many operators, worst first.", valueName: "n"))
    var rows: Int = 20

    @Flag(help: "Print JSON, with all operators.")
    var json = false

    func validate() throws {
        guard tolerance >= 0, tolerance.isFinite else {
            throw ValidationError("--tolerance must be a number from 0 on, not \(tolerance).")
        }
        if rows < 1 { throw ValidationError("--rows must be at least 1, not \(rows).") }
    }

    func run() throws {
        let isEqual = try FailureReport.exitOnFailure {
            let first = try DumpReader(directory: InputPath.existing(dump, what: "The dump"))
            let second = try other.map { try DumpReader(directory: InputPath.existing($0, what: "The dump")) }
            let difference =
                if let second {
                    try DumpDifference(second, against: first, tolerance: tolerance)
                } else {
                    try DumpDifference(deviceAgainstHost: first, tolerance: tolerance)
                }
            let report = DumpDifferenceReport(difference)
            StandardStreams.writeOutput(json ? try JSONText.encode(report) : report.text(rows: rows))
            return report.isEqual
        }
        if !isEqual { throw ExitCode(1) }
    }
}
