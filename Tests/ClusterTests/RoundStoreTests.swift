import Calibration
import CoordinatorCore
import Synchronization
import Tensors
import Testing
import Wire

@testable import CoordinatorService

/// What becomes of the results of rounds, whatever comes.
@Suite struct RoundStoreTests {
    /// Joins results; a result is the digest it was computed with, then a payload.
    private final class JoiningReducer: RoundReducer {
        struct Refusal: Error, CustomStringConvertible {
            var description: String
        }

        let rounds = Mutex<[[[UInt8]]]>([])
        let starts = Mutex(0)
        let failure: (any Error)?
        let startLimit: Int

        init(failure: (any Error)? = nil, startLimit: Int = .max) {
            self.failure = failure
            self.startLimit = startLimit
        }

        func start() throws -> [UInt8] {
            let count = starts.withLock { count in
                count += 1
                return count
            }
            guard count <= startLimit else { throw Refusal(description: "the parameters are gone") }
            rounds.withLock { $0 = [] }
            return [0]
        }

        func check(_ result: [UInt8], shard: Int, input: ContentDigest) throws {
            guard result.count > 32 else { throw Refusal(description: "the result is damaged") }
            guard Array(result.prefix(32)) == input.bytes else {
                throw Refusal(description: "the result is of another input than that of shard \(shard)")
            }
        }

        func finish(firstShard: Int, results: [[UInt8]]) throws -> [UInt8] {
            if let failure { throw failure }
            return rounds.withLock { rounds in
                rounds.append(results.map { Array($0.dropFirst(32)) })
                return [UInt8(firstShard / 2 + 1)] + results.flatMap { $0.dropFirst(32) }
            }
        }
    }

    /// A store of five shards in rounds of two, and what it was told and told.
    private struct Fixture {
        let store: RoundStore
        let reducer: JoiningReducer
        let inputs = RoundInputs()
        let uploads = UploadStore(limit: 1 << 20)
        /// Rounds that may begin: shards below a number, with an input.
        let opened = AsyncStream<(shards: Int, input: ContentDigest)>.makeStream()

        init(_ reducer: JoiningReducer = JoiningReducer()) throws {
            self.reducer = reducer
            let digest = ContentDigest(of: [1])
            let plan = try CalibrationPlan(
                JobSpecification(
                    model: [.init(path: "m.onnx", digest: digest, byteCount: 1)], dataDigest: digest, sampleCount: 5,
                    batchSize: 1, batchesPerShard: 1, observedTensors: [], collectsHistograms: false))
            let continuation = opened.continuation
            store = try RoundStore(
                plan: plan, shardsPerRound: 2, reducer: reducer, uploads: uploads, inputs: inputs
            ) { continuation.yield(($0, $1)) }
        }

        /// Uploads bytes and commits them as a shard's.
        func commit(_ bytes: [UInt8], shard: Int, size: Int? = nil, uploads isUploaded: Bool = true) async -> String {
            let digest = ContentDigest(of: bytes)
            if isUploaded { uploads.put(bytes, digest: digest) }
            let request = StoreRequest(
                session: SessionID(high: 0, low: 1), device: Device(node: "n", localRank: 0),
                commit: Commit(
                    shard: ShardReference(job: 1, shard: shard, attempt: 1), epoch: 1, digest: digest,
                    size: size ?? bytes.count, samples: 1))
            let answer = await withCheckedContinuation { continuation in
                store.store(request) { continuation.resume(returning: $0) }
            }
            return switch answer {
            case .stored: "stored"
            case .failed(.missing): "missing"
            case .failed(.later(let text)): "later: \(text)"
            case .failed(.invalid(let text)): "invalid: \(text)"
            case .broken(let failure): "broken: \(failure)"
            }
        }

        func commit(shard: Int, with input: ContentDigest) async -> String {
            await commit(input.bytes + [UInt8(100 + shard)], shard: shard)
        }

        /// The next round that may begin; waits for it.
        func nextOpened() async -> (shards: Int, input: ContentDigest)? {
            var iterator = opened.stream.makeAsyncIterator()
            return await iterator.next()
        }
    }

