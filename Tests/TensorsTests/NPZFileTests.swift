import Foundation
import TestSupport
import Testing

@testable import Tensors

@Suite struct NPZFileTests {
    private static let expected = Tensor(shape: [2, 3, 4], elements: (0..<24).map { Float($0) })

    private func path(_ name: String) -> String {
        Fixtures.directory.appending(path: "tensors/\(name)").path
    }

    @Test(arguments: ["stored.npz", "deflated.npz", "data_descriptors.npz", "zip64.npz", "zip64_directory.npz"])
    func everyKindOfArchiveReadsTheSame(name: String) throws {
        let file = try NPZFile(path: path(name))
        #expect(try file.tensor("x") == Self.expected)
        let array = try file.array("x")
        #expect(array.rowCount == 2)
        #expect(try array.row(1) == Self.expected.slice(outermost: 1..<2).reshaped(to: [3, 4]))
        #expect(try array.row(0) == Self.expected.slice(outermost: 0..<1).reshaped(to: [3, 4]))
        try array.verify()
    }

    @Test func anAbsentNameListsTheOthers() throws {
        let file = try NPZFile(path: path("stored.npz"))
        let error = #expect(throws: TensorFileError.self) { try file.tensor("y") }
        #expect(error?.reason == .missingMember(available: ["label", "x"]))
    }

    @Test(arguments: [NPZFile.Compression.stored, .deflated])
    func archivesAreReproducibleAndNumPyReadsThem(compression: NPZFile.Compression) throws {
        let folder = try TemporaryFolder()
        let tensors = [
            "b": Self.expected, "a/ü": Tensor(scalar: Int8(-3)), "none": Tensor(zeros: [0, 2], elementType: .bool),
        ]
        try NPZFile.write(tensors, to: folder.path("1.npz"), compression: compression)
        try NPZFile.write(tensors, to: folder.path("2.npz"), compression: compression)
        #expect(
            try Data(contentsOf: folder.url.appending(path: "1.npz"))
                == Data(contentsOf: folder.url.appending(path: "2.npz")))
        #expect(try NPZFile.read(path: folder.path("1.npz")) == tensors)
        #expect(try NPZFile(path: folder.path("1.npz")).names == ["a/ü", "b", "none"])
        let script = """
            import numpy, sys, zipfile
            assert zipfile.ZipFile(sys.argv[1]).testzip() is None
            a = numpy.load(sys.argv[1])
            assert sorted(a.files) == ["a/\\u00fc", "b", "none"], a.files
            assert (a["b"].ravel() == numpy.arange(24)).all() and a["a/\\u00fc"] == -3 and a["none"].shape == (0, 2)
            """
        guard let python = PythonOracle.interpreter() else { return }
        let judged = try PythonOracle.run(python, script: script, arguments: [folder.path("1.npz")])
        #expect(judged.status == 0, "\(judged.output)")
    }

    @Test(arguments: [NPZFile.Compression.stored, .deflated])
    func aFlippedBitIsFound(compression: NPZFile.Compression) throws {
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(seed: 5)
        let noise = (0..<300_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        try NPZFile.write(
            ["x": Tensor(shape: [300, 1000], elements: noise)], to: folder.path("x.npz"), compression: compression)
        var bytes = [UInt8](try Data(contentsOf: folder.url.appending(path: "x.npz")))
        bytes[150_000] ^= 0x10
        let file = try NPZFile(path: folder.file("damaged.npz", bytes))
        let error = #expect(throws: TensorFileError.self) { try file.tensor("x") }
        #expect(error?.member == "x")
        if compression == .stored {
            guard case .checksumMismatch = error?.reason else {
                Issue.record("\(String(describing: error)) is no checksum error")
                return
            }
        }
        #expect(throws: TensorFileError.self) { try file.array("x").verify() }
    }

    @Test func damagedArchivesGiveErrorsAndNeverCrash() throws {
        let folder = try TemporaryFolder()
        let seed: UInt64 = 0x7A2E_0002
        var generator = SeededGenerator(seed: seed)
        for name in ["stored.npz", "deflated.npz", "data_descriptors.npz", "zip64.npz", "zip64_directory.npz"] {
            let original = [UInt8](try Data(contentsOf: URL(filePath: path(name))))
            for length in 0..<original.count {
                let cut = try folder.file("cut.npz", Array(original[..<length]))
                #expect(throws: TensorFileError.self, "\(name) cut to \(length)") { try NPZFile.read(path: cut) }
            }
            for round in 0..<400 {
                var bytes = original
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                }
                let mutated = try folder.file("mutated.npz", bytes)
                if let tensors = try? NPZFile.read(path: mutated), let x = tensors["x"] {
                    // Whatever still reads must be what was written: the checksum covers header and elements.
                    #expect(x == Self.expected, "\(name), seed \(seed), round \(round)")
                }
            }
        }
    }
}
