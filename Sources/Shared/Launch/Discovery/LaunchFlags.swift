/// What the command line says; `nil` leaves it to the environment.
public struct LaunchFlags: Hashable, Sendable {
    /// `--coordinator`: where the coordinator listens.
    public var coordinator: String?
    /// `--address-file`: the file that says where it listens.
    public var addressFile: String?
    /// `--local-rank`: the number of this worker on its machine.
    public var localRank: Int?

    /// Collects options.
    public init(coordinator: String? = nil, addressFile: String? = nil, localRank: Int? = nil) {
        self.coordinator = coordinator
        self.addressFile = addressFile
        self.localRank = localRank
    }
}

/// Where to find the coordinator.
public enum CoordinatorLocation: Hashable, Sendable {
    /// At this endpoint, `tcp://HOST:PORT` or `ipc://PATH`.
    case endpoint(String)
    /// A file says so, as soon as the coordinator has written it.
    case addressFile(path: String)
}
