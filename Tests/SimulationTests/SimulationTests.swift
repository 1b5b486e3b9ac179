import ClusterSimulation
import Foundation
import Synchronization
import Testing

@Suite struct SimulationTests {
    /// What the tasks of a test add to.
    private final class Ledger: Sendable {
        let state = Mutex((total: Tally(), failures: [(seed: UInt64, problem: String)]()))
    }

    /// Runs seeds on all cores.
    private static func run(
        _ seeds: Range<UInt64>, mutation: Mutation? = nil
    ) async throws -> (total: Tally, failures: [(seed: UInt64, problem: String)]) {
        let ledger = Ledger()
        try await withThrowingTaskGroup(of: Void.self) { group in
            let tasks = UInt64(ProcessInfo.processInfo.activeProcessorCount)
            for task in 0..<tasks {
                group.addTask {
                    for seed in seeds where seed % tasks == task {
                        let outcome = try World(seed: seed, mutation: mutation).run()
                        ledger.state.withLock { state in
                            state.total.add(outcome.tally)
                            if let problem = outcome.problems.first { state.failures.append((seed, problem)) }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        return ledger.state.withLock { $0 }
    }

    /// `TARE_SEEDS=COUNT` and `TARE_FIRST_SEED=NUMBER` run other seeds; `make simulate` runs many.
    @Test func everyShardIsCountedOnceWhateverHappens() async throws {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["TARE_SEEDS"].flatMap { UInt64($0) } ?? 2000
        let first = environment["TARE_FIRST_SEED"].flatMap { UInt64($0) } ?? 1
        let (total, failures) = try await Self.run(first..<first + count)
        for (seed, problem) in failures.sorted(by: { $0.seed < $1.seed }).prefix(5) {
            Issue.record("seed \(seed): \(problem); again: make simulate SEEDS=1 FIRST=\(seed)")
        }
        guard count >= 2000 else { return }
        // The world did harm of every kind, and what has to answer it did.
        for name in Tally.Name.allCases { #expect(total[name] > 0, "\(name.rawValue)") }
        #expect(total[.kills] > 2000 && total[.coordinatorKills] > 1000 && total[.dropped] > 20_000)
    }

    @Test func theSameSeedGivesTheSameRun() throws {
        for seed in [3, 5, 14, 21, 159] as [UInt64] {
            #expect(try World(seed: seed).run() == World(seed: seed).run(), "seed \(seed)")
        }
    }

    /// A simulation that finds nothing proves nothing: each of these bugs has to be found.
    @Test(arguments: Mutation.allCases)
    func aBugIsFound(mutation: Mutation) async throws {
        let (_, failures) = try await Self.run(1..<101, mutation: mutation)
        #expect(!failures.isEmpty, "\(mutation.rawValue)")
    }
}
