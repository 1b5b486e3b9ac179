import Foundation
import Launch
import Wire

/// The steps from the environment to a coordinator that answers; each needs the one before.
struct NetworkExamination {
    /// The options and the environment.
    let launch: LaunchOptions
    /// The keys that a worker would use.
    let keys: WorkerKeyOptions
    /// How long a step may wait.
    let patience: Duration

    /// A step that failed; the rest of the examination has nothing to go by.
    private struct Broken: Error {
        let finding: Finding
    }

    private static let steps = ["environment", "address", "resolution", "connection", "handshake", "protocol"]

    /// Goes through the steps.
    func findings() async -> [Finding] {
        var findings: [Finding] = []
        do {
            try await examine { findings.append($0) }
        } catch let broken as Broken {
            findings.append(broken.finding)
        } catch {
            let step = Self.steps[min(findings.count, Self.steps.count - 1)]
            findings.append(.failed(step, .internalFault, "\(error)", remedy: "report this as a fault of tare"))
        }
        let last = findings.last
        for step in Self.steps.dropFirst(findings.count) {
            let reason =
                last?.outcome == .skipped ? "no coordinator is named" : "it needs the step '\(last?.step ?? "")'"
            findings.append(.skipped(step, reason))
        }
        return findings
    }

    private func examine(_ note: (Finding) -> Void) async throws {
        let environment = try discover()
        note(.ok("environment", "\(environment)"))
        guard let coordinator = environment.coordinator else {
            note(
                .skipped(
                    "address", "no coordinator is named; give --coordinator or --address-file to test the way to it"))
            return
        }
        let found = try await locate(coordinator, job: environment.jobID?.value)
        let endpoint = found.endpoint
        note(.ok("address", "\(endpoint) (\(coordinator.variable))"))
        note(try resolve(endpoint, coordinator))
        note(try connect(endpoint))
        let security = try security(for: found)
        let conversation = try CoordinatorConversation(endpoint: endpoint, security: security)
        note(try handshake(conversation, endpoint, security))
        note(try converse(conversation))
        try conversation.end()
    }

    private func discover() throws -> LaunchEnvironment {
        do {
            return try launch.environment()
        } catch {
            throw Broken(finding: .failed("environment", .usage, "\(error)", remedy: "correct the variable or option"))
        }
    }

    private func locate(
        _ coordinator: Sourced<CoordinatorLocation>, job: String?
    ) async throws -> FoundCoordinator {
        do {
            switch coordinator.value {
            case .endpoint(let text): return FoundCoordinator(endpoint: try Endpoint(text))
            case .addressFile(let path):
                let address = try await AddressFile(path: path).wait(
                    job: job, timeout: patience, probe: { _ in nil }, progress: { _ in })
                return FoundCoordinator(
                    endpoint: try Endpoint(address.coordinator), serverKey: address.serverKey)
            }
        } catch {
            throw Broken(
                finding: .failed(
                    "address", FailureReport.status(of: error), "\(error)", remedy: "start the coordinator first"))
        }
    }

    private func resolve(_ endpoint: Endpoint, _ coordinator: Sourced<CoordinatorLocation>) throws -> Finding {
        guard let host = endpoint.host else { return .ok("resolution", "a socket in the file system needs none") }
        do {
            return .ok(
                "resolution", "\(host) is \(try NetworkProbe.addresses(of: host).joined(separator: ", "))")
        } catch {
            throw Broken(
                finding: .failed(
                    "resolution", .unreachable,
                    "the host '\(host)' (from \(coordinator.variable)) has no address (\(error))",
                    remedy: "check the name and the name server, or give --coordinator tcp://ADDRESS:PORT"))
        }
    }

    private func connect(_ endpoint: Endpoint) throws -> Finding {
        do {
            let clock = ContinuousClock()
            let time = try clock.measure { try NetworkProbe.connect(to: endpoint, timeout: patience) }
            return .ok(
                "connection", "\(endpoint) accepts connections (\(time.formatted(.units(allowed: [.milliseconds]))))")
        } catch {
            throw Broken(
                finding: .failed(
                    "connection", .unreachable, "nobody can be reached at \(endpoint) (\(error))",
                    remedy:
                        "start the coordinator, check its --listen address, and let firewalls pass this port and the next"
                ))
        }
    }

    private func security(for coordinator: FoundCoordinator) throws -> SocketSecurity {
        // Without any key a coordinator on this machine is tried as it is, to see whether it wants some.
        if keys.key == nil, coordinator.endpoint.isLocal { return .unprotected }
        do {
            return try keys.security(for: coordinator)
        } catch {
            throw Broken(
                finding: .failed(
                    "handshake", FailureReport.status(of: error), "\(error)",
                    remedy: "give the options of 'tare worker'"))
        }
    }

    private func handshake(
        _ conversation: CoordinatorConversation, _ endpoint: Endpoint, _ security: SocketSecurity
    ) throws -> Finding {
        let isSent: Bool
        do {
            isSent = try conversation.ask(patience: patience)
        } catch let refusal as ServerRefusal {
            throw Broken(
                finding: .failed(
                    "handshake", .refused, refusal.description,
                    remedy: "see docs/security.md for keys and the allow list"))
        }
        guard isSent else {
            throw Broken(
                finding: .failed(
                    "handshake", .unreachable,
                    "\(endpoint) accepts connections but shakes no hands within \(patience.components.seconds) s",
                    remedy: "check that tare listens at this address"))
        }
        return .ok("handshake", security.isEncrypted ? "encrypted, both keys accepted" : "ZeroMQ, without encryption")
    }

    private func converse(_ conversation: CoordinatorConversation) throws -> Finding {
        switch try conversation.answer(patience: patience) {
        case .answered: return .ok("protocol", "version \(WireLimits.version) on both sides")
        case .rejected(let text):
            throw Broken(
                finding: .failed("protocol", .refused, text, remedy: "give the key a role that workers have"))
        case .refused(.version(let version)):
            throw Broken(
                finding: .failed(
                    "protocol", .configuration,
                    "the coordinator speaks version \(version), this build version \(WireLimits.version)",
                    remedy: "use the same build on both sides"))
        case .refused(let error):
            throw Broken(
                finding: .failed(
                    "protocol", .unreachable, "\(error)", remedy: "check that tare listens at this address"))
        case .silent:
            throw Broken(
                finding: .failed(
                    "protocol", .unreachable, "no answer within \(patience.components.seconds) s",
                    remedy: "check that tare listens at this address and is not stopped"))
        }
    }
}
