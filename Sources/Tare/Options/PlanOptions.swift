import ArgumentParser
import Foundation

/// How the work is cut and how workers get the samples.
struct PlanOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Samples per batch; part of the job, because moving averages see one range per batch. Default: 8, or the extent "
                + "that the model fixes.", valueName: "n"))
    var batchSize: Int?

    @Option(help: ArgumentHelp("Batches per shard, the unit that a worker leases.", valueName: "n"))
    var shardBatches: Int = 2

    @Option(help: "How workers get the samples: shared reads the paths, stream receives them over ZeroMQ.")
    var dataDelivery: DataDeliveryChoice = .shared

    /// The two ways to deliver samples.
    enum DataDeliveryChoice: String, ExpressibleByArgument, CaseIterable {
        case shared
        case stream
    }

    func validate() throws {
        if let batchSize, batchSize < 1 { throw ValidationError("--batch-size must be at least 1, not \(batchSize).") }
        if shardBatches < 1 { throw ValidationError("--shard-batches must be at least 1, not \(shardBatches).") }
    }
}
