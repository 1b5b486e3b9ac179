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

    @Option(
        help: ArgumentHelp(
            "How workers get the samples: shared reads the paths, stream receives them over ZeroMQ.", valueName: "way"))
    var dataDelivery: DataDeliveryChoice = .shared

    /// The two ways to deliver samples.
    enum DataDeliveryChoice: String, ExpressibleByArgument, CaseIterable {
        case shared
        case stream
    }

    func validate() throws {
        for (name, value) in [("--batch-size", batchSize ?? 1), ("--shard-batches", shardBatches)] {
            guard (1...65_536).contains(value) else {
                throw ValidationError("\(name) must be from 1 to 65536, not \(value).")
            }
        }
    }
}
