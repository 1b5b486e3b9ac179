import Calibration
import CoordinatorCore
import Wire
import WorkerCore

/// The shipped cores in a world of seeded faults.
///
/// First a phase with faults, in which nothing wrong may happen; then everything is healed, and what was begun has to come
/// to its end; then old messages are delivered once more, and nothing may change. Times are milliseconds.
public final class World {
    enum Event {
        case toCoordinator(Envelope, PeerAddress, cluster: Int)
        case toWorker(Int, generation: Int, Envelope, cluster: Int)
        case coordinatorTimer(generation: Int)
        case workerTimer(Int, generation: Int)
        case progress(Int, generation: Int, task: Int, samples: Int)
        case computed(Int, generation: Int, task: Int)
        case poisoned(Int, generation: Int, task: Int, sample: Int)
        case upload(Int, generation: Int, task: Int)
        case modelLoaded(Int, generation: Int, ContentDigest)
        case writes(generation: Int, write: Int)
        case answers(generation: Int, CoordinatorEvent)
        case submit(Int)
        case cancel(Int)
        case startWorker(Int)
        case startCoordinator
        case kill(Int, generation: Int)
        case fault
        case heal
    }

    /// A worker process, or the place where the next one will run.
    struct Process {
        var core: WorkerCore
        var isUp = false
        var generation = 0
        var timerAt: Int?
        var pausedUntil = 0
        /// What the compute thread is at.
        var task: Task?
        /// The statistics that the compute thread keeps.
        var last: (shard: ShardReference, result: Upload, samples: Int)?
        /// Whether the compute thread will never do anything again.
        var isStuck = false
        /// A result that the coordinator has not spoken about.
        var unanswered: ShardReference?
        var isLeaving = false
        var isAlienated = false
        /// The coordinator that it has joined.
        var cluster = SessionID(high: 0, low: 0)
        var loadedModel: ContentDigest?
    }

    struct Task {
        let number: Int
        let lease: Lease
        let samples: [Int]
        /// What its round computes with, if that can be fetched.
        let input: UInt64?
        let seed: Int
    }

    /// The statistics of a shard.
    struct Upload {
        var value: UInt64
        /// What they were computed with, in a job of rounds.
        var input: ContentDigest?
    }

    /// An operation on its way to the disk.
    struct Write {
        let number: Int
        let operation: SimulatedStore.Operation
    }

    /// Identifies a shard of a job since its last reset.
    struct ShardKey: Hashable {
        let job: UInt64
        let shard: Int
        let resets: Int
    }

    let settings: WorldSettings
    let mutation: Mutation?
    var random: Randomness
    var queue = EventQueue<Event>()
    var now = 0
    var outcome = Outcome()
    var isHealed: Bool

    var store = SimulatedStore()
    var coordinator: CoordinatorCore
    var isCoordinatorUp = false
    var coordinatorGeneration = 0
    /// Grows when a coordinator begins without what the one before knew.
    var cluster = 0
    /// Who has said hello to it: what they said before to another one does not come after that, as on one connection.
    var joined: Set<SessionID> = []
    var coordinatorTimerAt: Int?
    var coordinatorPausedUntil = 0
    var coordinatorClock = (offset: 0, rate: 1000)
    var coordinatorConfiguration: CoordinatorConfiguration
    var writes: [Write] = []
    var writeCount = 0
    var diskFullUntil = 0
    /// Uploaded statistics, which are not durable.
    var uploads: [ContentDigest: Upload] = [:]
    /// Shards that the running coordinator knows to be counted.
    var known: Set<ShardKey> = []

    var processes: [Process] = []
    var taskCount = 0
    /// What each worker was last told to compute.
    var leases: [Int: Lease] = [:]
    /// For each worker: whether the way to it, and the way from it, is cut.
    var isCut: [(to: Bool, from: Bool)] = []
    /// Old messages to the coordinator.
    var oldMessages: [(Envelope, PeerAddress)] = []
    /// How often a sample was the only one of an attempt that was lost.
    var lossesAlone: [[Int: Int]]
    /// The samples that each worker was last asked to compute.
    var leasedSamples: [SessionID: [Int]] = [:]
    /// Attempts that were leased as trials.
    var trials: Set<ShardReference> = []
    var cancelled: Set<UInt64> = []
    var skippedAudits: Set<UInt64> = []
    /// Computations that may have been in vain: taken back, doubled on purpose, or forgotten in a crash.
    var excuses = 0
    var resultsCounted = 0
    var isChecking = true
    /// Told what happens, to understand a run.
    public var trace: ((String) -> Void)?

