import Execution
import Foundation
import Launch
import Wire

/// The steps that look at this machine: clock, libraries, folders, limits.
struct MachineExamination {
    /// Folders that must be writable, with what each is for.
    let folders: [(purpose: String, path: String)]
    /// Bytes that each of them should have free.
    static let wantedDiskBytes = 256 << 20
    /// File descriptors that a worker or a small coordinator needs.
    static let wantedDescriptors = 256
    /// Bytes of memory that a worker needs at least.
    static let wantedMemoryBytes = 512 << 20

    /// Goes through the steps; none depends on another.
    func findings() async -> [Finding] {
        [await clock(), libraries()] + folders.map(disk) + [descriptors(), memory()]
    }

    private func clock() async -> Finding {
        let start = MonotonicClock.now
        try? await Task.sleep(for: .milliseconds(20))
        let elapsed = MonotonicClock.now - start
        guard elapsed >= .milliseconds(15), elapsed < .seconds(5) else {
            return .failed(
                "clock", .configuration, "a pause of 20 ms measured \(elapsed)",
                remedy: "mend the machine's clock source (/sys/devices/system/clocksource)")
        }
        return .ok("clock", "the monotonic clock runs")
    }

    private func libraries() -> Finding {
        let text = "ZeroMQ \(ZeroMQLibrary.version), \(InstructionSet.arithmetic)"
        guard ZeroMQLibrary.supportsCurve else {
            return .failed(
                "libraries", .configuration, "\(text); this ZeroMQ was built without CURVE encryption",
                remedy: "install Debian's libzmq5, or a libzmq built with libsodium")
        }
        return .ok("libraries", "\(text), CURVE")
    }

    private func disk(_ folder: (purpose: String, path: String)) -> Finding {
        let step = "disk"
        let name = "\(folder.purpose) \(folder.path)"
        let probe = URL(filePath: folder.path, directoryHint: .isDirectory)
            .appending(path: ".tare-doctor-\(ProcessInfo.processInfo.processIdentifier)")
        do {
            try Data("tare".utf8).write(to: probe)
            try FileManager.default.removeItem(at: probe)
        } catch {
            return .failed(
                step, .inputOutput, "\(name) cannot be written (\(Self.reason(error)))",
                remedy: "create it, or give this user write permission, or name another")
        }
        guard let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder.path),
            let free = attributes[.systemFreeSize] as? Int
        else { return .failed(step, .inputOutput, "\(name) does not say how much is free", remedy: "name another") }
        guard free >= Self.wantedDiskBytes else {
            return .failed(
                step, .inputOutput, "\(name) has \(free >> 20) MiB free, less than \(Self.wantedDiskBytes >> 20) MiB",
                remedy: "free some space, or name another")
        }
        return .ok(step, "\(name) is writable, \(free >> 30) GiB free")
    }

    private static func reason(_ error: any Error) -> String {
        let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
        guard let code = underlying.flatMap({ POSIXErrorCode(rawValue: Int32($0.code)) }) else {
            return error.localizedDescription
        }
        return POSIXError(code).localizedDescription
    }

    private func descriptors() -> Finding {
        let limits = (try? String(contentsOfFile: "/proc/self/limits", encoding: .utf8)) ?? ""
        let line = limits.split(separator: "\n").first { $0.hasPrefix("Max open files") }
        let words = (line ?? "").dropFirst("Max open files".count).split(separator: " ")
        guard let soft = words.first.map({ $0 == "unlimited" ? Int.max : Int($0) ?? 0 }) else {
            return .failed("descriptors", .configuration, "the limit is unknown", remedy: "mount /proc")
        }
        guard soft >= Self.wantedDescriptors else {
            return .failed(
                "descriptors", .configuration, "\(soft) open files are too few",
                remedy: "raise the limit: ulimit -n 65536, or LimitNOFILE=65536 in the unit")
        }
        // A worker costs its coordinator a control and a data connection.
        let workers = soft == .max ? "any number of" : "about \((soft - 64) / 2)"
        return .ok(
            "descriptors", "\(soft == .max ? "unlimited" : "\(soft)") open files: a coordinator of \(workers) workers")
    }

    private func memory() -> Finding {
        let resources = UsableResources { path in try? String(contentsOfFile: path, encoding: .utf8) }
        guard let bytes = resources.memoryBytes else {
            return .failed("memory", .configuration, "the size is unknown", remedy: "mount /proc")
        }
        guard bytes >= Self.wantedMemoryBytes else {
            return .failed(
                "memory", .configuration,
                "\(bytes >> 20) MiB may be used, less than \(Self.wantedMemoryBytes >> 20) MiB",
                remedy: "raise the memory limit of the container or job")
        }
        let (count, reason) = resources.workers(bytesPerWorker: 1 << 30)
        return .ok("memory", "\(bytes >> 20) MiB; --workers-per-node auto starts \(count) (\(reason))")
    }
}
