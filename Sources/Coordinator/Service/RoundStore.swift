internal import Calibration
internal import CoordinatorCore
internal import Dispatch
internal import Synchronization
internal import Tensors
internal import Wire

/// Gathers the results of a round, reduces them in the order of the shards, and opens the next round.
final class RoundStore: ShardStore {
    private struct State: Sendable {
        var round = 0
        var input: Blob
        var results: [Int: [UInt8]] = [:]
        var traffic = RoundTraffic()
        var isComplete = false
        /// Why the job cannot start over.
        var failure: JobFailure?
    }

    private let state: Mutex<State>
    private let plan: CalibrationPlan
    private let shardsPerRound: Int
    private let reducer: any RoundReducer
    private let uploads: UploadStore
    private let inputs: RoundInputs
    private let queue = DispatchQueue(label: "tare.rounds")
    /// Told that a round may begin: the shards below a number, with a blob.
    private let opened: @Sendable (Int, ContentDigest) -> Void

    init(
        plan: CalibrationPlan, shardsPerRound: Int, reducer: any RoundReducer, uploads: UploadStore,
        inputs: RoundInputs, opened: @escaping @Sendable (Int, ContentDigest) -> Void
    ) throws {
        self.plan = plan
        self.shardsPerRound = shardsPerRound
        self.reducer = reducer
        self.uploads = uploads
        self.inputs = inputs
        self.opened = opened
        let input = Blob(try reducer.start())
        inputs.offer(input)
        state = Mutex(State(input: input))
    }

    /// What the first round computes with.
    var firstInput: ContentDigest { state.withLock { $0.input.digest } }

    func store(_ request: StoreRequest, answer: @escaping @Sendable (StoreAnswer) -> Void) {
        queue.async { [self] in
            let (result, next) = storeNow(request)
            answer(result)
            if let next { opened(next.shards, next.input) }
        }
    }

    private func storeNow(_ request: StoreRequest) -> (StoreAnswer, next: (shards: Int, input: ContentDigest)?) {
        guard let bytes = uploads.take(request.commit.digest), bytes.count == request.commit.size else {
            return (.failed(.missing), nil)
        }
        let shard = request.commit.shard.shard
        return state.withLock { state in
            if let failure = state.failure { return (.broken(failure), nil) }
            guard shard / shardsPerRound == state.round else {
                return (.failed(.invalid(text: "The result is of another round than \(state.round)")), nil)
            }
            do {
                try reducer.check(bytes, shard: shard, input: state.input.digest)
            } catch {
                return (.failed(.invalid(text: "\(error)")), nil)
            }
            state.results[shard] = bytes
            state.traffic.resultBytes += bytes.count
            let first = state.round * shardsPerRound
            let end = min(first + shardsPerRound, plan.shardCount)
            let results = (first..<end).compactMap { state.results[$0] }
            guard results.count == end - first else { return (.stored, nil) }
            do {
                return (.stored, try finish(results, of: &state, end: end))
            } catch let error as TensorFileError {
                return (.broken(.store(text: error.description)), nil)
            } catch {
                return (.broken(.data(text: "\(error)", sample: nil)), nil)
            }
        }
    }

    /// Reduces a round.
    private func finish(
        _ results: [[UInt8]], of state: inout State, end: Int
    ) throws -> (shards: Int, input: ContentDigest)? {
        let clock = ContinuousClock()
        let start = clock.now
        let next = Blob(try reducer.finish(firstShard: state.round * shardsPerRound, results: results))
        state.traffic.reducing += clock.now - start
        state.traffic.rounds += 1
        state.results = [:]
        guard end < plan.shardCount else {
            state.isComplete = true
            return nil
        }
        state.round += 1
        state.input = next
        inputs.offer(next)
        if case .bytes(let bytes) = next.content { state.traffic.inputBytes += bytes.count }
        return (min(end + shardsPerRound, plan.shardCount), next.digest)
    }

    /// A sample that is left out changes nothing here: rounds are not computed without one.
    func skip(_ sample: Int) {}

    func note(conflicts: [Int]) {}

    func reset() {
        state.withLock { state in
            do {
                let input = Blob(try reducer.start())
                inputs.offer(input)
                state = State(input: input)
            } catch {
                state.failure = .store(text: "The job cannot start over: \(error)")
            }
        }
    }

    func result() -> RoundTraffic? {
        state.withLock { $0.isComplete ? $0.traffic : nil }
    }
}

/// The inputs of the current round and of the one before it, for the data thread.
final class RoundInputs: Sendable {
    private let blobs = Mutex<[(digest: ContentDigest, bytes: [UInt8])]>([])

    /// Offers another input; the one before stays, because a slow worker may still fetch it.
    func offer(_ blob: Blob) {
        guard case .bytes(let bytes) = blob.content else { return }
        blobs.withLock { blobs in
            blobs.removeAll { $0.digest == blob.digest }
            blobs.append((blob.digest, bytes))
            if blobs.count > 2 { blobs.removeFirst(blobs.count - 2) }
        }
    }

    /// The bytes of an input.
    func bytes(_ digest: ContentDigest) -> [UInt8]? {
        blobs.withLock { $0.first { $0.digest == digest }?.bytes }
    }
}
