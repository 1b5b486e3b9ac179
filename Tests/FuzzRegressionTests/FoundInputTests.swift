import Foundation
import FuzzEntries
import TestSupport
import Testing

/// What libFuzzer found once: each input in `Tests/Fixtures/fuzz/TARGET` made a reader trap, hang or take all memory.
@Suite struct FoundInputTests {
    private static let folder = Fixtures.directory.appending(path: "fuzz")

    /// Every input, by the folder and the name of its file.
    private static func inputs() throws -> [String] {
        try FuzzTarget.allCases.flatMap { target in
            let folder = folder.appending(path: target.rawValue)
            guard FileManager.default.fileExists(atPath: folder.path) else { return [String]() }
            return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map {
                "\(target.rawValue)/\($0)"
            }
        }
    }

    @Test func everyFolderIsThatOfATarget() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        #expect(names.allSatisfy { FuzzTarget(rawValue: $0) != nil }, "\(names)")
    }

    /// A trap ends the process, and so the test; an endless loop reaches the limit.
    @Test(.timeLimit(.minutes(1)), arguments: try inputs())
    func isRefusedOrRead(input: String) throws {
        let target = try #require(FuzzTarget(rawValue: String(input.prefix { $0 != "/" })))
        try target.read([UInt8](Data(contentsOf: Self.folder.appending(path: input))))
    }
}
