import CoordinatorStore
import StoreScenario
import TestSupport
import Testing

@Suite struct RandomSequenceTests {
    @Test func thousandRandomSequencesAgreeWithAPlainModel() throws {
        for seed in 0..<UInt64(1000) {
            let folder = try StoreFolder()
            var generator = SeededGenerator(seed: seed &+ 1_000_000)
            var scenario = StoreScenario(seed: seed, nodeBytes: 3000)
            do {
                var epoch: UInt64 = 0
                for _ in 0..<2 {
                    let store = try folder.open { $0.checkpointBytes = 200_000 }
                    epoch += 1
                    #expect(store.epoch == epoch)
                    for _ in 0..<Int.random(in: 1...20, using: &generator) { try scenario.step(store) }
                    if generator.next() & 1 == 0 {
                        #expect(try StateModel.lines(of: store) == scenario.model.lines, "seed \(seed)")
                    }
                }
                #expect(try StateModel.lines(of: folder.open()) == scenario.model.lines, "seed \(seed)")
            } catch {
                Issue.record("seed \(seed): \(error)")
                return
            }
        }
    }

    @Test func threadsMayShareAStore() async throws {
        let folder = try StoreFolder()
        let store = try folder.open()
        await withTaskGroup(of: Void.self) { group in
            for thread in 1...8 {
                group.addTask {
                    do {
                        let shards = 20
                        let job = try store.submit(
                            StateStore.submission(shards: shards, request: UInt64(thread))
                        ).job
                        var commits = Commits(job: job, shards: shards)
                        for shard in 0..<shards {
                            try store.commit([try commits.next(shard)])
                            _ = try store.blobs.put([UInt8(thread), UInt8(shard)])
                            _ = try store.recover()
                        }
                    } catch {
                        Issue.record("\(error)")
                    }
                }
            }
        }
        #expect(try store.jobs().map(\.state) == Array(repeating: .finalizing, count: 8))
    }
}
