import MLU

/// A cycle report for people.
struct DeviceProfile {
    let report: CycleReport

    /// A line of totals, then one line for each kernel and copy.
    var lines: [String] {
        var table = TextTable(["name", "operator", "products", "bytes", "cycles", "share", "utilization"])
        for row in report.rows {
            table.append([
                row.name, row.operation, "\(row.products)", "\(row.bytes)", "\(row.cycles)",
                percent(Double(row.cycles) / Double(max(report.totalCycles, 1))),
                row.products > 0 ? percent(row.utilization) : "",
            ])
        }
        let total =
            "device \(report.device): \(report.totalCycles) cycles (\(milliseconds) ms), \(report.kernelCycles) in kernels, "
            + "\(report.transferredBytes) bytes over the link, utilization \(percent(report.utilization)), "
            + "at most \(report.peakMemoryBytes) bytes of memory"
        return [total] + table.lines
    }

    private var milliseconds: String {
        let thousandths = Int((report.seconds * 1e6).rounded())
        let digits = "\(thousandths % 1000)"
        return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
    }

    private func percent(_ share: Double) -> String {
        let tenths = Int((share * 1000).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
    }
}
