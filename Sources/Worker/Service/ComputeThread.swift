internal import Calibration
internal import Foundation
internal import Wire
internal import WorkerCore

/// What the computing thread does: one command after the other, one batch at a time.
final class ComputeThread {
    enum Command: Sendable {
        case connect(endpoint: String)
        case compute(Lease)
        case upload(ShardReference)
        case load(JobModel)
        case stop
    }

    private let configuration: WorkerServiceConfiguration
    private let session: SessionID
    private let control: Endpoint
    private let cache: NodeCache
    private let interrupt: Interrupt
    private let report: @Sendable (WorkerEvent) -> Void
    private var client: DataClient?
    private var connectedTo: String?
    private var job: (id: UInt64, specification: ContentDigest, plan: CalibrationPlan, computer: any ShardComputer)?
    /// The statistics of the last shard, until the next one begins.
    private var last: (shard: ShardReference, bytes: [UInt8], digest: ContentDigest, samples: Int)?
    /// The last converted model, kept when the worker serves it.
    private var loadedModel: (any LoadedModel)?
    private var activity = 0

    init(
        configuration: WorkerServiceConfiguration, session: SessionID, control: Endpoint, cache: NodeCache,
        interrupt: Interrupt,
        report: @escaping @Sendable (WorkerEvent) -> Void
    ) {
        self.configuration = configuration
        self.session = session
        self.control = control
        self.cache = cache
        self.interrupt = interrupt
        self.report = report
    }

    /// Carries out commands until `stop`.
    func run(_ mailbox: Mailbox<Command>) {
        while true {
            do {
                _ = try ZeroMQSocket.wait([], descriptors: [mailbox.descriptor], timeout: nil)
            } catch {
                return
            }
            for command in mailbox.takeAll() {
                switch command {
                case .connect(let endpoint): connect(endpoint)
                case .compute(let lease): attempt(lease.shard) { try compute(lease) }
                case .upload(let shard): attempt(shard) { try uploadAgain(shard) }
                case .load(let model): load(model)
                case .stop: return
                }
            }
        }
    }

    private func connect(_ endpoint: String) {
        guard endpoint != connectedTo else { return }
        do {
            client = try DataClient(
                endpoint: try Endpoint(endpoint).resolved(against: control), security: configuration.security,
                session: session, interrupt: interrupt)
            connectedTo = endpoint
        } catch {
            // The next command fails with this reason.
            configuration.log("The data socket cannot be connected: \(error)")
            client = nil
        }
    }

    /// Runs the work on a shard and reports how it failed, unless it was called off.
    private func attempt(_ shard: ShardReference, _ work: () throws -> Void) {
        interrupt.begin(shard)
        do {
            try work()
        } catch is Interruption {
            return
        } catch let error as ShardComputationError {
            // Bad data end the job, and the coordinator says why; saying it here too would show it twice.
            if error.failureClass != .data { configuration.log("\(shard): \(error.text)") }
            report(
                .failed(
                    ShardFailure(
                        shard: shard, failureClass: error.failureClass, text: error.text, sample: error.sample)))
        } catch {
            configuration.log("\(shard): \(error)")
            report(.failed(ShardFailure(shard: shard, failureClass: .internal, text: "\(error)")))
        }
    }

    /// Fetches a converted model and gets it ready to run.
    private func load(_ model: JobModel) {
        interrupt.beginWithoutShard()
        var failure: String?
        do {
            let client = try connectedClient()
            let url = try cache.file(model.digest, byteCount: model.size, wait: interrupt.check) { offset, sink in
                try client.fetch(model.digest, from: offset) { piece in
                    try interrupt.check()
                    try sink(piece)
                }
            }
            loadedModel = try configuration.computers.loadModel(at: url)
            if !configuration.keepsModels { loadedModel = nil }
        } catch is Interruption {
            return
        } catch let error as ShardComputationError {
            failure = error.text
        } catch {
            failure = "\(error)"
        }
        if let failure { configuration.log("The converted model cannot be loaded: \(failure)") }
        report(.modelLoaded(model.digest, failure: failure))
    }

