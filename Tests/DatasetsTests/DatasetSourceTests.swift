import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct DatasetSourceTests {
    private let images = Fixtures.directory.appending(path: "images")

    /// An archive of `count` samples: `x` counts up from `start`, `label` is the index.
    private func archive(
        _ folder: TemporaryFolder, _ name: String, count: Int, start: Int = 0,
        compression: NPZFile.Compression = .stored
    ) throws -> String {
        let values = (0..<count * 6).map { Float(start * 6 + $0) }
        let labels = (0..<count).map { Int64(start + $0) }
        try NPZFile.write(
            [
                "x": Tensor(shape: [count, 2, 3], elements: values), "label": Tensor(shape: [count], elements: labels),
            ], to: folder.path(name), compression: compression)
        return folder.path(name)
    }

    private func bytes(_ shape: [UInt32], type: UInt8 = 8, data: [UInt8]) -> [UInt8] {
        [0, 0, type, UInt8(shape.count)]
            + shape.flatMap { extent in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: extent >> $0) } } + data
    }

    private func entry(_ sample: RawSample, _ name: String?) -> Tensor? {
        guard case .arrays(let entries) = sample.content else { return nil }
        return entries.first { $0.name == name }?.tensor
    }

    @Test(arguments: [NPZFile.Compression.stored, .deflated])
    func severalArchivesFollowEachOther(compression: NPZFile.Compression) throws {
        let folder = try TemporaryFolder()
        let paths = [
            try archive(folder, "b.npz", count: 3, compression: compression),
            try archive(folder, "a.npz", count: 4, start: 3, compression: compression),
        ]
        let source = try DatasetSource(paths: paths, arrays: ["x"])
        #expect(source.sampleCount == 7)
        #expect(source.ignoredArrays == ["label"])
        for index in [6, 0, 3, 2, 5, 1, 4] {
            let sample = try source.readRaw(index)
            #expect(entry(sample, "x")?.elements(as: Float.self) == (0..<6).map { Float(index * 6 + $0) })
            #expect(entry(sample, "label") == nil)
        }
        #expect(source.name(of: 4) == "\(paths[1])[1]")
    }

    @Test func anAbsentArrayIsNamedWithTheOnesThatExist() throws {
        let folder = try TemporaryFolder()
        let path = try archive(folder, "a.npz", count: 2)
        let error = #expect(throws: DatasetError.self) { try DatasetSource(paths: [path], arrays: ["pixels"]) }
        #expect(error?.description.contains("'pixels'") == true)
        #expect(error?.description.contains("label, x") == true)
    }

    @Test func filesThatDisagreeAreNoDataset() throws {
        let folder = try TemporaryFolder()
        let path = try archive(folder, "a.npz", count: 2)
        try NPZFile.write(["x": Tensor(zeros: [2, 3], elementType: .int64)], to: folder.path("b.npz"))
        #expect(throws: DatasetError.self) { try DatasetSource(paths: [path, folder.path("b.npz")], arrays: ["x"]) }
        #expect(throws: DatasetError.self) { try DatasetSource(paths: [path, images.path]) }
        try NPZFile.write(
            ["x": Tensor(zeros: [2], elementType: .float32), "y": Tensor(zeros: [3], elementType: .float32)],
            to: folder.path("c.npz"))
        #expect(throws: DatasetError.self) { try DatasetSource(paths: [folder.path("c.npz")]) }
        #expect(throws: DatasetError.self) { try DatasetSource(paths: []) }
        #expect(throws: DatasetError.self) { try DatasetSource(paths: ["/nowhere"]) }
        #expect(throws: DatasetError.self) { try DatasetSource(paths: [folder.file("text.npz", Array("hello".utf8))]) }
    }

    @Test func idxFilesReadPlainAndGzipped() throws {
        let folder = try TemporaryFolder()
        let data = [UInt8](0..<24)
        let plain = try folder.file("images-idx3-ubyte", bytes([2, 3, 4], data: data))
        let zipped = try folder.file("images-idx3-ubyte.gz", Compressed.gzip(bytes([2, 3, 4], data: data)))
        for path in [plain, zipped] {
            let source = try DatasetSource(paths: [path])
            #expect(source.content == .arrays([DatasetArray(name: nil, elementType: .uint8, shape: [3, 4])]))
            #expect(entry(try source.readRaw(1), nil)?.elements(as: UInt8.self) == [UInt8](12..<24))
        }
        let numbers = try folder.file("x.idx", bytes([2], type: 0x0C, data: [0, 0, 1, 2, 0xFF, 0xFF, 0xFF, 0xFE]))
        #expect(try Labels.read(path: numbers) == [258, -2])
    }

    @Test func damagedIDXFilesAreErrorsAndNeverCrash() throws {
        let folder = try TemporaryFolder()
        let seed: UInt64 = 0x7A2E_0006
        var generator = SeededGenerator(seed: seed)
        let plain = bytes([2, 3, 4], data: [UInt8](0..<24))
        for original in [plain, Compressed.gzip(plain)] {
            for length in 0..<original.count {
                let path = try folder.file("cut", Array(original[..<length]))
                #expect(throws: DatasetError.self, "length \(length)") {
                    try DatasetSource(paths: [path]).manifest()
                }
            }
            for _ in 0..<500 {
                var bytes = original
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
                let path = try folder.file("mutated", bytes)
                guard let source = try? DatasetSource(paths: [path]) else { continue }
                for index in 0..<min(source.sampleCount, 50) { _ = try? source.readRaw(index) }
            }
        }
    }

    @Test func aFolderIsOrderedByTheBytesOfItsPaths() throws {
        let folder = try TemporaryFolder()
        let png = try ImageDecoderTests.bytes("gray.png")
        for name in ["b", "B", "a", "z/1"] {
            try FileManager.default.createDirectory(
                at: folder.url.appending(path: name).deletingLastPathComponent(), withIntermediateDirectories: true)
            _ = try folder.file("\(name).PNG", png)
        }
        try FileManager.default.createDirectory(
            at: folder.url.appending(path: "a-b"), withIntermediateDirectories: true)
        _ = try folder.file("a-b/x.jpeg", ImageDecoderTests.bytes("gray.jpg"))
        _ = try folder.file(".hidden", [1])
        let source = try DatasetSource(paths: [folder.url.path])
        let names = (0..<source.sampleCount).map { source.name(of: $0).dropFirst(folder.url.path.count + 1) }
        #expect(names == ["B.PNG", "a-b/x.jpeg", "a.PNG", "b.PNG", "z/1.PNG"])
        #expect(source.content == .images)
        #expect(try source.readRaw(0).content == .image(png))
        _ = try folder.file("z/notes.txt", [1])
        let error = #expect(throws: DatasetError.self) { try DatasetSource(paths: [folder.url.path]) }
        #expect(error?.description.contains("z/notes.txt") == true)
    }

    @Test func aLoopOfLinksEnds() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createSymbolicLink(
            at: folder.url.appending(path: "loop"), withDestinationURL: folder.url)
        #expect(throws: DatasetError.self) { try DatasetSource(paths: [folder.url.path]) }
    }

    @Test func selectionsAreSeededAndInRange() throws {
        #expect(try SampleSelection.all.indices(of: 5) == nil)
        #expect(try SampleSelection.first(3).indices(of: 5) == [0, 1, 2])
        let chosen = try #require(try SampleSelection.random(count: 100, seed: 7).indices(of: 1000))
        #expect(chosen.count == 100 && chosen == Set(chosen).sorted())
        #expect(try SampleSelection.random(count: 100, seed: 7).indices(of: 1000) == chosen)
        #expect(try SampleSelection.random(count: 100, seed: 8).indices(of: 1000) != chosen)
        #expect(try SampleSelection.random(count: 5, seed: 1).indices(of: 5) == [0, 1, 2, 3, 4])
        // The algorithm is part of a result's identity: these numbers must never change.
        #expect(try SampleSelection.random(count: 5, seed: 42).indices(of: 100) == Self.goldenChoice)
        #expect(throws: DatasetError.tooFewSamples(requested: 6, available: 5)) {
            try SampleSelection.first(6).indices(of: 5)
        }
    }

    /// Computed by a Python program of the same definition.
    static let goldenChoice = [21, 48, 63, 93, 99]

    @Test func theManifestIsOverContentsOnly() throws {
        let folder = try TemporaryFolder()
        let other = try TemporaryFolder()
        let first = try archive(folder, "a.npz", count: 5)
        let second = try archive(other, "renamed.npz", count: 5)
        let manifest = try DatasetSource(paths: [first], arrays: ["x"]).manifest()
        #expect(manifest.sampleCount == 5)
        #expect(manifest.files[0].path == first && manifest.files[0].sha256.count == 64)
        #expect(try DatasetSource(paths: [second], arrays: ["x"]).manifest().digest == manifest.digest)
        #expect(try DatasetSource(paths: [first], selection: .first(4)).manifest().digest != manifest.digest)
        let changed = try archive(other, "changed.npz", count: 5, start: 1)
        #expect(try DatasetSource(paths: [changed], arrays: ["x"]).manifest().digest != manifest.digest)
        if let output = try sha256sum(first) { #expect(output == manifest.files[0].sha256) }
    }

    @Test func theManifestOfAFolderListsSelectedFilesOnly() throws {
        let folder = try TemporaryFolder()
        for name in ["a.png", "b.png", "c.png"] { _ = try folder.file(name, ImageDecoderTests.bytes("gray.png")) }
        let manifest = try DatasetSource(paths: [folder.url.path], selection: .first(2)).manifest()
        #expect(manifest.files.map(\.path) == [folder.path("a.png"), folder.path("b.png")])
        #expect(manifest.files.map(\.sampleCount) == [1, 1])
    }

    @Test func theManifestFindsDamageThatRowsDoNotShow() throws {
        let folder = try TemporaryFolder()
        let path = try archive(folder, "a.npz", count: 50)
        var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        bytes[bytes.count / 2 + 300] ^= 1
        let damaged = try folder.file("damaged.npz", bytes)
        let source = try DatasetSource(paths: [damaged])
        #expect(throws: DatasetError.self) { try source.manifest() }
    }

    @Test func labelsRead() throws {
        let folder = try TemporaryFolder()
        let path = try archive(folder, "a.npz", count: 4)
        #expect(try Labels.read(path: path, array: "label") == [0, 1, 2, 3])
        #expect(throws: DatasetError.self) { try Labels.read(path: path, array: "x") }
        #expect(throws: DatasetError.self) { try Labels.read(path: path) }
    }

    @Test func fashionMNISTReads() throws {
        guard let url = Fixtures.shared("data/fashion-mnist/t10k-images-idx3-ubyte.gz") else { return }
        let source = try DatasetSource(paths: [url.path])
        #expect(source.sampleCount == 10_000)
        let last = entry(try source.readRaw(9999), nil)
        let first = entry(try source.readRaw(0), nil)
        #expect(last?.shape == [28, 28] && first?.elements(as: UInt8.self).contains(255) == true)
        #expect(entry(try source.readRaw(9999), nil) == last)
    }

    private func sha256sum(_ path: String) throws -> String? {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/sha256sum")
        process.arguments = [path]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return output.split(separator: " ").first.map(String.init)
    }

    @Test func aChangedFileIsNoticed() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("a.npy")
        try NPYFile.write(Tensor(shape: [4, 6], elements: (0..<24).map(Float.init)), to: path)
        let source = try DatasetSource(paths: [path])
        _ = try source.readRaw(0)
        // The same size, other bytes, in place.
        let file = try FileHandle(forUpdating: URL(filePath: path))
        try file.seek(toOffset: 140)
        try file.write(contentsOf: Data([1, 2, 3, 4]))
        try file.close()
        #expect(throws: DatasetError.changedFile(path: path)) { try source.readRaw(1) }
        let stamps = try JSONDecoder().decode(
            [FileStamp].self, from: JSONEncoder().encode(DatasetSource(paths: [path]).fileStamps))
        for stamp in stamps { try stamp.check() }
        try FileManager.default.removeItem(atPath: path)
        #expect(throws: DatasetError.self) { try stamps[0].check() }
    }
}
