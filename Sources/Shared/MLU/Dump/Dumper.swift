internal import Foundation
public import Logs
internal import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Writes the arguments and the result of every operator of the eager backend to files: the Dumper of the device's software.
///
/// Every call gets a directory `<n>_<operator>`, with n counting from 1 in the order of the calls; calls within a call go
/// into its directory and count from 1 again. A dumper belongs to one process. `copy_` is never recorded.
///
/// Tensors are kept until they are written, and their bytes must not change until then (tensors have value semantics, so
/// that writing one copies it first).
public final class Dumper: OperatorObserver, Sendable {
    /// A call that has begun.
    private struct Frame {
        /// Its directory; `nil` when it is not recorded.
        var directory: String?
        var childCount = 0
    }

    private struct State {
        /// Calls that have begun on each thread, outermost first.
        var frames: [UInt: [Frame]] = [:]
        var rootCount = 0
        var operators = 0
        var isFinished = false
    }

    /// Where the dump is: the name that was asked for, perhaps with a number.
    public let directory: String
    /// How much of each tensor is written.
    public let level: DumpLevel
    /// Whether results of the host are written too.
    public let comparesCPU: Bool
    private let writer: DumpWriter
    private let report: LogSink
    private let state = Mutex(State())

    /// Makes a directory and starts a dump to it.
    ///
    /// - Parameters:
    ///   - configuration: What is dumped; its iterations are not looked at.
    ///   - report: Told of an error that ends the dump, when it happens and again when the dump is finished.
    /// - Throws: `DumpError.directory` when the directory cannot be made.
    public convenience init(
        _ configuration: DumpConfiguration, report: @escaping LogSink = { StandardError.write("dump: \($0)") }
    ) throws(DumpError) {
        try self.init(configuration, bytesInFlight: 256 << 20, storage: .system, report: report)
    }

    init(
        _ configuration: DumpConfiguration, bytesInFlight: Int, storage: DumpStorage, report: @escaping LogSink
    ) throws(DumpError) {
        directory = try DumpDirectory.claim(configuration.directory)
        level = configuration.level
        comparesCPU = configuration.comparesCPU
        self.report = report
        writer = DumpWriter(
            limit: bytesInFlight, threadCount: min(max(ProcessInfo.processInfo.activeProcessorCount, 1), 4),
            storage: storage, report: report)
    }

    deinit {
        writer.close()
    }

    /// Waits until everything is written and takes no more calls.
    ///
    /// - Returns: What was written, and the error that ended the dump early, if any.
    @discardableResult
    public func finish() -> DumpSummary {
        let progress = writer.finish()
        let (operators, wasFinished) = state.withLock { state in
            defer { state.isFinished = true }
            return (state.operators, state.isFinished)
        }
        if let failure = progress.failure, !wasFinished {
            report("the dump in \(directory) is not complete: \(failure)")
        }
        return DumpSummary(
            directory: directory, operators: operators, files: progress.files, bytes: progress.bytes,
            failure: progress.failure)
    }

    /// Makes the call's directory and writes its arguments.
    public func begin(_ call: OperatorCall) {
        guard Self.isRecorded(call) else { return }
        let directory = enter(call)
        guard let directory, writer.isOpen else { return }
        do throws(DumpError) {
            try DumpDirectory.make(directory)
        } catch {
            writer.fail(error)
            return
        }
        for argument in call.arguments {
            writer.add(
                "\(directory)/mlu_\(Self.fileName(argument.name))", DumpContent(argument.value, level: level))
        }
    }

    /// Writes the call's result, and the host's where that is asked for and possible.
    public func end(
        _ call: OperatorCall, result: OperatorValue, origin: OperatorResultOrigin,
        onHost: () throws -> OperatorValue
    ) {
        guard Self.isRecorded(call), let directory = leave(), writer.isOpen else { return }
        writer.add("\(directory)/\(origin.resultFileName)", DumpContent(result, level: level))
        guard comparesCPU, !call.isInPlace, origin != .host else { return }
        // What the host cannot compute is left out without a word, as in the device's software.
        guard let compared = try? onHost() else { return }
        writer.add("\(directory)/\(OperatorResultOrigin.host.resultFileName)", DumpContent(compared, level: level))
    }

    /// Leaves the call's directory without a result.
    public func fail(_ call: OperatorCall, _ error: any Error) {
        guard Self.isRecorded(call) else { return }
        _ = leave()
    }

    /// Counts a call and gives its directory; `nil` when it is not recorded.
    private func enter(_ call: OperatorCall) -> String? {
        let thread = UInt(pthread_self())
        return state.withLock { state in
            var frames = state.frames[thread] ?? []
            defer { state.frames[thread] = frames }
            let parent: String?
            let number: Int
            if frames.isEmpty {
                state.rootCount += 1
                (parent, number) = (directory, state.rootCount)
            } else {
                frames[frames.count - 1].childCount += 1
                (parent, number) = (frames[frames.count - 1].directory, frames[frames.count - 1].childCount)
            }
            let path = state.isFinished ? nil : parent.map { "\($0)/\(number)_\(Self.fileName(call.name))" }
            if path != nil { state.operators += 1 }
            frames.append(Frame(directory: path))
            return path
        }
    }

    /// Ends the innermost call and gives its directory.
    private func leave() -> String? {
        let thread = UInt(pthread_self())
        return state.withLock { state in
            // A dump that began within this call has not seen its beginning.
            guard var frames = state.frames[thread], let frame = frames.popLast() else { return nil }
            state.frames[thread] = frames.isEmpty ? nil : frames
            return frame.directory
        }
    }

    private static func isRecorded(_ call: OperatorCall) -> Bool { call.name != "copy_" }

    /// A name that a model may have chosen, as one component of a path.
    private static func fileName(_ name: String) -> String {
        String(name.map { $0 == "/" || $0 == "\0" ? "_" : $0 })
    }
}

extension OperatorResultOrigin {
    /// The name of the result's file.
    var resultFileName: String {
        switch self {
        case .library: "cnnl_result"
        case .handwritten: "bang_result"
        case .host: "cpu_result"
        }
    }
}