    private func compute(_ lease: Lease) throws {
        last = nil
        let client = try connectedClient()
        let (plan, computer) = try prepare(lease, client)
        let task = try ShardTask(lease, plan: plan)
        client.forgetSamples()
        noteProgress(lease.shard, samples: 0)
        let bytes = try computer.compute(task) { samples in
            try interrupt.check()
            noteProgress(lease.shard, samples: samples)
        }
        let digest = ContentDigest(of: bytes)
        last = (lease.shard, bytes, digest, task.sampleCount)
        if case .count = lease.purpose {
            try upload(client)
        } else {
            reportComputed()
        }
    }

    private func uploadAgain(_ shard: ShardReference) throws {
        guard last?.shard == shard else {
            throw ShardComputationError(.internal, "The statistics of \(shard) are not here any more")
        }
        try upload(try connectedClient())
    }

    private func upload(_ client: DataClient) throws {
        guard let last else { return }
        try client.upload(last.bytes, digest: last.digest)
        reportComputed()
    }

    private func reportComputed() {
        guard let last else { return }
        report(.computed(last.shard, digest: last.digest, size: last.bytes.count, samples: last.samples))
    }

    private func connectedClient() throws -> DataClient {
        guard let client else { throw ShardComputationError(.internal, "The data socket is not connected") }
        return client
    }

    private func noteProgress(_ shard: ShardReference, samples: Int) {
        activity += 1
        report(.progressed(ShardProgress(shard: shard, samples: samples, activity: activity)))
    }

    /// Gets ready for a job, once per job: its specification, its model, and what computes with them.
    private func prepare(_ lease: Lease, _ client: DataClient) throws -> (CalibrationPlan, any ShardComputer) {
        if let job, job.id == lease.shard.job, job.specification == lease.specificationDigest {
            return (job.plan, job.computer)
        }
        job = nil
        let specification = try JobSpecification(canonicalBytes: try client.fetch(lease.specificationDigest))
        let plan = try CalibrationPlan(specification)
        guard plan.digest == lease.planDigest else {
            throw ShardComputationError(
                .internal, "Coordinator and worker cut the job differently; use the same build on both sides")
        }
        let delivery = try DataDelivery(documentBytes: try client.fetch(lease.deliveryDigest))
        let files = try specification.model.map { file in
            (path: file.path, blob: try fetch(file, lease.shard, client))
        }
        let folder = try cache.folder(lease.specificationDigest.hexadecimal, files: files)
        var samples: (any StreamedSamples)?
        if case .stream = delivery {
            client.beginStreaming(job: lease.shard.job)
            samples = SampleStream(client)
        }
        let computer = try configuration.computers.makeComputer(
            for: WorkerJob(
                plan: plan, delivery: delivery, modelFolder: folder, samples: samples,
                fetchBlob: { digest in try client.fetch(digest) }))
        job = (lease.shard.job, lease.specificationDigest, plan, computer)
        return (plan, computer)
    }

    /// The path of a file of the model in the node's cache.
    private func fetch(
        _ file: JobSpecification.ModelFile, _ shard: ShardReference, _ client: DataClient
    ) throws -> URL {
        // Waiting for a neighbour's download is progress, or the shard would be taken away during a long one.
        func goOn() throws {
            try interrupt.check()
            noteProgress(shard, samples: 0)
        }
        return try cache.file(file.digest, byteCount: file.byteCount, wait: goOn) { offset, sink in
            try client.fetch(file.digest, from: offset) { piece in
                try goOn()
                try sink(piece)
            }
        }
    }
}

/// Samples through the data client.
private final class SampleStream: StreamedSamples {
    private let client: DataClient

    init(_ client: DataClient) {
        self.client = client
    }

    func prefetch(_ samples: Range<Int>) {
        client.want(samples)
    }

    func bytes(ofSample index: Int) throws -> [UInt8] {
        try client.sample(index)
    }
}
