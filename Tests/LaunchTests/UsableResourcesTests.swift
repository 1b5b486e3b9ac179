import Foundation
import Launch
import Testing

/// Cores and memory from the kernel's files, as they look on machines, in containers and in limited groups.
@Suite struct UsableResourcesTests {
    struct Machine: CustomTestStringConvertible, Sendable {
        var name: String
        var files: [String: String]
        var cores: Int
        var quota: Double?
        var memoryMiB: Int?
        var workers: Int

        var testDescription: String { name }
    }

    private static let version2Mount = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"
    private static let version1Mounts = """
        32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory

        """

    private static func machine(cores: String, memoryKiB: Int, _ others: [String: String] = [:]) -> [String: String] {
        others.merging([
            "/proc/self/status": "Name:\ttare\nCpus_allowed:\tf\nCpus_allowed_list:\t\(cores)\nMems_allowed:\t1\n",
            "/proc/meminfo": "MemTotal:       \(memoryKiB) kB\nMemFree:        1 kB\n",
        ]) { $1 }
    }

    static let machines = [
        Machine(
            name: "a whole machine", files: machine(cores: "0-7", memoryKiB: 64 << 20), cores: 8, memoryMiB: 65_536,
            workers: 8),
        Machine(
            name: "an affinity mask with holes", files: machine(cores: "0,2-3,9", memoryKiB: 64 << 20), cores: 4,
            memoryMiB: 65_536, workers: 4),
        Machine(
            name: "little memory", files: machine(cores: "0-7", memoryKiB: 3 << 20), cores: 8, memoryMiB: 3072,
            workers: 3),
        Machine(
            name: "less memory than one worker needs", files: machine(cores: "0-7", memoryKiB: 1 << 10), cores: 8,
            memoryMiB: 1, workers: 1),
        Machine(
            name: "version 2, limits in the group and its parent",
            files: machine(
                cores: "0-7", memoryKiB: 64 << 20,
                [
                    "/proc/self/cgroup": "0::/kube/pod\n", "/proc/self/mountinfo": version2Mount,
                    "/sys/fs/cgroup/kube/pod/cpu.max": "250000 100000\n",
                    "/sys/fs/cgroup/kube/cpu.max": "max 100000\n",
                    "/sys/fs/cgroup/kube/pod/memory.max": "max\n", "/sys/fs/cgroup/kube/memory.max": "5368709120\n",
                ]), cores: 8, quota: 2.5, memoryMiB: 5120, workers: 2),
        Machine(
            name: "version 2, a parent that allows less",
            files: machine(
                cores: "0-7", memoryKiB: 64 << 20,
                [
                    "/proc/self/cgroup": "0::/a/b\n", "/proc/self/mountinfo": version2Mount,
                    "/sys/fs/cgroup/a/b/cpu.max": "400000 100000\n", "/sys/fs/cgroup/a/cpu.max": "50000 100000\n",
                ]), cores: 8, quota: 0.5, memoryMiB: 65_536, workers: 1),
        Machine(
            name: "version 2 in a container with its own namespace",
            files: machine(
                cores: "0-3", memoryKiB: 64 << 20,
                [
                    "/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": version2Mount,
                    "/sys/fs/cgroup/cpu.max": "300000 100000\n", "/sys/fs/cgroup/memory.max": "2147483648\n",
                ]), cores: 4, quota: 3, memoryMiB: 2048, workers: 2),
        Machine(
            name: "version 1",
            files: machine(
                cores: "0-7", memoryKiB: 64 << 20,
                [
                    "/proc/self/cgroup": "4:memory:/job\n1:cpu,cpuacct:/job\n0::/\n",
                    "/proc/self/mountinfo": version1Mounts,
                    "/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "600000\n",
                    "/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
                    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
                    "/sys/fs/cgroup/memory/job/memory.limit_in_bytes": "4294967296\n",
                    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                ]), cores: 8, quota: 6, memoryMiB: 4096, workers: 4),
        Machine(
            name: "version 1, where the mount shows a part of the hierarchy",
            files: machine(
                cores: "0-7", memoryKiB: 64 << 20,
                [
                    "/proc/self/cgroup": "4:memory:/docker/abc/inner\n",
                    "/proc/self/mountinfo":
                        "35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
                    "/sys/fs/cgroup/memory/inner/memory.limit_in_bytes": "3221225472\n",
                ]), cores: 8, memoryMiB: 3072, workers: 3),
        Machine(name: "no files at all", files: [:], cores: 1, workers: 1),
        Machine(
            name: "files with nonsense",
            files: [
                "/proc/self/status": "Cpus_allowed_list:\t3-1\n", "/proc/meminfo": "MemTotal: many kB\n",
                "/proc/self/cgroup": "::\n0::/../..\n4:cpu:/\n",
                "/proc/self/mountinfo": "a b c - cgroup2\n\(version2Mount)",
                "/sys/fs/cgroup/cpu.max": "-1 0\n", "/sys/fs/cgroup/memory.max": "-5\n",
            ], cores: 1, workers: 1),
    ]

    @Test(arguments: machines)
    func limitsAreFound(_ machine: Machine) {
        let resources = UsableResources { machine.files[$0] }
        #expect(resources.cores == machine.cores)
        #expect(resources.quota == machine.quota)
        #expect(resources.memoryBytes.map { $0 >> 20 } == machine.memoryMiB)
        #expect(resources.workers(bytesPerWorker: 1 << 30).count == machine.workers)
    }

    @Test func thisMachineIsUnderstood() {
        let resources = UsableResources { try? String(contentsOfFile: $0, encoding: .utf8) }
        #expect(resources.cores == ProcessInfo.processInfo.activeProcessorCount)
        #expect((resources.memoryBytes ?? 0) > 64 << 20)
    }
}
