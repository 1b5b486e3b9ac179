import Foundation
import TestSupport
import Testing

/// `tare operators` says what Tare does with each operator.
@Suite struct OperatorsTests {
    private static func output(_ arguments: [String]) throws -> String {
        let folder = try TemporaryFolder()
        let outcome = try TareProcess.run(["operators"] + arguments, in: folder.url)
        #expect(outcome.status == 0, "\(outcome.errors)")
        return outcome.output
    }

    @Test func pageIsTheOutputOfTheCommand() throws {
        let page = Fixtures.directory.appending(path: "../../docs/operators.md")
        #expect(try Self.output(["--markdown"]) == String(contentsOf: page, encoding: .utf8))
    }

    @Test func operatorsAreFoundByName() throws {
        let lines = try Self.output(["Conv", "Reduce*", "OneHot", "SequenceAt"]).split(separator: "\n")
        #expect(lines[0].hasPrefix("operator"))
        #expect(lines.count { $0.hasPrefix("Reduce") } == 10)
        #expect(lines.contains { $0.hasPrefix("Conv ") && $0.contains("weight int8 (per channel, axis 0)") })
        #expect(lines.last?.hasPrefix("SequenceAt is refused: ") == true)
        let json = try JSONSerialization.jsonObject(with: Data(try Self.output(["Relu", "--json"]).utf8))
        let operators = (json as? [String: Any])?["operators"] as? [[String: Any]]
        #expect(operators?.map { $0["name"] as? String } == ["Relu"])
        #expect(operators?.first?["opsets"] as? [Int] == [7, 26])
    }

    @Test func unknownNameIsRefused() throws {
        try expectFailure(status: 64, saying: ["'Convolution'"]) { _ in ["operators", "Convolution"] }
        try expectFailure(status: 64, saying: ["exclude each other"]) { _ in ["operators", "--json", "--markdown"] }
    }
}
