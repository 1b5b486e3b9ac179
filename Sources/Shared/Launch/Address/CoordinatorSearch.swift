public import Wire

/// A coordinator that was found.
public struct FoundCoordinator: Hashable, Sendable {
    /// Where it listens.
    public var endpoint: Endpoint
    /// Its public key, when an address file names it.
    public var serverKey: String?

    /// Names a coordinator.
    public init(endpoint: Endpoint, serverKey: String? = nil) {
        self.endpoint = endpoint
        self.serverKey = serverKey
    }
}

extension LaunchEnvironment {
    /// Finds the coordinator: waits for the address file, or for the host's name to have an address.
    ///
    /// Never assumes an address: without one it fails and says where it looked.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait.
    ///   - progress: Told after two seconds what is being waited for.
    /// - Returns: The coordinator.
    /// - Throws: `LaunchError`, `AddressFileError`, or `CancellationError` when the task is cancelled.
    public func findCoordinator(timeout: Duration, progress: (String) -> Void) async throws -> FoundCoordinator {
        guard let coordinator else { throw LaunchError.noCoordinator }
        switch coordinator.value {
        case .endpoint(let text):
            let endpoint = try Endpoint(text)
            try await Self.resolve(endpoint, from: coordinator.variable, timeout: timeout, progress: progress)
            return FoundCoordinator(endpoint: endpoint)
        case .addressFile(let path):
            let address = try await AddressFile(path: path).wait(
                job: jobID?.value, timeout: timeout, probe: Self.obstacle, progress: progress)
            return FoundCoordinator(endpoint: try Endpoint(address.coordinator), serverKey: address.serverKey)
        }
    }

    /// Why nobody can be reached at an address; `nil` when somebody accepts connections.
    private static func obstacle(_ address: CoordinatorAddress) -> String? {
        do {
            try NetworkProbe.connect(to: try Endpoint(address.coordinator), timeout: .seconds(3))
            return nil
        } catch {
            return "\(error)"
        }
    }

    private static func resolve(
        _ endpoint: Endpoint, from source: String, timeout: Duration, progress: (String) -> Void
    ) async throws {
        guard let host = endpoint.host else { return }
        let start = ContinuousClock.now
        var isSaid = false
        while true {
            let failure: NetworkProbe.Failure
            do {
                _ = try NetworkProbe.addresses(of: host)
                return
            } catch {
                failure = error
            }
            let waited = ContinuousClock.now - start
            guard failure.mayPass, waited < timeout else {
                throw LaunchError.unresolved(host: host, source: source, reason: failure.description)
            }
            if waited >= .seconds(2), !isSaid {
                progress("waiting for an address of '\(host)' (from \(source)): \(failure)")
                isSaid = true
            }
            // The name of a pod appears when the pod is up.
            try await Task.sleep(for: .milliseconds(500))
        }
    }
}
