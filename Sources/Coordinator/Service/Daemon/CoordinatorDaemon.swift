internal import Calibration
public import ControlAPI
public import CoordinatorCore
internal import CoordinatorStore
internal import Foundation
internal import Wire

/// A coordinator that serves several jobs, keeps everything that it has decided in a state directory, and goes on after a
/// restart where it was.
public struct CoordinatorDaemon<Factory: JobFactory>: Sendable {
    private let configuration: DaemonConfiguration
    private let factory: Factory

    /// Makes a daemon that does not run yet.
    public init(configuration: DaemonConfiguration, factory: Factory) {
        self.configuration = configuration
        self.factory = factory
    }

    /// Serves until the task is cancelled, or nothing can be made durable any more.
    ///
    /// - Parameters:
    ///   - notify: Told what happens, on threads of the service; it must return quickly.
    ///   - serving: Runs beside the service once everything is bound, with what answers requests, and is cancelled at its end.
    /// - Throws: `StateStoreError` when the state cannot be used, `CoordinatorServiceError` when the daemon could not start
    ///   or could not go on; what `serving` throws, which ends the service.
    public func run(
        notify: @escaping @Sendable (ClusterNotice) -> Void = { _ in },
        serving: @escaping @Sendable (ControlDesk) async throws -> Void = { _ in }
    ) async throws {
        let session = try DaemonSession(configuration: configuration, factory: factory, notify: notify)
        let failure: String?
        do {
            failure = try await withThrowingTaskGroup(of: Ending.self) { group in
                group.addTask {
                    await withTaskCancellationHandler {
                        .ended(await session.untilEnded())
                    } onCancel: {
                        session.stop()
                    }
                }
                group.addTask {
                    try await serving(session.controlDesk)
                    return .served
                }
                while let ending = try await group.next() {
                    guard case .ended(let reason) = ending else { continue }
                    // What ran beside the service has nothing more to say, its own cancellation least of all.
                    group.cancelAll()
                    return reason
                }
                return nil
            }
        } catch is CancellationError {
            failure = nil
        } catch {
            await session.close()
            throw error
        }
        await session.close()
        if let failure { throw CoordinatorServiceError.broken(text: failure) }
    }

    private enum Ending: Sendable {
        /// The service, and why it could not go on.
        case ended(String?)
        /// What ran beside it.
        case served
    }
}

/// Answers requests from outside the control socket, such as HTTP's.
public struct ControlDesk: Sendable {
    /// Where the control socket listens.
    public let endpoint: String
    /// Answers a request with JSON; blocks as long as reading a data set may take.
    public let answer: @Sendable (ControlRequest) throws(ControlError) -> [UInt8]
    /// Whether the control thread answers in time.
    public let isAlive: @Sendable () -> Bool
    /// What happened since the start, and what workers do now.
    public let snapshot: @Sendable () throws(ControlError) -> CoordinatorSnapshot
    /// Bytes of the files in the state directory.
    public let stateBytes: @Sendable () throws(ControlError) -> Int
    /// Why no work is taken; empty when it is.
    public let reasonsNotToBeReady: @Sendable () throws(ControlError) -> [String]
}
