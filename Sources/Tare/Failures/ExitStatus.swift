import ArgumentParser

/// The exit codes of `tare`, from sysexits(3), so that a scheduler can tell what to do next.
enum ExitStatus: Int32 {
    /// Everything asked for was done.
    case done = 0
    /// The command line is wrong.
    case usage = 64
    /// The model or the data is unusable.
    case badData = 65
    /// A named file does not exist.
    case noInput = 66
    /// The coordinator or a worker cannot be reached.
    case unreachable = 69
    /// A fault of Tare itself.
    case internalFault = 70
    /// Reading or writing failed, for example because the disk is full.
    case inputOutput = 74
    /// Ended before the work was done, on request; running it again continues.
    case drained = 75
    /// A peer refused.
    case refused = 77
    /// A configuration file is wrong.
    case configuration = 78

    /// The same for swift-argument-parser.
    var exitCode: ExitCode { ExitCode(rawValue) }
}
