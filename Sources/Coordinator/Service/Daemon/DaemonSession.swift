internal import Calibration
internal import ControlAPI
internal import CoordinatorCore
internal import CoordinatorStore
internal import Foundation
internal import Synchronization
internal import Wire

/// Everything that runs while a daemon serves: the state, the store's thread, two socket threads, and who answers requests.
final class DaemonSession<Factory: JobFactory>: Sendable {
    private let state: StateStore
    private let store: StoreThread<Factory.Statistics>
    private let control: Mailbox<ControlServer.Command>
    private let data: Mailbox<DataServer.Command>
    private let controlThread: ServiceThread
    private let dataThread: ServiceThread
    private let desk: RequestDesk<Factory>
    private let endpoint: String
    private let ending: EndingSignal<String?>

    init(
        configuration: DaemonConfiguration, factory: Factory, notify: @escaping @Sendable (ClusterNotice) -> Void
    ) throws {
        var limits = StateStoreConfiguration()
        limits.lowWaterBytes = configuration.lowWaterBytes
        state = try StateStore(directory: configuration.stateDirectory, configuration: limits)
        let ending = EndingSignal<String?>()
        self.ending = ending
        let catalog = JobCatalog<Factory.Statistics>()
        let uploads = UploadStore(limit: configuration.uploadBytes)
        let control = try Mailbox<ControlServer.Command>()
        let data = try Mailbox<DataServer.Command>()
        self.control = control
        self.data = data
        let recovered = try Recovery(state: state, factory: factory, catalog: catalog)
        store = try StoreThread(
            state: state, recovered: recovered.unfinished, catalog: catalog, uploads: uploads,
            answer: { control.post(.event($0)) }, failed: { ending.end($0) }, notify: notify)

        let requested = try Endpoint(configuration.endpoint)
        let dataEndpoint = try configuration.dataEndpoint.map { text throws(ZeroMQError) in try Endpoint(text) }
        let dataBinding = BindingSignal()
        dataThread = Self.serveData(
            state.blobs, catalog: catalog, uploads: uploads, configuration: configuration, binding: dataBinding,
            at: try dataEndpoint ?? requested.companion(), mailbox: data, failed: { ending.end($0) }, notify: notify)
        do {
            var core = configuration.core
            let bound = try dataBinding.endpoint()
            core.dataEndpoint = try bound.withoutHost.text
            core.cluster = SessionID(high: state.cluster.high, low: state.cluster.low)
            core.epoch = state.epoch
            desk = RequestDesk(
                state: state, factory: factory, catalog: catalog, store: store, control: control,
                cluster: ClusterFacts(
                    build: configuration.build, started: Timestamp(Date()), origin: MonotonicClock.now,
                    dataEndpoint: core.dataEndpoint), notify: notify)
            // Before the thread that reads it runs: workers that wait say hello as soon as the socket is bound.
            control.post(.event(.recovered(recovered.core)))
            let binding = BindingSignal()
            controlThread = Self.serveControl(
                CoordinatorCore(configuration: core), at: requested, binding: binding, mailbox: control,
                access: configuration.access, store: store,
                clients: ClientDesk(desk: desk, control: control),
                completed: { [desk] job in desk.followUp(job) }, failed: { ending.end($0) }, notify: notify)
            let listening = try binding.endpoint()
            try configuration.access.begin(at: [listening, bound], control: control, notify: notify)
            self.endpoint = listening.text
            notify(.listening(control: listening.text, data: bound.text))
            for job in recovered.unfinished { notify(job.resumption) }
            // The coordinator may have been stopped between a job and the one that it asks for.
            for job in recovered.core.jobs {
                if case .completed? = job.outcome { desk.followUp(job.job.id) }
            }
        } catch {
            control.post(.close(grace: .zero))
            data.post(.stop)
            store.post(.stop)
            throw error
        }
    }

    private static func serveData(
        _ blobs: BlobStore, catalog: JobCatalog<Factory.Statistics>, uploads: UploadStore,
        configuration: DaemonConfiguration, binding: BindingSignal, at endpoint: Endpoint,
        mailbox: Mailbox<DataServer.Command>, failed: @escaping @Sendable (String) -> Void,
        notify: @escaping @Sendable (ClusterNotice) -> Void
    ) -> ServiceThread {
        let access = configuration.access
        let uploadLimit = configuration.uploadBytes
        return binding.serve(
            name: "tare-data", options: .data, security: access.security, mailbox: mailbox,
            bind: { try $0.bind(endpoint) },
            server: {
                DataServer(
                    blobs: StateBlobs(blobs),
                    samples: { id in
                        guard let job = catalog.job(id), let samples = job.samples else { return nil }
                        return StreamedJob(samples: samples, sampleCount: job.plan.specification.sampleCount)
                    }, uploads: uploads, uploadLimit: uploadLimit, access: access, notify: notify)
            },
            failed: failed)
    }

    private static func serveControl(
        _ core: CoordinatorCore, at endpoint: Endpoint, binding: BindingSignal,
        mailbox: Mailbox<ControlServer.Command>, access: ClusterAccess, store: StoreThread<Factory.Statistics>,
        clients: ClientDesk<Factory>, completed: @escaping @Sendable (UInt64) -> Void,
        failed: @escaping @Sendable (String) -> Void,
        notify: @escaping @Sendable (ClusterNotice) -> Void
    ) -> ServiceThread {
        binding.serve(
            name: "tare-control", options: .control, security: access.security, mailbox: mailbox,
            bind: { socket in
                let bound = try socket.bind(endpoint)
                try socket.setLinger(milliseconds: 250)
                return bound
            },
            server: {
                ControlServer(
                    core: core, access: access, notify: notify,
                    effects: ControlServer.Effects(
                        store: { store.post(.commit($0)) }, record: { store.post(.record($0)) },
                        finalize: { store.post(.finalize(job: $0, conflicts: $1)) },
                        ended: { job, outcome in
                            notify(.jobEnded(job: job, outcome))
                            if case .completed = outcome { completed(job) }
                        },
                        client: { request, mayChange, session, peer in
                            clients.receive(request, mayChange: mayChange, session: session, peer: peer)
                        }))
            },
            failed: failed)
    }

    /// Answers requests from outside the control socket.
    var controlDesk: ControlDesk {
        ControlDesk(
            endpoint: endpoint, answer: { [desk] request throws(ControlError) in try desk.answer(request) },
            isAlive: { [desk] in desk.isAlive },
            snapshot: { [desk] () throws(ControlError) in try desk.snapshot() },
            stateBytes: { [desk] () throws(ControlError) in try desk.stateBytes() },
            reasonsNotToBeReady: { [desk] () throws(ControlError) in try desk.reasonsNotToBeReady() })
    }

    /// Ends the service; jobs stay as they are.
    func stop() {
        ending.end(nil)
    }

    /// Waits for the end.
    ///
    /// - Returns: Why it could not go on, or `nil`.
    func untilEnded() async -> String? {
        await ending.wait()
    }

    /// Closes the sockets and makes durable what waits for it.
    ///
    /// Workers go on and deliver to the next coordinator.
    func close() async {
        control.post(.close(grace: .zero))
        await controlThread.ended()
        await store.end()
        data.post(.stop)
        await dataThread.ended()
    }
}
