import ArgumentParser
import Calibration
import ControlAPI
import Conversion
import CoordinatorCore
import CoordinatorHTTP
import CoordinatorService
import CoordinatorStore
import Datasets
import Evaluation
import Execution
import Foundation
import Graphs
import Launch
import MLU
import Modules
import ONNXFormat
import Quantization
import Tensors
import Training
import TrainingJobs
import Wire
import WorkerService

/// Turns any error into one message on standard error and the exit status that fits it.
enum FailureReport {
    /// Runs a command's work; on an error says what happened and ends with the right status.
    static func exitOnFailure<Value>(_ work: () throws -> Value) throws -> Value {
        do {
            return try work()
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
        case DatasetError.file(let failure): status(of: failure)
        case DatasetError.preprocessing: .configuration
        case DatasetError.tooFewSamples: .usage
        case ONNXImportError.unreadableFile: .noInput
        case is ONNXImportError, is ShapeInferenceError, is ExecutionError, is DatasetError, is ActivationScalesError:
            .badData
        case is CalibrationStatisticsError, is HistogramCountsError, is EvaluationStatisticsError, is ModelPairError,
            is EvaluationReportError:
            .badData
        case MLUError.deviceModel: .configuration
        case is DumpError: .inputOutput
        case is DumpFormatError: .badData
        case is DeviceFault: .internalFault
        case is MLUError: .badData
        case let failure as MLUConversionError: failure.isUsage ? .usage : .badData
        case is ConversionError, is QConfigError, is CalibrationMethodError: .usage
        case is JobSpecificationError: .configuration
        case is ModuleError, is TrainingError, is TrainingJobError, is StateLoadError: .badData
        case let failure as JobFailure: status(of: failure)
        case CoordinatorServiceError.broken: .inputOutput
        case is CoordinatorServiceError, is HTTPServiceError: .unreachable
        case is HTTPConfigurationError: .usage
        case let failure as AccessTokenError: status(of: failure)
        case let failure as ControlError: ExitStatus(rawValue: failure.exitStatus) ?? .internalFault
        case let failure as StateStoreError: ExitStatus(rawValue: failure.exitStatus) ?? .internalFault
        // Without an error number it is the endpoint's text that is wrong.
        case let failure as ZeroMQError: failure.code == 0 ? .usage : .unreachable
        case let failure as WorkerServiceError: status(of: failure)
        case LaunchError.unresolved: .unreachable
        case is LaunchError: .usage
        case let failure as AddressFileError: status(of: failure)
        case let failure as SecurityError: status(of: failure)
        default: .internalFault
        }
    }

    private static func status(of failure: JobFailure) -> ExitStatus {
        switch failure {
        case .cancelled: .drained
        case .data, .poison: .badData
        case .shard, .losses, .conversion: .internalFault
        case .workers: .unreachable
        case .store: .inputOutput
        }
    }

    private static func status(of failure: AccessTokenError) -> ExitStatus {
        switch failure {
        case .unreadable: .noInput
        case .open, .malformed: .configuration
        }
    }

    private static func status(of failure: AddressFileError) -> ExitStatus {
        switch failure.reason {
        case .timeout: .unreachable
        case .unwritable, .unreadable: .inputOutput
        case .malformed: .badData
        }
    }

    private static func status(of failure: WorkerServiceError) -> ExitStatus {
        switch failure {
        case .unreachable, .coordinatorLost: .unreachable
        case .rejected, .refused: .refused
        case .parentEnded: .drained
        case .cache: .inputOutput
        }
    }

    private static func status(of failure: SecurityError) -> ExitStatus {
        switch failure {
        case .file(_, .missing): .noInput
        case .file(_, .exists): .usage
        case .file(_, .system): .inputOutput
        case .file, .authorizedKeys, .malformedKey, .unsupported: .configuration
        case .selfTest: .internalFault
        }
    }

    private static func status(of reason: TensorFileError.Reason) -> ExitStatus {
        switch reason {
        // What could not be opened was an input; an output fails at a later step or in its folder.
        case .system("open the file", let code): [ENOENT, ENOTDIR, EACCES].contains(code) ? .noInput : .inputOutput
        case .system: .inputOutput
        case .truncated, .malformed, .unsupported, .checksumMismatch, .replaced, .missingMember: .badData
        }
    }
}
