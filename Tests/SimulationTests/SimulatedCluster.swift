import Calibration
import CoordinatorCore
import TestSupport
import Wire
import WorkerCore

/// The shipped cores in a world of seeded faults: loss, duplication, delay, reordering, partitions, kills, pauses and a
/// store that refuses.
///
/// First faults, then a healed network and a deadline. Times are milliseconds.
struct SimulatedCluster {
    enum Event {
        case toCoordinator(worker: Int, Packet)
        case toWorker(Int, generation: Int, Packet)
        case coordinatorTimer
        case workerTimer(Int, generation: Int)
        case computed(Int, generation: Int, ShardReference, samples: Int)
        case progressed(Int, generation: Int, ShardReference, samples: Int)
        case stored(StoreRequest)
        case restart(Int)
        case fault
        case heal
    }

    struct Outcome: Equatable {
        var problems: [String] = []
        var events = 0
        var kills = 0
        var dropped = 0
        var duplicated = 0
        var computations = 0
        var milliseconds = 0
    }

    private var random: SeededGenerator
    private var queue = EventQueue<Event>()
    private var now = 0
    private var outcome = Outcome()
    private let hasFaults: Bool
    private let plan: CalibrationPlan
    private var coordinator: CoordinatorCore
    private var coordinatorTimerAt: Int?
    private var workers: [WorkerCore] = []
    private var isUp: [Bool] = []
    private var generations: [Int] = []
    private var workerTimerAt: [Int?] = []
    private var pausedUntil: [Int] = []
    private var isCut: [[Bool]] = []
    private var isHealed: Bool
    private let lossRate: Double
    private let duplicationRate: Double
    private let latency: Int
    private var storedDigests: [ContentDigest?]
    private var isCompleted = false

    init(seed: UInt64, hasFaults: Bool) throws {
        random = SeededGenerator(seed: seed &* 0xD134_2543_DE82_EF95 &+ 1)
        self.hasFaults = hasFaults
        isHealed = !hasFaults
        lossRate = hasFaults ? Double.random(in: 0..<0.2, using: &random) : 0
        duplicationRate = hasFaults ? Double.random(in: 0..<0.2, using: &random) : 0
        latency = Int.random(in: 1...60, using: &random)
        let digest = ContentDigest(of: [1])
        plan = try CalibrationPlan(
            JobSpecification(
                model: [.init(path: "m", digest: digest, byteCount: 1)], dataDigest: digest,
                sampleCount: Int.random(in: 20...200, using: &random), batchSize: 3,
                batchesPerShard: Int.random(in: 1...3, using: &random), observedTensors: [], collectsHistograms: true))
        var configuration = CoordinatorConfiguration()
        configuration.heartbeatInterval = .milliseconds(100)
        configuration.leaseDuration = .milliseconds(400)
        configuration.progressTimeout = .milliseconds(900)
        configuration.waitInterval = .milliseconds(200)
        configuration.maximumLosses = 100_000
        configuration.maximumFailures = 100_000
        configuration.firstRest = .milliseconds(50)
        configuration.longestRest = .milliseconds(400)
        coordinator = CoordinatorCore(configuration: configuration)
        storedDigests = Array(repeating: nil, count: plan.shardCount)
        for index in 0..<Int.random(in: 1...7, using: &random) {
            workers.append(makeWorker(index))
            isUp.append(true)
            generations.append(0)
            workerTimerAt.append(nil)
            pausedUntil.append(0)
            isCut.append([false, false])
        }
    }

