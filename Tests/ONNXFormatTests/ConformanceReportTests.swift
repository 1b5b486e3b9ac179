import Foundation
import TestSupport
import Testing

/// Counts what Tare makes of all single-operator cases of the pip package onnx: `make conformance`.
@Suite struct ConformanceReportTests {
    /// How many of the cases that ONNX Runtime passes must pass here too.
    private static let bar = 1288

    /// Outcomes of a category.
    private struct Counts {
        var cases = 0
        var runtimePasses = 0
        var passes = 0
        var bothPass = 0
        var failures = 0
        var refusals = 0

        mutating func add(_ outcome: ConformanceOutcome, runtimePassed: Bool) {
            cases += 1
            if runtimePassed { runtimePasses += 1 }
            switch outcome {
            case .passed:
                passes += 1
                if runtimePassed { bothPass += 1 }
            case .failed: failures += 1
            case .refused: refusals += 1
            }
        }

        func row(_ title: String) -> String {
            let numbers = [cases, passes, failures, refusals, runtimePasses, bothPass]
            return title.padding(toLength: 20, withPad: " ", startingAt: 0)
                + numbers.map { String(repeating: " ", count: max(9 - "\($0)".count, 1)) + "\($0)" }.joined()
        }
    }

    @Test func casesOfThePackageAreCounted() throws {
        guard let path = ProcessInfo.processInfo.environment["TARE_CONFORMANCE"] else {
            FileHandle.standardError.write(
                Data("SKIPPED casesOfThePackageAreCounted: 'make conformance' makes the cases and runs it\n".utf8))
            return
        }
        let folder = URL(filePath: path)
        let cases = try JSONDecoder().decode(
            [ConformanceCase].self, from: try Data(contentsOf: folder.appending(path: "index.json")))
        var (all, byCategory) = (Counts(), [String: Counts]())
        var reasons: [String] = []
        for conformanceCase in cases {
            let outcome = ConformanceOutcome(conformanceCase, .accelerated, in: folder)
            let runtimePassed = conformanceCase.runtimeVerdict.hasPrefix("pass")
            all.add(outcome, runtimePassed: runtimePassed)
            byCategory[conformanceCase.category, default: Counts()].add(outcome, runtimePassed: runtimePassed)
            guard let reason = outcome.reason else { continue }
            let word = if case .refused = outcome { "refused" } else { "failed" }
            reasons.append(
                "\(word) \(runtimePassed ? "" : "(as by ONNX Runtime) ")\(conformanceCase.name) "
                    + "(\(conformanceCase.operatorName)): \(reason)")
        }
        let title = "category                cases   passed   failed  refused  runtime     both"
        let rows = byCategory.sorted { $0.key < $1.key }.map { $0.value.row($0.key) }
        let report = (reasons.sorted() + [title] + rows + [all.row("all")]).joined(separator: "\n") + "\n"
        FileHandle.standardError.write(Data(report.utf8))
        #expect(all.bothPass >= Self.bar)
        // An element type that an operator does not take is refused before anything is computed.
        #expect(!reasons.contains { $0.hasPrefix("failed") && $0.contains("unsupported type") })
    }
}
