import Foundation
import Testing

/// docs/coverage.md says which test proves which row; this keeps it true.
@Suite struct CoverageTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The rows of the CATCH guide and of MegEngine's.
    private static let expectedRows =
        (1...112).map { "C\($0)" } + ["C95b"] + (1...100).map { "M\($0)" } + ["M12b", "M12c", "M12d", "M75b"]

    private struct Row {
        let id: String
        let tests: [String]
        let note: String
    }

    private static func rows() throws -> [Row] {
        let text = try String(contentsOf: root.appending(path: "docs/coverage.md"), encoding: .utf8)
        return text.split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 3, cells[0].wholeMatch(of: /[CM][0-9]+[a-z]?/) != nil else { return nil }
            let names = cells[2].matches(of: /`([A-Za-z0-9]+\.[A-Za-z0-9]+)`/).map { String($0.output.1) }
            return Row(id: cells[0], tests: names, note: cells[2])
        }
    }

    /// All `Suite.function` of the project's test sources.
    private static func existingTests() throws -> Set<String> {
        var result: Set<String> = []
        let folder = root.appending(path: "Tests").resolvingSymlinksInPath()
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            let text = try String(contentsOf: file, encoding: .utf8)
            var suite = ""
            var isTest = false
            for line in text.split(separator: "\n") {
                if let match = line.firstMatch(of: /^(?:@Suite.*?)?\b(?:struct|class|actor|extension) ([A-Za-z0-9]+)/) {
                    suite = String(match.output.1)
                }
                if line.contains("@Test") { isTest = true }
                if isTest, let match = line.firstMatch(of: /func ([A-Za-z0-9]+)/) {
                    result.insert("\(suite).\(match.output.1)")
                    isTest = false
                }
            }
        }
        return result
    }

    @Test func everyRowIsThereOnce() throws {
        let ids = try Self.rows().map(\.id)
        #expect(ids.sorted() == Self.expectedRows.sorted())
    }

    @Test func everyNamedTestExists() throws {
        let existing = try Self.existingTests()
        #expect(existing.contains("CoverageTests.everyNamedTestExists"))
        for row in try Self.rows() {
            for test in row.tests { #expect(existing.contains(test), "\(row.id) names \(test), which does not exist") }
            // A row without a test says why.
            #expect(!row.tests.isEmpty || row.note.count > 20, "\(row.id) has neither a test nor a reason")
        }
    }
}
