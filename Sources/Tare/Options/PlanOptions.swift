import ArgumentParser
import Foundation

/// How the work is cut and how workers get the samples.
struct PlanOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Samples per batch; part of the job, because moving averages see one range per batch.", valueName: "n"))
    var batchSize: Int = 1

    @Option(help: ArgumentHelp("Batches per shard, the unit that a worker leases.", valueName: "n"))
    var shardBatches: Int = 16

    @Option(help: "How workers get the samples: shared reads the paths, stream receives them over ZeroMQ.")
    var dataDelivery: DataDeliveryChoice = .shared

    /// The two ways to deliver samples.
    enum DataDeliveryChoice: String, ExpressibleByArgument, CaseIterable {
        case shared
        case stream
    }

    func validate() throws {
        if batchSize < 1 { throw ValidationError("--batch-size must be at least 1, not \(batchSize).") }
        if shardBatches < 1 { throw ValidationError("--shard-batches must be at least 1, not \(shardBatches).") }
    }
}
