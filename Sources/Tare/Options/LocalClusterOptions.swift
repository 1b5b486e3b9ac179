import ArgumentParser
import Foundation

/// The worker processes of `tare calibrate`.
///
/// None of it can change the result.
struct LocalClusterOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Worker processes of this machine; auto takes one per core. Default: auto, or none with --listen.",
            valueName: "n|auto"))
    var workers: WorkerCount?

    @Option(help: "How processes on this machine talk: ipc (Unix sockets) or tcp (loopback).")
    var transport: TransportChoice = .ipc

    @Option(
        help: ArgumentHelp(
            "Serve workers that are started elsewhere too: tcp://ADDRESS:PORT or ipc://PATH. The data socket takes the next "
                + "port.", valueName: "endpoint"))
    var listen: String?

    @Option(
        help: ArgumentHelp(
            "File on a shared file system to say in where --listen listens, for 'tare worker --address-file'.",
            valueName: "file"))
    var addressFile: String?

    func validate() throws {
        if addressFile != nil, listen == nil { throw ValidationError("--address-file says where --listen listens.") }
        if workers == .exactly(0), listen == nil {
            throw ValidationError("--workers 0 needs --listen: somebody has to compute.")
        }
    }

    /// How many processes to start on this machine.
    func workerCount(shards: Int) -> Int { choice.count(shards: shards) }

    /// Whether any process is started on this machine.
    var hasLocalWorkers: Bool { choice != .exactly(0) }

    private var choice: WorkerCount { workers ?? (listen == nil ? .automatic : .exactly(0)) }

    /// The two transports.
    enum TransportChoice: String, ExpressibleByArgument, CaseIterable {
        case ipc
        case tcp
    }
}

/// A number of worker processes.
enum WorkerCount: ExpressibleByArgument, Equatable {
    /// One per core.
    case automatic
    /// As many as given.
    case exactly(Int)

    init?(argument: String) {
        if argument == "auto" {
            self = .automatic
        } else if let count = Int(argument), count >= 0, count <= 1024 {
            self = .exactly(count)
        } else {
            return nil
        }
    }

    var defaultValueDescription: String { "auto" }

    /// How many processes to start: more than there are shards would only wait.
    func count(shards: Int) -> Int {
        switch self {
        case .automatic: max(1, min(ProcessInfo.processInfo.activeProcessorCount, shards))
        case .exactly(let count): count
        }
    }
}
