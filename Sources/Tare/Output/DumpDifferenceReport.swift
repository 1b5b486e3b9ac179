import Foundation
import MLU

/// What `tare dump-diff` prints.
struct DumpDifferenceReport: Encodable {
    /// Whether everything agrees within the tolerance.
    let isEqual: Bool
    /// How many of the compared operators do not.
    let differingCalls: Int
    /// What the comparison cannot see; empty when all values were compared.
    let limits: [String]
    /// Everything else.
    let difference: DumpDifference

    init(_ difference: DumpDifference) {
        self.difference = difference
        isEqual = difference.isEqual
        differingCalls =
            difference.calls.count { call in
                !call.result.isWithin(difference.tolerance)
                    || call.worstArgument?.isWithin(difference.tolerance) == false
            }
        let coverages = difference.calls.map(\.result).filter { $0.problem == nil }.map(\.coverage)
        var limits: [String] = []
        let sampled = coverages.count { $0 == .firstValues }
        if sampled > 0 {
            limits.append(
                "\(sampled) of \(coverages.count) results are sampled (level 0): only the first 10 values were compared"
            )
        }
        let sums = coverages.count { $0 == .absoluteSum }
        if sums > 0 {
            limits.append(
                "\(sums) of \(coverages.count) results are sums (level 1): only sums of absolute values were compared")
        }
        self.limits = limits
    }

    /// Lines for people.
    func text(rows: Int) -> String {
        var lines = [summary]
        lines += limits
        lines += Self.list("missing in \(difference.other ?? "the other dump")", difference.missing)
        lines += Self.list("extra in \(difference.other ?? "the other dump")", difference.extra)
        lines += Self.list("unfinished files", difference.unfinished)
        let hasArguments = difference.calls.contains { $0.worstArgument != nil }
        var table = TextTable(
            ["operator", "rel. L2", "max error", "cosine", "NaN", "values"] + (hasArguments ? ["worst argument"] : []))
        for call in difference.calls.prefix(rows) {
            table.append(Self.cells(call) + (hasArguments ? [Self.argument(call.worstArgument)] : []))
        }
        lines += table.lines
        for call in difference.calls.prefix(rows) {
            for file in [call.result, call.worstArgument].compactMap(\.self) {
                if let problem = file.problem { lines.append("\(file.reference): \(problem)") }
            }
        }
        let hidden = difference.calls.count - rows
        if hidden > 0 { lines.append("... and \(hidden) operators that differ less (--rows)") }
        lines += Self.list("not compared", difference.notCompared)
        return lines.joined(separator: "\n")
    }

    private var summary: String {
        let what =
            difference.other.map { "\($0) against \(difference.reference)" }
            ?? "device against host in \(difference.reference)"
        let verdict =
            differingCalls == 0
            ? "all within \(difference.tolerance)" : "\(differingCalls) differ by more than \(difference.tolerance)"
        return "\(what): \(difference.calls.count) operators compared, \(verdict)"
    }

    private static func cells(_ call: DumpDifference.Call) -> [String] {
        let name = call.otherPath.map { "\(call.path) (\($0))" } ?? call.path
        let result = call.result
        if result.problem != nil { return [name, "differs", "-", "-", "-", "-"] }
        let values =
            switch result.coverage {
            case .all: "\(result.values)"
            case .firstValues: "first \(result.values) of \(result.elements)"
            case .absoluteSum: "sum of \(result.elements)"
            }
        return [
            name, number(result.relativeL2), number(result.maximumAbsoluteError),
            result.cosine.map { String(format: "%.6f", $0) } ?? "-",
            "\(result.notANumberMismatches)", values + (result.note.map { " (\($0))" } ?? ""),
        ]
    }

    private static func argument(_ difference: DumpFileDifference?) -> String {
        guard let difference else { return "-" }
        let name = difference.reference.split(separator: "/").last.map(String.init) ?? difference.reference
        return "\(name) \(difference.problem == nil ? number(difference.relativeL2) : "differs")"
    }

    private static func number(_ value: Double) -> String { String(format: "%.3g", value) }

    private static func list(_ title: String, _ names: [String]) -> [String] {
        guard !names.isEmpty else { return [] }
        let shown = names.prefix(10).joined(separator: ", ")
        return ["\(title): \(names.count): \(shown)\(names.count > 10 ? ", ..." : "")"]
    }
}
