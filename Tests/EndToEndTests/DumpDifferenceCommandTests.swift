import Foundation
import TestSupport
import Testing

/// `tare dump-diff` as a process: what it prints and how it ends.
@Suite struct DumpDifferenceCommandTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func write(_ values: [String], to path: String) throws {
        let url = folder.url.appending(path: path)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        let header = "Tensor : Type = Float : Shape = [\(values.count)] : Dumped = \(values.count)"
        try Data(([header] + values + [""]).joined(separator: "\n").utf8).write(to: url)
    }

    private func run(_ arguments: String...) throws -> TareProcess.Outcome {
        try TareProcess.run(["dump-diff"] + arguments, in: folder.url)
    }

    @Test func statusTellsEqualFromDifferentFromUnreadable() throws {
        for name in ["a", "b"] {
            try write(["1", "2"], to: "\(name)/1_relu/cnnl_result")
            try write(["1", name == "a" ? "2" : "2.5"], to: "\(name)/2_add/cnnl_result")
        }
        let (a, b) = (folder.path("a"), folder.path("b"))
        let equal = try run(a, a)
        #expect(equal.status == 0 && equal.output.contains("2 operators compared, all within"), "\(equal)")
        let different = try run(a, b)
        #expect(different.status == 1 && different.output.contains("1 differ by more than 1e-05"), "\(different)")
        let lines = different.output.split(separator: "\n")
        #expect(lines.contains { $0.hasPrefix("2_add") } && different.errors.isEmpty)
        #expect(try run(a, b, "--tolerance", "0.5").status == 0)

        let host = try run(a)
        #expect(host.status == 65 && host.errors.contains("no operator has both"))
        #expect(try run(folder.path("nowhere"), b).status == 66)
        #expect(try run(a, b, "--tolerance", "-1").status == 64)
        try Data("Tensor : Type = Float : Shape = [2] : Dumped = 2\n1\n".utf8).write(
            to: folder.url.appending(path: "a/1_relu/cnnl_result"))
        let damaged = try run(b, a)
        #expect(damaged.status == 65 && damaged.errors.contains("a/1_relu/cnnl_result, line 3"), "\(damaged)")
    }

    @Test func deviceAgainstHostAsJSON() throws {
        try write(["3", "4"], to: "dump/1_relu/cpu_result")
        try write(["4", "3"], to: "dump/1_relu/cnnl_result")
        let outcome = try run(folder.path("dump"), "--json")
        #expect(outcome.status == 1)
        let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        let difference = try #require(object?["difference"] as? [String: Any])
        let calls = try #require(difference["calls"] as? [[String: Any]])
        let result = try #require(calls.first?["result"] as? [String: Any])
        #expect(object?["isEqual"] as? Bool == false && object?["differingCalls"] as? Int == 1)
        #expect(result["maximumAbsoluteError"] as? Double == 1 && result["coverage"] as? String == "all")
    }
}
