import ClusterSimulation
import Foundation
import Synchronization

/// Runs many simulated worlds on all cores and prints what happened in them.
@main struct SimulationRunner {
    private struct State {
        var next: UInt64
        var done: UInt64 = 0
        var total = Tally()
        var failures: [(seed: UInt64, problem: String)] = []
    }

    /// What all threads add to.
    private final class Ledger: Sendable {
        let state: Mutex<State>

        init(first: UInt64) {
            state = Mutex(State(next: first))
        }
    }

    private static let isTracing = ProcessInfo.processInfo.environment["TRACE"] != nil

    static func main() async {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["SEEDS"].flatMap { UInt64($0) } ?? 100_000
        let first = environment["FIRST"].flatMap { UInt64($0) } ?? 1
        let mutation = environment["MUTATION"].flatMap { Mutation(rawValue: $0) }
        let end = first + count
        let ledger = Ledger(first: first)
        let start = ContinuousClock.now
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<ProcessInfo.processInfo.activeProcessorCount {
                group.addTask {
                    while true {
                        let range: Range<UInt64> = ledger.state.withLock { state in
                            let lower = state.next
                            state.next = min(end, lower + 50)
                            return lower..<state.next
                        }
                        guard !range.isEmpty else { return }
                        runSeeds(range, mutation, ledger)
                        show(ledger, count: count, start: start)
                    }
                }
            }
        }
        let result = ledger.state.withLock { $0 }
        finish(result, first: first, count: count, elapsed: ContinuousClock.now - start)
    }

    private static func runSeeds(_ seeds: Range<UInt64>, _ mutation: Mutation?, _ ledger: Ledger) {
        var total = Tally()
        var failures: [(seed: UInt64, problem: String)] = []
        for seed in seeds {
            do {
                let world = try World(seed: seed, mutation: mutation)
                if isTracing { world.trace = { write($0 + "\n") } }
                let outcome = world.run()
                total.add(outcome.tally)
                if let problem = outcome.problems.first { failures.append((seed, problem)) }
                // One run in fifty is made twice.
                if seed % 50 == 0, try World(seed: seed, mutation: mutation).run() != outcome {
                    failures.append((seed, "a second run was different"))
                }
            } catch {
                failures.append((seed, "\(error)"))
            }
        }
        ledger.state.withLock { state in
            state.done += UInt64(seeds.count)
            state.total.add(total)
            state.failures += failures
        }
        for failure in failures { report(failure) }
    }

    private static func report(_ failure: (seed: UInt64, problem: String)) {
        write("seed \(failure.seed): \(failure.problem)\n    again: make simulate SEEDS=1 FIRST=\(failure.seed)\n")
    }

    private static func show(_ ledger: Ledger, count: UInt64, start: ContinuousClock.Instant) {
        let (done, failed) = ledger.state.withLock { ($0.done, $0.failures.count) }
        guard done % 10_000 == 0 || count <= 1000 else { return }
        let seconds = seconds(ContinuousClock.now - start)
        let rate = Double(done) / max(seconds, 0.001)
        let left = Int(Double(count - done) / max(rate, 0.001))
        write("\(done) of \(count) seeds, \(failed) failed, \(Int(rate)) seeds/s, \(left) s left\n")
    }

    private static func finish(_ state: State, first: UInt64, count: UInt64, elapsed: Duration) {
        let seconds = seconds(elapsed)
        print("| What | Count |")
        print("|---|---:|")
        print("| seeds \(first) to \(first + count - 1) | \(count) |")
        print("| seeds that failed | \(Set(state.failures.map(\.seed)).count) |")
        for name in Tally.Name.allCases { print("| \(name.rawValue) | \(state.total[name]) |") }
        print("| seconds | \(Int(seconds)) |")
        print("| seeds per second | \(Int(Double(count) / max(seconds, 0.001))) |")
        exit(state.failures.isEmpty ? 0 : 1)
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }

    private static func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}
