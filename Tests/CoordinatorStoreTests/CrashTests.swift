import CoordinatorStore
import Foundation
import StoreScenario
import TestSupport
import Testing

/// A coordinator that is killed has everything that it acknowledged, and at most one step more.
@Suite struct CrashTests {
    private static let steps = 120
    /// How often a process is killed at each point; `TARE_STORE_KILLS=20` for a long run.
    private static let kills = ProcessInfo.processInfo.environment["TARE_STORE_KILLS"].flatMap { Int($0) } ?? 4

    /// Runs a scenario to its end in child processes that die on the way.
    ///
    /// - Parameters:
    ///   - folder: Where the state lies.
    ///   - seed: Seed of the scenario.
    ///   - steps: Number of its steps.
    ///   - environment: Environment of a process.
    ///   - killAfter: After how many lines of its output a process is killed; `nil` for never.
    /// - Returns: How many processes were killed.
    /// - Throws: What the store or the processes throw.
    private func run(
        _ folder: StoreFolder, seed: UInt64, steps: Int, environment: (_ process: Int) -> [String: String],
        killAfter: (_ process: Int) -> Int?
    ) throws -> Int {
        var (next, kills) = (0, 0)
        for process in 0..<2000 {
            let child = try ChildStore(
                ["run", folder.state, "\(seed)", "\(next)", "\(steps)"], environment: environment(process))
            var lines: [String] = []
            if let count = killAfter(process) {
                while lines.count < count, let line = try child.line() { lines.append(line) }
                child.kill()
            }
            let outcome = try child.finish()
            lines += outcome.lines
            #expect(outcome.wasKilled || outcome.status == 0, "seed \(seed), step \(next): \(outcome.errors)")
            let acknowledged = lines.compactMap { Int($0) }.last.map { $0 + 1 } ?? next
            next = try continued(folder, seed: seed, from: acknowledged, steps: steps)
            if lines.last == "end" { return kills }
            guard outcome.wasKilled else { return kills }
            kills += 1
        }
        Issue.record("seed \(seed): 2000 processes did not come to the end")
        return kills
    }

    /// The step to go on with: the state is that after all acknowledged steps or one more.
    private func continued(_ folder: StoreFolder, seed: UInt64, from acknowledged: Int, steps: Int) throws -> Int {
        var scenario = StoreScenario(seed: seed)
        for _ in 0..<acknowledged { try scenario.step(nil) }
        let found = try StateModel.lines(of: folder.open())
        if found == scenario.model.lines { return acknowledged }
        try scenario.step(nil)
        #expect(found == scenario.model.lines, "seed \(seed): after step \(acknowledged)")
        return acknowledged + 1
    }

    @Test(arguments: Failpoint.allCases) func killedAtEveryPointItGoesOnWhereItWas(point: Failpoint) throws {
        let folder = try StoreFolder()
        let kills = try run(
            folder, seed: 1, steps: Self.steps,
            environment: { process in
                process < Self.kills ? [Failpoint.variable: "\(point.rawValue):\(process % 4 + 1)"] : [:]
            }, killAfter: { _ in nil })
        // Every point is on the way, or it would test nothing.
        #expect(kills > 0, "\(point.rawValue)")
    }

    @Test func killedAtAnyMomentItGoesOnWhereItWas() throws {
        for seed in 10..<UInt64(14) {
            let folder = try StoreFolder()
            var generator = SeededGenerator(seed: seed)
            let counts = (0..<12).map { _ in Int.random(in: 0..<12, using: &generator) }
            let kills = try run(
                folder, seed: seed, steps: Self.steps, environment: { _ in [:] },
                killAfter: { $0 < counts.count ? counts[$0] : nil })
            #expect(kills == counts.count, "seed \(seed)")
        }
    }

    @Test func aMisspelledFailpointIsRefused() throws {
        let folder = try StoreFolder()
        for text in ["commit-befor:1", "commit-before", "commit-before:0", "commit-before:1:1"] {
            let child = try ChildStore(["hold", folder.state], environment: [Failpoint.variable: text])
            let outcome = try child.finish()
            #expect(outcome.status == 78)
            #expect(outcome.errors.contains("commit-before"))
        }
    }
}