    /// Runs the world until the job is done and 400 more events have changed nothing.
    mutating func run() -> Outcome {
        coordinate(.submitted(CoordinatorJob(id: 1, plan: plan, deliveryDigest: ContentDigest(of: [2]))))
        for index in workers.indices { work(index, .started) }
        let healAt = hasFaults ? Int.random(in: 1000...8000, using: &random) : 0
        if hasFaults {
            queue.add(at: 50, .fault)
            queue.add(at: healAt, .heal)
        }
        var remaining = 400
        while outcome.problems.isEmpty, remaining > 0, let (time, event) = queue.next() {
            now = time
            outcome.events += 1
            if now > healAt + 120_000 { outcome.problems.append("not finished 120 s after the network healed") }
            handle(event)
            if isCompleted, isHealed { remaining -= 1 }
        }
        if !isCompleted, outcome.problems.isEmpty { outcome.problems.append("nothing happens any more") }
        for shard in 0..<plan.shardCount where storedDigests[shard] != Self.digest(shard) && outcome.problems.isEmpty {
            outcome.problems.append("shard \(shard) is \(storedDigests[shard].map { "\($0)" } ?? "missing")")
        }
        if !hasFaults, outcome.computations != plan.shardCount {
            outcome.problems.append("\(outcome.computations) computations of \(plan.shardCount) shards without a fault")
        }
        outcome.milliseconds = now
        return outcome
    }

    private static func digest(_ shard: Int) -> ContentDigest {
        ContentDigest(of: [UInt8(truncatingIfNeeded: shard), UInt8(truncatingIfNeeded: shard >> 8)])
    }

