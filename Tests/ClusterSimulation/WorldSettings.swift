import Calibration
import CoordinatorCore
import Wire

/// What a sample does to a worker that computes it.
enum Poison: CaseIterable {
    /// The process ends.
    case crash
    /// The computation never ends.
    case hang
    /// Memory runs out, which the worker notices.
    case memory
    /// It cannot be decoded, which the worker notices.
    case data
}

/// How a world is made: a function of its seed.
struct WorldSettings {
    struct Worker {
        var device: Device
        /// How many times longer than others it computes.
        var slowness = 1
        /// Its clock: microseconds per millisecond, and what it shows in the beginning.
        var clockRate = 1000
        var clockOffset = 0
        /// How often a computation gives a wrong result.
        var lieRate = 0.0
        /// Whether a wrong result is the same each time.
        var liesConsistently = true
    }

    struct Job {
        var job: CoordinatorJob
        var submitAt: Int
        var cancelAt: Int?
        var poison: [Int: Poison] = [:]
    }

    var hasFaults: Bool
    /// Whether messages are encoded and decoded on their way, which takes time.
    var usesCodec: Bool
    var lossRate = 0.0
    var duplicationRate = 0.0
    var garbageRate = 0.0
    var failureRate = 0.0
    var latency: Int
    var healAt = 0
    /// How much more often other things happen than the end of a process.
    var killWeight = 3
    var workers: [Worker] = []
    var jobs: [Job] = []
    /// Whether there are jobs of rounds.
    var hasRounds: Bool
    var coordinator = CoordinatorConfiguration()
    var drainGrace: Duration = .milliseconds(500)
    var lifetimes: [Int?] = []

    init(seed: UInt64) throws {
        var random = Randomness(seed: seed &* 0xD134_2543_DE82_EF95 &+ 1)
        hasFaults = seed % 10 != 0
        hasRounds = seed % 3 == 1
        usesCodec = seed % 16 == 5
        latency = random.pick(1...60)
        if hasFaults {
            lossRate = random.fraction() * 0.2
            duplicationRate = random.fraction() * 0.2
            garbageRate = 0.01
            failureRate = random.chance(0.2) ? 0.05 : 0
            healAt = random.pick(1500...9000)
        }
        let hasLiar = random.chance(0.2)
        let isPoisoned = random.chance(0.2)
        let isSingle = random.chance(0.2)
        makeWorkers(hasLiar: hasLiar, &random)
        configureCoordinator(isPoisoned: isPoisoned, isSingle: isSingle, &random)
        let audit = hasLiar ? 100.0 : random.chance(0.2) ? 30.0 : 0
        for number in 1...(isSingle ? 1 : random.pick(1...3)) {
            jobs.append(try Self.job(number, audit: audit, isPoisoned: isPoisoned, &random))
        }
        if hasRounds { makeRounds(&random) }
    }

    /// Whether a device computes wrongly.
    var hasLiar: Bool { workers.contains { $0.lieRate > 0 } }

    private mutating func makeRounds(_ random: inout Randomness) {
        for index in jobs.indices where index == 0 || random.chance(0.5) {
            let input = SimulatedStore.digest(SimulatedStore.firstInput(jobs[index].job))
            jobs[index].job.rounds = JobRounds(shardsPerRound: random.pick(1...8), firstInput: input)
            jobs[index].job.poisonPolicy = .fail  // No round is computed without a sample.
        }
    }

    private mutating func makeWorkers(hasLiar: Bool, _ random: inout Randomness) {
        let perNode = random.chance(0.3) ? 2 : 1
        let count = hasLiar ? random.pick(4...7) * perNode / perNode : random.pick(1...7)
        for index in 0..<count {
            var worker = Worker(
                device: Device(node: "n\(hasLiar ? index : index / perNode)", localRank: hasLiar ? 0 : index % perNode))
            if hasFaults {
                worker.clockRate = random.pick(950...1050)
                worker.clockOffset = random.pick(0...2_000_000_000)
                if count > 1, random.chance(0.05) { worker.slowness = 12 }
            }
            lifetimes.append(hasFaults && random.chance(0.05) ? random.pick(500...4000) : nil)
            workers.append(worker)
        }
        if hasLiar {
            workers[0].lieRate = random.chance(0.5) ? 1 : 0.3
            workers[0].liesConsistently = random.chance(0.5)
        }
    }

    private mutating func configureCoordinator(isPoisoned: Bool, isSingle: Bool, _ random: inout Randomness) {
        coordinator.heartbeatInterval = .milliseconds(100)
        coordinator.leaseDuration = .milliseconds(400)
        coordinator.progressTimeout = .milliseconds(900)
        coordinator.waitInterval = .milliseconds(200)
        coordinator.recoveryGrace = .milliseconds(250)
        coordinator.storeRetryInterval = .milliseconds(60)
        coordinator.arbitrationPatience = .seconds(60)
        coordinator.firstRest = .milliseconds(50)
        coordinator.longestRest = .milliseconds(400)
        coordinator.maximumFailures = 100_000
        coordinator.maximumFruitlessBisections = 100_000
        coordinator.dismissesWorkers = isSingle
        if isPoisoned {
            killWeight = 1
        } else if random.chance(0.3) {
            // Shards are bisected because of chance kills, and nothing may be found.
            coordinator.lossesBeforeNaming = 100_000
        } else {
            coordinator.lossesBeforeBisection = 100_000
            coordinator.lossesBeforeNaming = 100_000
        }
    }

    private static func job(
        _ number: Int, audit: Double, isPoisoned: Bool, _ random: inout Randomness
    ) throws -> Job {
        let digest = ContentDigest(of: [UInt8(number)])
        let plan = try CalibrationPlan(
            JobSpecification(
                model: [.init(path: "m", digest: digest, byteCount: 1)], dataDigest: digest,
                sampleCount: random.pick(4...80), batchSize: random.pick(1...3), batchesPerShard: random.pick(1...3),
                observedTensors: [], collectsHistograms: true))
        var job = CoordinatorJob(id: UInt64(number), plan: plan, deliveryDigest: digest)
        job.priority = random.pick(0...1)
        job.auditPercent = audit
        job.poisonPolicy = random.chance(0.5) ? .skip : .fail
        job.speculates = random.chance(0.8)
        var result = Job(job: job, submitAt: number == 1 ? 1 : random.pick(1...2500))
        if random.chance(0.1) { result.cancelAt = random.pick(100...5000) }
        if isPoisoned {
            for _ in 0..<random.pick(1...2) {
                let sample = random.pick(0...plan.specification.sampleCount - 1)
                result.poison[sample] = Poison.allCases[random.pick(0...3)]
            }
        }
        return result
    }
}
