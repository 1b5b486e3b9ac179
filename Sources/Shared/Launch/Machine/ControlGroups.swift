/// The limits of the control groups that this process is in, of version 1 or 2.
struct ControlGroups {
    /// Processors' worth of time; the least of the group and its parents.
    private(set) var processors: Double?
    /// Bytes of memory; the least of the group and its parents.
    private(set) var memoryBytes: Int?

    /// A mounted hierarchy: which path inside it is mounted where.
    private struct Mount {
        var root: String
        var point: String
    }

    private let read: (String) -> String?

    init(read: @escaping (String) -> String?) {
        self.read = read
        let mounts = read("/proc/self/mountinfo") ?? ""
        for line in (read("/proc/self/cgroup") ?? "").split(separator: "\n") {
            // "hierarchy:controllers:path"; version 2 has hierarchy 0 and no controllers.
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 3 else { continue }
            let controllers = fields[1].split(separator: ",").map(String.init)
            if fields[0] == "0", controllers.isEmpty {
                if let mount = Self.mount(mounts, type: "cgroup2", controller: nil) { addVersion2(mount, fields[2]) }
                continue
            }
            for controller in controllers where ["cpu", "memory"].contains(controller) {
                guard let mount = Self.mount(mounts, type: "cgroup", controller: controller) else { continue }
                addVersion1(mount, fields[2], controller)
            }
        }
    }

    private mutating func addVersion2(_ mount: Mount, _ path: String) {
        for folder in Self.folders(mount, path) {
            // "quota period" in microseconds, or "max period".
            let words = (read("\(folder)/cpu.max") ?? "").split(whereSeparator: { $0 == " " || $0 == "\n" })
            if words.count == 2, let quota = Double(words[0]), let period = Double(words[1]) {
                limit(quota: quota, period: period)
            }
            limit(memory: read("\(folder)/memory.max"))
        }
    }

    private mutating func addVersion1(_ mount: Mount, _ path: String, _ controller: String) {
        for folder in Self.folders(mount, path) {
            if controller == "memory" {
                limit(memory: read("\(folder)/memory.limit_in_bytes"))
            } else if let quota = number("\(folder)/cpu.cfs_quota_us"),
                let period = number("\(folder)/cpu.cfs_period_us")
            {
                limit(quota: quota, period: period)
            }
        }
    }

    private func number(_ path: String) -> Double? {
        read(path).flatMap { Double($0.filter { !$0.isNewline }) }
    }

    private mutating func limit(quota: Double, period: Double) {
        guard quota > 0, period > 0 else { return }
        processors = min(processors ?? .infinity, quota / period)
    }

    private mutating func limit(memory text: String?) {
        // Version 2 says "max" for no limit, version 1 a number beyond all memory.
        guard let bytes = text.flatMap({ Int($0.filter { !$0.isNewline }) }), bytes > 0, bytes < 1 << 60 else { return }
        memoryBytes = min(memoryBytes ?? .max, bytes)
    }

    private static func mount(_ mounts: String, type: String, controller: String?) -> Mount? {
        for line in mounts.split(separator: "\n") {
            // "id parent device root point options [tags] - type source superoptions"
            let words = line.split(separator: " ").map(String.init)
            guard let dash = words.firstIndex(of: "-"), words.count > dash + 3, dash >= 6, words[dash + 1] == type
            else { continue }
            if let controller, !words[dash + 3].split(separator: ",").contains(Substring(controller)) { continue }
            return Mount(root: words[3], point: words[4])
        }
        return nil
    }

    /// The folders of a group and its parents, as far up as they are mounted.
    private static func folders(_ mount: Mount, _ path: String) -> [String] {
        var inside = path
        if mount.root != "/" {
            // In a container the mount shows a part of the hierarchy only.
            inside =
                path == mount.root || path.hasPrefix(mount.root + "/") ? String(path.dropFirst(mount.root.count)) : ""
        }
        // A group outside what is mounted shows as "/..".
        var parts = inside.split(separator: "/").map(String.init)
        if parts.contains("..") { parts = [] }
        var folders: [String] = []
        while true {
            folders.append(([mount.point] + parts).joined(separator: "/"))
            guard !parts.isEmpty else { return folders }
            parts.removeLast()
        }
    }
}
