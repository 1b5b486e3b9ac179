import Foundation
import Testing

@Suite struct SimulationTests {
    /// `TARE_SEEDS=COUNT` and `TARE_FIRST_SEED=NUMBER` run other seeds.
    @Test func everyShardIsCountedOnceWhateverHappens() throws {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["TARE_SEEDS"].flatMap { UInt64($0) } ?? 300
        let first = environment["TARE_FIRST_SEED"].flatMap { UInt64($0) } ?? 1
        var total = SimulatedCluster.Outcome()
        for seed in first..<first + count {
            var cluster = try SimulatedCluster(seed: seed, hasFaults: seed % 10 != 0)
            let outcome = cluster.run()
            #expect(outcome.problems == [], "seed \(seed): TARE_FIRST_SEED=\(seed) TARE_SEEDS=1")
            total.kills += outcome.kills
            total.dropped += outcome.dropped
            total.duplicated += outcome.duplicated
        }
        // The world did harm.
        if count >= 300 { #expect(total.kills > 300 && total.dropped > 1000 && total.duplicated > 1000) }
    }

    @Test func theSameSeedGivesTheSameRun() throws {
        for seed in [3, 14, 159] as [UInt64] {
            var first = try SimulatedCluster(seed: seed, hasFaults: true)
            var second = try SimulatedCluster(seed: seed, hasFaults: true)
            #expect(first.run() == second.run(), "seed \(seed)")
        }
    }
}
