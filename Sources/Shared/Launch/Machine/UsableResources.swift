/// The processors and the memory that this process may use, as the kernel's files tell them.
public struct UsableResources: Hashable, Sendable {
    /// Processors of the affinity mask.
    public var cores: Int
    /// Processors' worth of time that control groups allow; `nil` for no limit.
    public var quota: Double?
    /// Bytes of memory: the machine's, or what control groups allow when that is less; `nil` when nothing tells.
    public var memoryBytes: Int?

    /// States what may be used.
    public init(cores: Int, quota: Double? = nil, memoryBytes: Int? = nil) {
        self.cores = cores
        self.quota = quota
        self.memoryBytes = memoryBytes
    }

    /// Looks at the kernel's files.
    ///
    /// - Parameter read: Reads a file; `nil` when there is none.
    public init(read: @escaping (String) -> String?) {
        cores = max(1, Self.affinity(read("/proc/self/status") ?? "") ?? 1)
        let groups = ControlGroups(read: read)
        quota = groups.processors
        let machine = Self.totalMemory(read("/proc/meminfo") ?? "")
        memoryBytes = [machine, groups.memoryBytes].compactMap { $0 }.min()
    }

    /// How many workers of one thread fit: one per core that may be used, as far as the memory lasts, at least one.
    ///
    /// - Parameter bytesPerWorker: Memory that a worker is expected to need.
    /// - Returns: The number, and what set it, for people.
    public func workers(bytesPerWorker: Int) -> (count: Int, reason: String) {
        var count = cores
        var reason = "\(cores) usable cores"
        // A fraction of a core still computes.
        if let quota, max(1, Int(quota)) < count {
            count = max(1, Int(quota))
            reason = "a processor quota of \(quota.formattedShort)"
        }
        if let memoryBytes, max(1, memoryBytes / max(1, bytesPerWorker)) < count {
            count = max(1, memoryBytes / max(1, bytesPerWorker))
            reason = "\(memoryBytes >> 20) MiB of memory at \(bytesPerWorker >> 20) MiB for each"
        }
        return (count, reason)
    }

    /// The number of processors in `Cpus_allowed_list` of `/proc/self/status`, the mask of `sched_getaffinity`.
    static func affinity(_ status: String) -> Int? {
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed_list:") }),
            let list = line.split(separator: ":").last
        else { return nil }
        var count = 0
        for part in list.trimmingBlanks.split(separator: ",") {
            let bounds = part.split(separator: "-").map { Int($0) }
            guard let first = bounds.first ?? nil, let last = bounds.last ?? nil, first <= last else { return nil }
            count += last - first + 1
        }
        return count > 0 ? count : nil
    }

    /// `MemTotal` of `/proc/meminfo`, in bytes.
    static func totalMemory(_ information: String) -> Int? {
        guard let line = information.split(separator: "\n").first(where: { $0.hasPrefix("MemTotal:") }) else {
            return nil
        }
        let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
        guard words.count == 3, words[2] == "kB", let kilobytes = Int(words[1]) else { return nil }
        return kilobytes * 1024
    }
}

extension Substring {
    fileprivate var trimmingBlanks: Substring {
        drop(while: { $0 == " " || $0 == "\t" })
    }
}

extension Double {
    fileprivate var formattedShort: String {
        self == rounded() ? "\(Int(self))" : "\((self * 100).rounded() / 100)"
    }
}
