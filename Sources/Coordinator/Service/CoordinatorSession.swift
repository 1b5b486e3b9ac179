internal import Calibration
internal import CoordinatorCore
internal import Foundation
internal import Synchronization
internal import Wire

/// Everything that runs while a coordinator serves one job: two socket threads, the store, the local workers.
final class CoordinatorSession<Store: ShardStore>: Sendable {
    /// What is handed out and served.
    struct Content {
        let specification: JobSpecification
        let delivery: DataDelivery
        let blobs: [Blob]
        let samples: (any SampleByteSource)?
    }

    private let store: Store
    private let control: Mailbox<ControlServer.Command>
    private let data: Mailbox<DataServer.Command>
    private let controlThread: ServiceThread
    private let dataThread: ServiceThread
    private let workers: LocalWorkers?
    private let directory: PrivateDirectory?
    private let ending: EndingSignal<JobFailure?>
    private let grace: Duration

    /// The only job.
    static var jobID: UInt64 { 1 }

    init(
        configuration: CoordinatorServiceConfiguration, content job: Content, plan: CalibrationPlan,
        inputs: RoundInputs? = nil, notify: @escaping @Sendable (ClusterNotice) -> Void,
        makeStore: (UploadStore, Mailbox<ControlServer.Command>) throws -> (store: Store, rounds: JobRounds?)
    ) throws {
        let jobID = Self.jobID
        let delivery = Blob(try job.delivery.documentBytes())
        let blobs = job.blobs + [Blob(try job.specification.canonicalBytes()), delivery]
        let needsDirectory = configuration.endpoint == nil || configuration.localWorkers != nil
        directory = needsDirectory ? try PrivateDirectory() : nil
        let endpoint = try Endpoint(configuration.endpoint ?? "ipc://\(directory?.url.path ?? "")/control")
        grace = configuration.keepsWorkers ? .zero : configuration.closingGrace
        let uploads = UploadStore(limit: configuration.uploadBytes)
        let control = try Mailbox<ControlServer.Command>()
        let (store, rounds) = try makeStore(uploads, control)
        let data = try Mailbox<DataServer.Command>()
        let ending = EndingSignal<JobFailure?>()
        self.store = store
        self.control = control
        self.data = data
        self.ending = ending

        let uploadLimit = configuration.uploadBytes
        let dataBinding = BindingSignal()
        let requestedData = try configuration.dataEndpoint.map { text throws(ZeroMQError) in try Endpoint(text) }
        dataThread = dataBinding.serve(
            name: "tare-data", options: .data, security: configuration.access.security, mailbox: data,
            bind: { try $0.bind(requestedData ?? endpoint.companion()) },
            server: {
                DataServer(
                    blobs: try BlobReader(blobs, inputs: inputs),
                    samples: { id in
                        guard id == jobID, let samples = job.samples else { return nil }
                        return StreamedJob(samples: samples, sampleCount: job.specification.sampleCount)
                    }, uploads: uploads, uploadLimit: uploadLimit, access: configuration.access, notify: notify)
            },
            failed: { control.post(.event(.aborted(job: jobID, .store(text: $0)))) })
        do {
            let dataEndpoint = try dataBinding.endpoint()
            var core = configuration.core
            core.dataEndpoint = try dataEndpoint.withoutHost.text
            var generator = SystemRandomNumberGenerator()
            core.cluster = SessionID.random(using: &generator)
            core.dismissesWorkers = !configuration.keepsWorkers
            let controlBinding = BindingSignal()
            controlThread = Self.serveControl(
                CoordinatorCore(configuration: core), access: configuration.access, at: endpoint,
                binding: controlBinding, mailbox: control, store: store, ending: ending, notify: notify)
            let controlEndpoint = try controlBinding.endpoint()
            try configuration.access.begin(at: [controlEndpoint, dataEndpoint], control: control, notify: notify)
            notify(.listening(control: controlEndpoint.text, data: dataEndpoint.text))
            var submitted = CoordinatorJob(id: jobID, plan: plan, deliveryDigest: delivery.digest)
            submitted.rounds = rounds
            control.post(.event(.submitted(submitted)))
            workers = try Self.startWorkers(
                configuration.localWorkers, access: configuration.access, endpoint: controlEndpoint,
                directory: directory, control: control,
                notify: notify)
        } catch {
            control.post(.close(grace: .zero))
            data.post(.stop)
            directory?.remove()
            throw error
        }
    }

    private static func serveControl(
        _ core: CoordinatorCore, access: ClusterAccess, at endpoint: Endpoint, binding: BindingSignal,
        mailbox control: Mailbox<ControlServer.Command>, store: Store,
        ending: EndingSignal<JobFailure?>,
        notify: @escaping @Sendable (ClusterNotice) -> Void
    ) -> ServiceThread {
        binding.serve(
            name: "tare-control", options: .control, security: access.security, mailbox: control,
            bind: { socket in
                let bound = try socket.bind(endpoint)
                try socket.setLinger(milliseconds: 250)
                return bound
            },
            server: {
                ControlServer(
                    core: core, access: access, shownJob: Self.jobID, notify: notify,
                    effects: ControlServer.Effects(
                        store: { request in
                            store.store(request) { answer in control.post(.event(answer.event(for: request))) }
                        },
                        record: { decision in
                            // Nothing outlives this process, so a decision need not be kept to be final.
                            if case .quarantined(_, _, let resets) = decision, !resets.isEmpty { store.reset() }
                            if case .skipped(_, let sample, _) = decision { store.skip(sample) }
                            control.post(.event(.recorded(decision)))
                        },
                        finalize: { job, conflicts in
                            store.note(conflicts: conflicts)
                            control.post(.event(.finalized(job: job, .completed(nil))))
                        },
                        ended: { _, outcome in
                            switch outcome {
                            case .completed: ending.end(nil)
                            case .failed(let failure): ending.end(failure)
                            }
                        },
                        client: { _, _, _, _ in }))
            },
            failed: { ending.end(.store(text: $0)) })
    }

    private static func startWorkers(
        _ configuration: LocalWorkersConfiguration?, access: ClusterAccess, endpoint: Endpoint,
        directory: PrivateDirectory?,
        control: Mailbox<ControlServer.Command>, notify: @escaping @Sendable (ClusterNotice) -> Void
    ) throws -> LocalWorkers? {
        guard var configuration, let directory else { return nil }
        configuration.arguments += try access.localWorkerArguments(in: directory.url)
        return try LocalWorkers(
            configuration: configuration, endpoint: endpoint.text, directory: directory.url,
            exited: { node, process, text in
                control.post(.event(.workerExited(node: node, process: process, text: text)))
            },
            exhausted: { text in control.post(.event(.aborted(job: Self.jobID, .workers(text: text)))) }, notify: notify
        )
    }

    func abort(_ failure: JobFailure) {
        control.post(.event(.aborted(job: Self.jobID, failure)))
    }

    /// Waits for the end of the job.
    ///
    /// - Returns: Why it failed, or `nil`.
    func untilEnded() async -> JobFailure? {
        await ending.wait()
    }

    /// Lets the workers leave, ends the local ones, closes the sockets.
    func close() async {
        workers?.expectEnd()
        control.post(.close(grace: grace))
        await controlThread.ended()
        data.post(.stop)
        await dataThread.ended()
        if let workers { await workers.end() }
        directory?.remove()
    }

    func result() -> Store.Output? {
        store.result()
    }
}
