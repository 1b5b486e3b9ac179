import ArgumentParser

/// How the work is cut and who does it. None of it except the batch size can change the result.
struct ClusterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Worker processes; auto takes one per core.", valueName: "n|auto"))
    var workers: WorkerCount = .automatic

    @Option(
        help: ArgumentHelp(
            "Samples per batch; part of the job, because moving averages see one range per batch.", valueName: "n"))
    var batchSize: Int = 1

    @Option(help: ArgumentHelp("Batches per shard, the unit that a worker leases.", valueName: "n"))
    var shardBatches: Int = 16

    @Option(help: "How workers get the samples: shared reads the paths, stream receives them over ZeroMQ.")
    var dataDelivery: DataDeliveryChoice = .shared

    @Option(help: "How processes on this machine talk: ipc (Unix sockets) or tcp (loopback).")
    var transport: TransportChoice = .ipc

    /// The two ways to deliver samples.
    enum DataDeliveryChoice: String, ExpressibleByArgument, CaseIterable {
        case shared
        case stream
    }

    /// The two transports.
    enum TransportChoice: String, ExpressibleByArgument, CaseIterable {
        case ipc
        case tcp
    }

    func validate() throws {
        if batchSize < 1 { throw ValidationError("--batch-size must be at least 1, not \(batchSize).") }
        if shardBatches < 1 { throw ValidationError("--shard-batches must be at least 1, not \(shardBatches).") }
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
}
