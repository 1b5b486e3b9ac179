internal import Calibration
internal import CoordinatorCore
internal import Foundation
internal import Glibc
internal import Wire

/// A coordinator in this process: serves one job to workers, which it starts itself on this machine or waits for.
public struct CoordinatorService: Sendable {
    private let configuration: CoordinatorServiceConfiguration

    /// Makes a coordinator that does not run yet.
    public init(configuration: CoordinatorServiceConfiguration) {
        self.configuration = configuration
    }

    /// Serves a job until every shard is counted; cancelling the task cancels the job and ends the local workers.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - notify: Told what happens, on threads of the service; it must return quickly.
    /// - Returns: The merged statistics.
    /// - Throws: `JobFailure` when the job ended without a result, `CoordinatorServiceError` when it could not start.
    public func run<Statistics: Sendable>(
        _ job: ClusterJob<Statistics>, notify: @escaping @Sendable (ClusterNotice) -> Void = { _ in }
    ) async throws -> CalibrationOutcome<Statistics> {
        let plan = try CalibrationPlan(job.specification)
        let session = try CoordinatorSession(
            configuration: configuration,
            content: .init(
                specification: job.specification, delivery: job.delivery, blobs: job.blobs, samples: job.samples),
            plan: plan, notify: notify
        ) { uploads, _ in
            (CommitStore(plan: plan, reduction: job.reduction, uploads: uploads), nil)
        }
        let result = try await Self.output(of: session)
        return CalibrationOutcome(
            statistics: result.statistics, plan: plan, shardDigests: result.digests,
            conflicts: result.conflicts)
    }

    /// Serves a job of rounds until the last round is reduced; cancelling the task cancels the job and ends the local workers.
    ///
    /// - Parameters:
    ///   - job: The job; its reducer has the result.
    ///   - notify: Told what happens, on threads of the service; it must return quickly.
    /// - Returns: What was sent and received.
    /// - Throws: `JobFailure` when the job ended without a result, `CoordinatorServiceError` when it could not start.
    public func run(
        _ job: RoundJob, notify: @escaping @Sendable (ClusterNotice) -> Void = { _ in }
    ) async throws -> RoundTraffic {
        let plan = try CalibrationPlan(job.specification)
        let inputs = RoundInputs()
        let session = try CoordinatorSession<RoundStore>(
            configuration: configuration,
            content: .init(
                specification: job.specification, delivery: job.delivery, blobs: job.blobs, samples: job.samples),
            plan: plan, inputs: inputs, notify: notify
        ) { uploads, control in
            let store = try RoundStore(
                plan: plan, shardsPerRound: job.shardsPerRound, reducer: job.reducer, uploads: uploads, inputs: inputs
            ) { shards, input in
                control.post(
                    .event(.roundOpened(job: CoordinatorSession<RoundStore>.jobID, shards: shards, input: input)))
            }
            return (store, JobRounds(shardsPerRound: job.shardsPerRound, firstInput: store.firstInput))
        }
        return try await Self.output(of: session)
    }

    private static func output<Store>(of session: CoordinatorSession<Store>) async throws -> Store.Output {
        let failure = await withTaskCancellationHandler {
            await session.untilEnded()
        } onCancel: {
            session.abort(.cancelled(text: "stopped by the user"))
        }
        await session.close()
        if let failure { throw failure }
        guard let result = session.result() else { throw JobFailure.store(text: "a shard is missing") }
        return result
    }
}

/// Why a coordinator could not start.
public enum CoordinatorServiceError: Error, Sendable {
    /// A socket, a folder or a process could not be made.
    case start(text: String)
    /// It could not go on.
    case broken(text: String)
}

extension CoordinatorServiceError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .start(let text): "The coordinator cannot start: \(text)"
        case .broken(let text): "The coordinator cannot go on: \(text)"
        }
    }
}
