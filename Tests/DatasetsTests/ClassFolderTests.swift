import Foundation
import TestSupport
import Testing

@testable import Datasets

@Suite struct ClassFolderTests {
    private func folder(_ names: [String]) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let png = try ImageDecoderTests.bytes("gray.png")
        for name in names {
            let url = folder.url.appending(path: name)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(png).write(to: url)
        }
        return folder
    }

    @Test func labelsFollowTheNamesOfTheFoldersAndTheOrderOfTheSamples() throws {
        let folder = try folder(["dog/2.png", "cat/b/1.png", "cat/a.png", "Zebra/1.png"])
        try FileManager.default.createDirectory(
            at: folder.url.appending(path: "ant"), withIntermediateDirectories: true)
        let source = try DatasetSource(paths: [folder.url.path])
        let labels = try Labels.classFolders([folder.url.path])
        // Zebra, ant (empty), cat, dog.
        #expect(labels == [0, 2, 2, 3])
        #expect((0..<4).map { source.name(of: $0).split(separator: "/").last } == ["1.png", "a.png", "1.png", "2.png"])
    }

    @Test func aFileGivesTheClassesAnotherOrder() throws {
        let folder = try folder(["dog/2.png", "cat/1.png"])
        let names = try TemporaryFolder()
        let classes = try names.file("classes.txt", Array("dog\nant\ncat\n".utf8))
        #expect(try Labels.classFolders([folder.url.path], classes: classes) == [2, 0])
        let short = try names.file("short.txt", Array("dog\n".utf8))
        let error = #expect(throws: DatasetError.self) {
            try Labels.classFolders([folder.url.path], classes: short)
        }
        #expect(error?.description.contains("'cat' is no class of \(short)") == true)
        for (text, reason) in [
            ("dog\ndog\ncat", "lines 1 and 2 both name the class 'dog'"), ("dog\n\nant\ncat\n", "line 2 is empty"),
            ("dog\r\n \r\ncat", "line 2 is empty"), ("dog\ncat\n\n", "line 3 is empty"), ("", "names no class"),
        ] {
            let error = #expect(throws: DatasetError.self) {
                try Labels.classFolders([folder.url.path], classes: names.file("wrong.txt", Array(text.utf8)))
            }
            #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
        }
        let windows = try names.file("windows.txt", Array("dog\r\nant\r\ncat\r\n".utf8))
        #expect(try Labels.classFolders([folder.url.path], classes: windows) == [2, 0])
    }

    @Test func imagesOutsideOfFoldersHaveNoClass() throws {
        let folder = try folder(["dog/2.png", "1.png"])
        let error = #expect(throws: DatasetError.self) { try Labels.classFolders([folder.url.path]) }
        #expect(error?.description.contains("1.png: it lies in no folder of a class") == true)
    }
}