    @Test(arguments: [[0, 1, 2, 3, 4], [1, 0, 3, 2, 4]])
    func roundsAreReducedInTheOrderOfTheirShards(order: [Int]) async throws {
        let fixture = try Fixture()
        let first = fixture.store.firstInput
        var input = first
        #expect(fixture.inputs.bytes(input) == [0])
        for (round, shards) in [order.prefix(2), order[2..<4], order.suffix(1)].enumerated() {
            #expect(fixture.store.result() == nil)
            for shard in shards { #expect(await fixture.commit(shard: shard, with: input) == "stored") }
            guard round < 2 else { break }
            let opened = try #require(await fixture.nextOpened())
            #expect(opened.shards == [4, 5][round])
            #expect(fixture.inputs.bytes(opened.input) == [[1, 100, 101], [2, 102, 103]][round])
            input = opened.input
        }
        #expect(fixture.reducer.rounds.withLock { $0 } == [[[100], [101]], [[102], [103]], [[104]]])
        let traffic = try #require(fixture.store.result())
        #expect(traffic.rounds == 3 && traffic.resultBytes == 5 * 33 && traffic.inputBytes == 6)
        #expect(fixture.inputs.bytes(first) == nil, "only the latest two inputs are kept")
    }

    @Test func aResultOfAnotherInputIsRefusedAndTheRightOneCounts() async throws {
        let fixture = try Fixture()
        let first = fixture.store.firstInput
        let other = ContentDigest(of: [77])
        #expect(
            await fixture.commit(shard: 0, with: other)
                == "invalid: the result is of another input than that of shard 0")
        for shard in 0..<2 { #expect(await fixture.commit(shard: shard, with: first) == "stored") }
        let second = try #require(await fixture.nextOpened()).input
        // What a round before computed with does not count any more.
        #expect(
            await fixture.commit(shard: 2, with: first)
                == "invalid: the result is of another input than that of shard 2")
        #expect(await fixture.commit(shard: 2, with: second) == "stored")
        #expect(fixture.reducer.rounds.withLock { $0 } == [[[100], [101]]])
    }

    @Test func aResultWithTheNumberOfAnotherRoundIsRefused() async throws {
        let fixture = try Fixture()
        let first = fixture.store.firstInput
        for shard in 2..<5 {
            #expect(
                await fixture.commit(shard: shard, with: first) == "invalid: The result is of another round than 0")
        }
        for shard in 0..<2 { #expect(await fixture.commit(shard: shard, with: first) == "stored") }
        let second = try #require(await fixture.nextOpened()).input
        for (shard, input) in [(0, first), (1, second), (4, second)] {
            #expect(
                await fixture.commit(shard: shard, with: input) == "invalid: The result is of another round than 1")
        }
        #expect(fixture.reducer.rounds.withLock { $0.count } == 1 && fixture.store.result() == nil)
    }

    @Test func whatIsDamagedOrNotHereDoesNotCount() async throws {
        let fixture = try Fixture()
        let input = fixture.store.firstInput
        #expect(await fixture.commit([], shard: 0) == "invalid: the result is damaged")
        #expect(await fixture.commit(Array("nonsense".utf8), shard: 0) == "invalid: the result is damaged")
        #expect(await fixture.commit(input.bytes + [1], shard: 0, uploads: false) == "missing")
        #expect(await fixture.commit(input.bytes + [1], shard: 0, size: 7) == "missing")
        #expect(await fixture.commit(shard: 1, with: input) == "stored")
        #expect(await fixture.commit(shard: 0, with: input) == "stored")
        #expect(fixture.reducer.rounds.withLock { $0 } == [[[100], [101]]])
    }

    @Test func aRoundThatCannotBeReducedEndsTheJob() async throws {
        let refusal = JoiningReducer.Refusal(description: "the loss is not finite")
        let full = TensorFileError(path: "c.safetensors", reason: .system(operation: "write", code: 28))
        let expected = ["broken: the loss is not finite", "broken: \(JobFailure.store(text: full.description))"]
        for (failure, text) in zip([refusal, full] as [any Error], expected) {
            let fixture = try Fixture(JoiningReducer(failure: failure))
            #expect(await fixture.commit(shard: 1, with: fixture.store.firstInput) == "stored")
            #expect(await fixture.commit(shard: 0, with: fixture.store.firstInput) == text)
            #expect(fixture.store.result() == nil)
        }
    }

    @Test func aJobThatStartsOverBeginsWithTheFirstInput() async throws {
        let fixture = try Fixture()
        let first = fixture.store.firstInput
        for shard in 0..<2 { #expect(await fixture.commit(shard: shard, with: first) == "stored") }
        let second = try #require(await fixture.nextOpened()).input
        #expect(await fixture.commit(shard: 2, with: second) == "stored")
        fixture.store.reset()
        #expect(fixture.store.firstInput == first && fixture.inputs.bytes(first) == [0])
        #expect(
            await fixture.commit(shard: 3, with: second) == "invalid: The result is of another round than 0")
        for shard in 0..<2 { #expect(await fixture.commit(shard: shard, with: first) == "stored") }
        #expect(try #require(await fixture.nextOpened()).shards == 4)
        #expect(fixture.reducer.rounds.withLock { $0 } == [[[100], [101]]])
    }

    @Test func aJobThatCannotStartOverEnds() async throws {
        let fixture = try Fixture(JoiningReducer(startLimit: 1))
        fixture.store.reset()
        #expect(
            await fixture.commit(shard: 0, with: fixture.store.firstInput)
                == "broken: \(JobFailure.store(text: "The job cannot start over: the parameters are gone"))")
    }
}