    /// Makes the world of a seed.
    public init(seed: UInt64, mutation: Mutation? = nil) throws {
        settings = try WorldSettings(seed: seed)
        self.mutation = mutation
        random = Randomness(seed: seed &* 0x9FB2_1C65_1E98_DF25 &+ 7)
        isHealed = !settings.hasFaults
        coordinatorConfiguration = settings.coordinator
        coordinator = CoordinatorCore(configuration: settings.coordinator)
        lossesAlone = Array(repeating: [:], count: settings.jobs.count + 1)
        for worker in settings.workers.indices {
            processes.append(Process(core: makeWorker(worker)))
            isCut.append((false, false))
        }
    }

    /// Runs the world to its end.
    public func run() -> Outcome {
        queue.add(at: 0, .startCoordinator)
        for worker in processes.indices { queue.add(at: random.pick(0...300), .startWorker(worker)) }
        for (index, job) in settings.jobs.enumerated() {
            queue.add(at: job.submitAt, .submit(index))
            if let time = job.cancelAt { queue.add(at: job.submitAt + time, .cancel(index)) }
        }
        if settings.hasFaults {
            queue.add(at: 50, .fault)
            queue.add(at: settings.healAt, .heal)
        }
        var remaining = 400
        var fingerprint: UInt64?
        var overSince: Int?
        while outcome.problems.isEmpty, remaining > 0, let (time, event) = queue.next() {
            now = time
            outcome.tally[.events] += 1
            outcome.hash = Randomness.mix(outcome.hash &* 31 &+ UInt64(now))
            handle(event)
            guard isHealed, isOver else {
                if now > settings.healAt + 300_000 { problem("not finished 300 s after everything was healed") }
                overSince = nil
                continue
            }
            let since = overSince ?? now
            overSince = since
            // A decision that a full disk refused may still be on its way.
            guard fingerprint != nil || now >= since + 1000 else { continue }
            fingerprint = fingerprint ?? store.fingerprint
            remaining -= 1
            if remaining % 8 == 0 { deliverOldMessage() }
        }
        if outcome.problems.isEmpty { checkEnd(fingerprint ?? (overSince == nil ? nil : store.fingerprint)) }
        outcome.tally[.milliseconds] = now
        outcome.hash = Randomness.mix(outcome.hash ^ store.fingerprint)
        return outcome
    }

    /// Whether every job has ended, and every worker has loaded a model if there is one.
    private var isOver: Bool {
        guard isCoordinatorUp, writes.isEmpty, store.jobs.count == settings.jobs.count,
            store.jobs.allSatisfy({ $0.outcome != nil })
        else { return false }
        let hasModel = store.jobs.contains { if case .completed = $0.outcome { true } else { false } }
        guard hasModel, !settings.coordinator.dismissesWorkers else { return true }
        return processes.allSatisfy { $0.isAlienated || $0.isUp && $0.loadedModel != nil }
    }

    func problem(_ text: String) {
        outcome.problems.append("\(now) ms: \(text)")
    }

    private func handle(_ event: Event) {
        switch event {
        case .toCoordinator(let envelope, let peer, let cluster):
            let isHello = if case .hello = envelope.message { true } else { false }
            if cluster != self.cluster, isHello || joined.contains(envelope.session) { return }
            if isPutOff(event) { return }
            if isHello { joined.insert(envelope.session) }
            step(.received(mutated(envelope), from: peer))
        case .coordinatorTimer(let generation):
            guard generation == coordinatorGeneration, coordinatorTimerAt == now else { return }
            coordinatorTimerAt = nil
            if isPutOff(event) {
                coordinatorTimerAt = coordinatorPausedUntil
                return
            }
            step(.deadline)
        case .writes(let generation, let write):
            if generation == coordinatorGeneration { carryOut(write) }
        case .answers(let generation, let answer):
            guard generation == coordinatorGeneration, !isPutOff(event) else { return }
            step(answer)
            if case .stored(let request) = answer { openRound(request.commit.shard.job) }
        case .submit(let index): submit(index)
        case .cancel(let index): cancel(index)
        case .startCoordinator: startCoordinator()
        case .startWorker(let worker): startWorker(worker)
        case .kill(let worker, let generation):
            if processes[worker].isUp, processes[worker].generation == generation { kill(worker) }
        case .fault: fault()
        case .heal: heal()
        default: handleInWorker(event)
        }
    }

    /// Puts an event off while the coordinator is stopped; drops it while there is none.
    private func isPutOff(_ event: Event) -> Bool {
        guard isCoordinatorUp else { return true }
        guard coordinatorPausedUntil > now else { return false }
        queue.add(at: coordinatorPausedUntil, event)
        return true
    }
}
