import Launch
import Synchronization
import Wire

/// The address file of a coordinator: there while it listens.
final class AddressPublication: Sendable {
    private let file: AddressFile?
    private let job: String?
    private let written = Mutex<CoordinatorAddress?>(nil)

    /// Checks that the file can be written; without a path nothing is published.
    ///
    /// - Throws: `AddressFileError`.
    init(path: String?, job: String?) throws(AddressFileError) {
        file = path.map(AddressFile.init)
        self.job = job
        try file?.checkWritable()
    }

    /// Writes where the coordinator listens; a failure is told, since workers can still be given the address.
    func publish(_ control: String, serverKey: String? = nil) {
        guard let file else { return }
        do {
            let endpoint = try CoordinatorAddress.advertised(try Endpoint(control))
            let address = CoordinatorAddress(coordinator: endpoint, serverKey: serverKey, job: job)
            try file.write(address)
            written.withLock { $0 = address }
        } catch {
            StandardStreams.writeError("tare: error: \(error); workers need --coordinator \(control)")
        }
    }

    /// Removes the file, unless another coordinator has written it since.
    func withdraw() {
        guard let address = written.withLock({ $0 }) else { return }
        file?.remove(address)
    }
}
