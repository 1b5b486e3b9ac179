import ArgumentParser
import Foundation

/// The worker processes of `tare calibrate`.
///
/// None of it can change the result.
struct LocalClusterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Worker processes; auto takes one per core.", valueName: "n|auto"))
    var workers: WorkerCount = .automatic

    @Option(help: "How processes on this machine talk: ipc (Unix sockets) or tcp (loopback).")
    var transport: TransportChoice = .ipc

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
    /// As many as given, at least one.
    case exactly(Int)

    init?(argument: String) {
        if argument == "auto" {
            self = .automatic
        } else if let count = Int(argument), count >= 1, count <= 1024 {
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
