internal import Calibration
internal import CoordinatorCore
internal import Foundation
internal import Synchronization
internal import Wire

/// Everything that runs while a coordinator serves one job: two socket threads, the store, the local workers.
final class CoordinatorSession<Statistics: Sendable>: Sendable {
    private struct Ending {
        var outcome: JobFailure??
        var waiting: CheckedContinuation<JobFailure?, Never>?
    }

    private let store: CommitStore<Statistics>
    private let control: Mailbox<ControlServer.Command>
    private let data: Mailbox<DataServer.Command>
    private let controlThread: ServiceThread
    private let dataThread: ServiceThread
    private let workers: LocalWorkers?
    private let directory: PrivateDirectory?
    private let ending: EndingSignal
    private let grace: Duration

    init(
        configuration: CoordinatorServiceConfiguration, job: ClusterJob<Statistics>, plan: CalibrationPlan,
        notify: @escaping @Sendable (ClusterNotice) -> Void
    ) throws {
        let jobID: UInt64 = 1
        let delivery = Blob(try job.delivery.documentBytes())
        let blobs = job.blobs + [Blob(try job.specification.canonicalBytes()), delivery]
        let needsDirectory = configuration.endpoint == nil || configuration.localWorkers != nil
        directory = needsDirectory ? try PrivateDirectory() : nil
        let endpoint = try Endpoint(configuration.endpoint ?? "ipc://\(directory?.url.path ?? "")/control")
        grace = configuration.closingGrace
        let uploads = UploadStore(limit: configuration.uploadBytes)
        let store = CommitStore(plan: plan, reduction: job.reduction, uploads: uploads)
        let control = try Mailbox<ControlServer.Command>()
        let data = try Mailbox<DataServer.Command>()
        let ending = EndingSignal()
        self.store = store
        self.control = control
        self.data = data
        self.ending = ending

        let uploadLimit = configuration.uploadBytes
        let dataBinding = BindingSignal()
        let requestedData = try configuration.dataEndpoint.map { text throws(ZeroMQError) in try Endpoint(text) }
        dataThread = ServiceThread(name: "tare-data") {
            dataBinding.run {
                let socket = try ZeroMQSocket(.router, .data)
                let bound = try socket.bind(requestedData ?? endpoint.companion())
                let server = DataServer(
                    blobs: try BlobReader(blobs), samples: job.samples, sampleCount: job.specification.sampleCount,
                    job: jobID, uploads: uploads, uploadLimit: uploadLimit, notify: notify)
                let loop = SocketLoop<DataServer>(socket: socket, mailbox: data, isRouter: true)
                server.send = { packet, peer in try loop.send(packet, to: peer) }
                return (bound, { _ = try loop.run(server) })
            } failed: { text in
                control.post(.abort(.store(text: text)))
            }
        }
        let dataEndpoint = try dataBinding.endpoint()

        let controlBinding = BindingSignal()
        var core = configuration.core
        core.dataEndpoint = try dataEndpoint.withoutHost.text
        core.cluster = SessionID.random(using: &Self.systemGenerator)
        let coreConfiguration = core
        controlThread = ServiceThread(name: "tare-control") {
            controlBinding.run {
                let socket = try ZeroMQSocket(.router, .control)
                let bound = try socket.bind(endpoint)
                try socket.setLinger(milliseconds: 250)
                let server = ControlServer(
                    core: CoordinatorCore(configuration: coreConfiguration), notify: notify,
                    store: { request in
                        store.store(request) { answer in control.post(.answered(request, answer)) }
                    },
                    ended: { result in
                        switch result {
                        case .success: ending.end(nil)
                        case .failure(let failure): ending.end(failure)
                        }
                    })
                let loop = SocketLoop<ControlServer>(socket: socket, mailbox: control, isRouter: true)
                server.send = { packet, peer in try loop.send(packet, to: peer) }
                return (bound, { _ = try loop.run(server) })
            } failed: { text in
                ending.end(.store(text: text))
            }
        }
        let controlEndpoint: Endpoint
        do {
            controlEndpoint = try controlBinding.endpoint()
        } catch {
            data.post(.stop)
            directory?.remove()
            throw error
        }
        notify(.listening(control: controlEndpoint.text, data: dataEndpoint.text))
        control.post(.submit(CoordinatorJob(id: jobID, plan: plan, deliveryDigest: delivery.digest)))
        if let local = configuration.localWorkers, let directory {
            workers = try LocalWorkers(
                configuration: local, endpoint: controlEndpoint.text, directory: directory.url,
                exited: { node, process, text in
                    control.post(.workerExited(node: node, process: process, text: text))
                },
                exhausted: { text in control.post(.abort(.workers(text: text))) }, notify: notify)
        } else {
            workers = nil
        }
    }

    private static var systemGenerator: SystemRandomNumberGenerator {
        get { SystemRandomNumberGenerator() }
        set {}
    }

    func abort(_ failure: JobFailure) {
        control.post(.abort(failure))
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

    func result() -> (statistics: Statistics, digests: [ContentDigest])? {
        store.result()
    }
}