    private mutating func makeWorker(_ index: Int) -> WorkerCore {
        let hello = Hello(build: "test", node: "n\(index)", process: 1, localRank: 0, instructionSet: "avx512")
        var configuration = WorkerConfiguration(hello: hello, session: SessionID.random(using: &random))
        configuration.retryInterval = .milliseconds(100)
        return WorkerCore(configuration: configuration)
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .toCoordinator(let worker, let packet):
            coordinate(.received(packet.envelope, from: PeerAddress([UInt8(worker)])))
        case .toWorker(let worker, let generation, let packet):
            deliver(worker, generation, event) { $0.work(worker, .received(packet.envelope)) }
        case .coordinatorTimer:
            guard coordinatorTimerAt == now else { return }
            coordinatorTimerAt = nil
            coordinate(.deadline)
        case .workerTimer(let worker, let generation):
            guard workerTimerAt[worker] == now, generations[worker] == generation else { return }
            deliver(worker, generation, event) {
                $0.workerTimerAt[worker] = nil
                $0.work(worker, .deadline)
            }
        case .progressed(let worker, let generation, let shard, let samples):
            deliver(worker, generation, event) {
                $0.work(worker, .progressed(ShardProgress(shard: shard, samples: samples, activity: samples)))
            }
        case .computed(let worker, let generation, let shard, let samples):
            deliver(worker, generation, event) {
                $0.outcome.computations += 1
                $0.work(worker, .computed(shard, digest: Self.digest(shard.shard), size: 8, samples: samples))
            }
        case .stored(let request): store(request)
        case .restart(let worker):
            isUp[worker] = true
            workers[worker] = makeWorker(worker)
            workerTimerAt[worker] = nil
            work(worker, .started)
        case .fault: fault()
        case .heal:
            isHealed = true
            for worker in isCut.indices { isCut[worker] = [false, false] }
        }
    }

    /// Hands an event to a worker that is up, of this generation, and not paused; a paused one gets it later.
    private mutating func deliver(_ worker: Int, _ generation: Int, _ event: Event, _ body: (inout Self) -> Void) {
        guard isUp[worker], generations[worker] == generation else { return }
        if pausedUntil[worker] > now {
            if case .workerTimer = event { workerTimerAt[worker] = pausedUntil[worker] }
            queue.add(at: pausedUntil[worker], event)
            return
        }
        body(&self)
    }

    private mutating func coordinate(_ event: CoordinatorEvent) {
        for effect in coordinator.step(event, now: .milliseconds(now)) {
            switch effect {
            case .send(let message, let session, let peer):
                let worker = Int(peer.bytes[0])
                let packet = Packet(Envelope(session: session, sequence: 1, message: message))
                transmit(isCut[worker][0], packet) { .toWorker(worker, generation: $0.generations[worker], $1) }
            case .store(let request): queue.add(at: now + Int.random(in: 1...30, using: &random), .stored(request))
            case .report: break
            case .completed:
                isCompleted = true
                if storedDigests.contains(nil) { outcome.problems.append("completed before every shard was stored") }
            case .failed(let failure): outcome.problems.append("the job failed: \(failure)")
            }
        }
        outcome.problems += coordinator.checkInvariants()
        if let deadline = coordinator.nextDeadline {
            let time = max(now + 1, Self.milliseconds(deadline))
            if coordinatorTimerAt.map({ time < $0 }) ?? true {
                coordinatorTimerAt = time
                queue.add(at: time, .coordinatorTimer)
            }
        }
    }

    private mutating func work(_ index: Int, _ event: WorkerEvent) {
        for effect in workers[index].step(event, now: .milliseconds(now)) {
            switch effect {
            case .send(let message):
                let session = workers[index].session
                let packet = Packet(Envelope(session: session, sequence: 1, message: message))
                transmit(isCut[index][1], packet) { .toCoordinator(worker: index, $1) }
            case .compute(let lease):
                let samples = plan.shard(lease.shard.shard).samples.count
                let duration = Int.random(in: 20...220, using: &random)
                for part in 1...3 {
                    let time = now + duration * part / 4
                    queue.add(
                        at: time,
                        .progressed(index, generation: generations[index], lease.shard, samples: samples * part / 4))
                }
                queue.add(
                    at: now + duration, .computed(index, generation: generations[index], lease.shard, samples: samples))
            case .upload(let shard):
                let samples = plan.shard(shard.shard).samples.count
                outcome.computations -= 1
                queue.add(at: now + 5, .computed(index, generation: generations[index], shard, samples: samples))
            case .stop(let exit):
                if exit != .done(.completed, text: "") || !isCompleted {
                    outcome.problems.append("worker \(index) left: \(exit)")
                }
            case .connectData, .abandon: break
            }
        }
        outcome.problems += workers[index].checkInvariants()
        if let deadline = workers[index].nextDeadline {
            let time = max(now + 1, Self.milliseconds(deadline))
            if workerTimerAt[index].map({ time < $0 }) ?? true {
                workerTimerAt[index] = time
                queue.add(at: time, .workerTimer(index, generation: generations[index]))
            }
        }
    }

    private mutating func store(_ request: StoreRequest) {
        let shard = request.commit.shard.shard
        if !isHealed, Double.random(in: 0..<1, using: &random) < 0.1 {
            coordinate(.storeFailed(request, Bool.random(using: &random) ? .missing : .later(text: "full")))
            return
        }
        if storedDigests[shard] != nil { outcome.problems.append("shard \(shard) was stored twice") }
        storedDigests[shard] = request.commit.digest
        coordinate(.stored(request))
    }

    private mutating func transmit(_ isCut: Bool, _ packet: Packet, _ event: (Self, Packet) -> Event) {
        let isLost = !isHealed && Double.random(in: 0..<1, using: &random) < lossRate
        if isCut || isLost {
            outcome.dropped += 1
            return
        }
        let isDoubled = !isHealed && Double.random(in: 0..<1, using: &random) < duplicationRate
        if isDoubled { outcome.duplicated += 1 }
        guard let frames = try? PacketCodec.frames(packet), let read = try? PacketCodec.packet(frames) else {
            outcome.problems.append("\(packet) cannot be sent")
            return
        }
        for _ in 0..<(isDoubled ? 2 : 1) {
            var time = now + Int.random(in: 1...latency, using: &random)
            if !isHealed, Int.random(in: 0..<50, using: &random) == 0 {
                time += Int.random(in: 0..<3000, using: &random)
            }
            queue.add(at: time, event(self, read))
        }
    }

    private mutating func fault() {
        guard !isHealed else { return }
        let worker = Int.random(in: 0..<workers.count, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1:
            guard isUp[worker] else { break }
            isUp[worker] = false
            generations[worker] += 1
            outcome.kills += 1
            queue.add(at: now + Int.random(in: 50...1500, using: &random), .restart(worker))
            if Bool.random(using: &random) { coordinate(.workerExited(node: "n\(worker)", process: 1, text: "killed")) }
        case 2: isCut[worker][Int.random(in: 0...1, using: &random)].toggle()
        case 3: pausedUntil[worker] = now + Int.random(in: 0..<2500, using: &random)
        case 4: isCut = isCut.map { _ in [false, false] }
        default: break
        }
        queue.add(at: now + Int.random(in: 30...430, using: &random), .fault)
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        return Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
