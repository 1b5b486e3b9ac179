import Foundation
import Testing

@testable import Wire

@Suite struct ProtocolDocumentTests {
    /// The lines of a file of the repository.
    private static func lines(_ path: String) throws -> [Substring] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardizedFileURL
        return try String(contentsOf: root.appending(path: path), encoding: .utf8).split(separator: "\n")
    }

    @Test func theTableHasEveryMessageAndNoOther() throws {
        let documented = try Self.lines("docs/protocol.md").compactMap { line -> String? in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            return cells.count == 5 && ["control", "data", "both"].contains(cells[1]) ? cells[0] : nil
        }
        #expect(documented.sorted() == Wire.Message.Kind.allCases.map(\.rawValue).sorted())
    }

    @Test func theSchemaHasEveryMessageAndNoOther() throws {
        let bodies = try Self.lines("Sources/Shared/Wire/tare.proto").compactMap { line -> String? in
            let words = line.split(separator: " ")
            guard words.count == 4, words[2] == "=", let number = Int(words[3].dropLast()), number >= 10 else {
                return nil
            }
            return String(words[0])
        }
        #expect(bodies.sorted() == Wire.Message.Kind.allCases.map(\.rawValue).sorted())
    }
}
