import Calibration
import CoordinatorStore
import Foundation
import Glibc

/// Measures how many shards a second the durable store takes; `README.md` says how.
@main
enum StoreBenchmark {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 2 else {
            say("usage: store-benchmark DIRECTORY [BYTES ...]")
            exit(64)
        }
        let sizes = arguments.count > 2 ? arguments[2...].compactMap { Int($0) } : [60_000, 300_000]
        say("bytes  order     group  shards/s  MB/s taken  MB/s kept  shards/CPU s  longest commit")
        for size in sizes {
            for order in [Order.ascending, .scattered] {
                for group in [1, 4, 16, 64] {
                    try measure(size: size, order: order, group: group, directory: arguments[1])
                }
            }
        }
    }

    private enum Order: String {
        /// Shard by shard, as one worker delivers: most nodes are merged within a group.
        case ascending
        /// Even shards first, then odd ones: half of the nodes are kept without a merge. The worst case.
        case scattered
    }

    private static func measure(size: Int, order: Order, group: Int, directory: String) throws {
        let path = directory + "/store-benchmark"
        try? FileManager.default.removeItem(atPath: path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        var configuration = StateStoreConfiguration()
        configuration.lowWaterBytes = 0
        let store = try StateStore(directory: path, configuration: configuration)
        let count = min(4096, max(512, 300_000_000 / size))
        let job = try store.submit(
            JobSubmission(
                request: StateIdentifier(high: 1, low: 1), name: "benchmark", shardCount: count, document: [],
                specification: [], delivery: [])
        ).job
        let indices =
            order == .ascending
            ? Array(0..<count)
            : Array(stride(from: 0, to: count, by: 2)) + Array(stride(from: 1, to: count, by: 2))
        // The bytes of the merged statistics are prepared: this is the store alone.
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
        let digest = ContentDigest(of: bytes)
        let kept = Counter()
        var tree = MergeTree<Int>(count: count)
        var longest = Duration.zero
        let clock = ContinuousClock()
        let processorTime = Glibc.clock()
        let total = try clock.measure {
            for start in stride(from: 0, to: count, by: group) {
                let records = try indices[start..<min(start + group, count)].map { shard in
                    ShardCommit(
                        job: job, shard: shard, attempt: 1, session: StateIdentifier(high: 1, low: 2),
                        device: WorkerDevice(node: "node", rank: 0), digest: digest, size: size, samples: 32,
                        update: TreeUpdate(try tree.insert(1, at: shard, merge: +)) { _ in
                            kept.add(size)
                            return bytes
                        })
                }
                longest = max(longest, try clock.measure { try store.commit(records) })
            }
        }
        let seconds = total / .seconds(1)
        let processorSeconds = Double(Glibc.clock() - processorTime) / 1e6
        let columns = [
            pad("\(size)", 7), pad(order.rawValue, 10), pad("\(group)", 7), pad("\(Int(Double(count) / seconds))", 10),
            pad("\(Int(Double(count * size) / seconds / 1e6))", 12),
            pad("\(Int(Double(kept.value) / seconds / 1e6))", 11),
            pad("\(Int(Double(count) / processorSeconds))", 14), "\(Int(longest / .milliseconds(1))) ms",
        ]
        say(columns.joined())
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    private static func say(_ text: String) {
        FileHandle.standardOutput.write(Data("\(text)\n".utf8))
    }
}
