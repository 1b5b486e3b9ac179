import ArgumentParser
import Calibration
import Conversion
import CoordinatorCore
import CoordinatorService
import Datasets
import Execution
import Foundation
import Graphs
import ONNXFormat
import Quantization
import Tensors
import WorkerService

/// Turns any error into one message on standard error and the exit status that fits it.
enum FailureReport {
    /// Runs a command's work; on an error says what happened and ends with the right status.
    static func exitOnFailure(_ work: () throws -> Void) throws {
        do {
            try work()
        } catch {
            throw report(error)
        }
    }

    /// The same for asynchronous work.
    static func exitOnFailure(_ work: () async throws -> Void) async throws {
        do {
            try await work()
        } catch {
            throw report(error)
        }
    }

    private static func report(_ error: any Error) -> any Error {
        // Help, version and usage errors are the argument parser's own business.
        if error is ExitCode || error is ValidationError || error is CleanExit { return error }
        StandardStreams.writeError("tare: error: \(error)")
        return status(of: error).exitCode
    }

    /// The exit status of an error.
    static func status(of error: any Error) -> ExitStatus {
        switch error {
        case let failure as CommandFailure: failure.status
        case let failure as TensorFileError: status(of: failure.reason)
        case is ONNXImportError, is ShapeInferenceError, is ExecutionError, is DatasetError, is ActivationScalesError:
            .badData
        case is CalibrationStatisticsError: .badData
        case is ConversionError, is QConfigError, is CalibrationMethodError: .usage
        case is JobSpecificationError: .configuration
        case let failure as JobFailure: status(of: failure)
        case is CoordinatorServiceError: .unreachable
        case let failure as WorkerServiceError: status(of: failure)
        default: .internalFault
        }
    }

    private static func status(of failure: JobFailure) -> ExitStatus {
        switch failure {
        case .cancelled: .drained
        case .data: .badData
        case .shard, .losses: .internalFault
        case .workers: .unreachable
        case .store: .inputOutput
        }
    }

    private static func status(of failure: WorkerServiceError) -> ExitStatus {
        switch failure {
        case .unreachable, .coordinatorLost: .unreachable
        case .rejected: .refused
        case .parentEnded: .drained
        }
    }

    private static func status(of reason: TensorFileError.Reason) -> ExitStatus {
        switch reason {
        case .system(_, let code): code == ENOENT ? .noInput : .inputOutput
        case .truncated, .malformed, .unsupported, .checksumMismatch, .missingMember: .badData
        }
    }
}
