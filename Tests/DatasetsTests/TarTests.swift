import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct TarTests {
    private func array(_ value: Float) -> [UInt8] {
        NPYFile.encode(Tensor(shape: [2], elements: [value, -value]))
    }

    /// An archive of `count` samples with an array `x`, a label and a description.
    private func archive(_ count: Int) -> [UInt8] {
        var tar = TarBuilder()
        tar.add("shard/", [], type: "5")
        for index in 0..<count {
            tar.add("shard/s\(index).x.npy", array(Float(index)))
            tar.add("shard/._s\(index).x.npy", [1, 2])
            tar.add("shard/s\(index).cls", Array("\(index % 3)\n".utf8))
            tar.add("shard/s\(index).json", Array("{\"label\": \(index * 2), \"text\": \"a\"}".utf8))
        }
        return tar.finished
    }

    private func elements(_ sample: RawSample, _ name: String?) -> [Float]? {
        guard case .arrays(let entries) = sample.content else { return nil }
        return entries.first { $0.name == name }?.tensor.elements(as: Float.self)
    }

    @Test func plainAndCompressedArchivesGiveTheSameSamplesInAnyOrder() throws {
        let folder = try TemporaryFolder()
        let bytes = archive(300)
        let files = [
            "plain.tar": bytes, "packed.tar.gz": Compressed.gzip(bytes), "packed.tar.zst": Compressed.zstandard(bytes),
        ]
        for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
            let path = try folder.file(name, bytes)
            let source = try DatasetSource(paths: [path], arrays: ["x"])
            #expect(source.sampleCount == 300)
            #expect(source.isSpooled == (name != "plain.tar"))
            #expect(source.content == .arrays([DatasetArray(name: "x", elementType: .float32, shape: [2])]))
            #expect(source.ignoredArrays == ["cls", "json"])
            for index in [299, 0, 17, 150, 1] {
                #expect(elements(try source.readRaw(index), "x") == [Float(index), -Float(index)], "\(name) \(index)")
            }
            #expect(source.name(of: 2) == "\(path)[shard/s2]")
            #expect(try Labels.read(path: path, array: "cls") == (0..<300).map { $0 % 3 })
            #expect(try Labels.read(path: path, array: "json:label") == (0..<300).map { $0 * 2 })
            #expect(try source.manifest().files.map(\.sampleCount) == [300])
        }
    }

    @Test func tarOfPythonWithLongNamesIsRead() throws {
        guard let python = PythonOracle.interpreter() else { return }
        let folder = try TemporaryFolder()
        let script = """
            import io, sys, tarfile, numpy
            for form, name in ((tarfile.PAX_FORMAT, "pax"), (tarfile.GNU_FORMAT, "gnu")):
                with tarfile.open(f"{sys.argv[1]}/{name}.tar", "w", format=form) as tar:
                    for i in range(5):
                        data = io.BytesIO()
                        numpy.save(data, numpy.full((3,), i, "float32"))
                        info = tarfile.TarInfo("f" * 120 + f"/\\u00e9{i}.npy")
                        info.size = len(data.getvalue())
                        tar.addfile(info, io.BytesIO(data.getvalue()))
            """
        let outcome = try PythonOracle.run(python, script: script, arguments: [folder.url.path])
        try #require(outcome.status == 0, "\(outcome.output)")
        for name in ["pax", "gnu"] {
            let source = try DatasetSource(paths: [folder.path("\(name).tar")], arrays: ["x"])
            #expect(source.sampleCount == 5)
            for index in 0..<5 {
                #expect(elements(try source.readRaw(index), nil) == [Float](repeating: Float(index), count: 3))
            }
            #expect(source.name(of: 4).hasSuffix("/\u{e9}4]"))
        }
    }

    @Test func joinedArchivesAreOne() throws {
        let folder = try TemporaryFolder()
        var second = TarBuilder()
        second.add("other.x.npy", array(7))
        let source = try DatasetSource(paths: [folder.file("a.tar", archive(2) + second.finished)], arrays: ["x"])
        #expect(source.sampleCount == 3)
        #expect(elements(try source.readRaw(2), "x") == [7, -7])
    }

    @Test func imagesAloneAndWithArraysReachTheirInputs() throws {
        let folder = try TemporaryFolder()
        let png = try ImageDecoderTests.bytes("gray.png")
        var tar = TarBuilder()
        for index in 0..<2 {
            tar.add("s\(index).jpg", png)
            tar.add("s\(index).ids.npy", NPYFile.encode(Tensor(shape: [2], elements: [Int64(index), 5])))
        }
        let path = try folder.file("a.tar", tar.finished)
        let alone = try DatasetSource(paths: [path], arrays: ["image"])
        #expect(alone.content == .images)
        #expect(try alone.readRaw(1).content == .image(png))

        let decoder = try SampleDecoder(
            inputs: [
                InputSignature(name: "pixels", elementType: .float32, sampleDimensions: [1, 4, 4]),
                InputSignature(name: "ids", elementType: .int64, sampleDimensions: [2]),
            ],
            preprocessing: Preprocessing(
                yaml: "inputs:\n  pixels: {source: jpg, channels: gray, resize: [4, 4]}", source: "p.yaml"))
        let both = try DatasetSource(paths: [path], arrays: decoder.arrayNames)
        try decoder.check(both.content)
        let raw = try both.readRaw(1)
        let travelled = try RawSample(decoding: raw.encoded())
        #expect(travelled == raw)
        let sample = try decoder.decode(travelled)
        #expect(sample.tensors["pixels"]?.shape == [1, 4, 4])
        #expect(sample.tensors["ids"]?.elements(as: Int64.self) == [1, 5])
    }

    @Test func whatIsNoDatasetIsRefusedByName() throws {
        let folder = try TemporaryFolder()
        func refusal(_ arrays: [String]? = ["x"], _ fill: (inout TarBuilder) -> Void) throws -> String {
            var tar = TarBuilder()
            fill(&tar)
            let path = try folder.file("a.tar", tar.finished)
            let error = #expect(throws: DatasetError.self) { try DatasetSource(paths: [path], arrays: arrays) }
            return error?.description ?? ""
        }
        let x = array(1)
        #expect(try refusal { $0.add("README", [1]) }.contains("'README' has no ending"))
        #expect(try refusal { $0.add("a.npy", [], type: "2") }.contains("a link"))
        #expect(try refusal { $0.add("a.cls", [1]) }.contains("only: cls"))
        #expect(
            try refusal {
                $0.add("a.npy", x)
                $0.add("b.npy", x)
                $0.add("a.cls", x)
            }.contains("follow each other"))
        #expect(
            try refusal {
                $0.add("a.npy", x)
                $0.add("a.npy", x)
            }.contains("two members"))
        #expect(
            try refusal(["x", "y"]) {
                $0.add("a.x.npy", x)
                $0.add("a.z.npy", x)
            }.contains("only: x, z"))
        #expect(try refusal { $0.add("a.npy", x, size: 1 << 32) }.contains("a.tar"))
        #expect(try refusal { $0.add("a.npy", [1, 2, 3]) }.contains("[a]"))
    }

    @Test func namesOfInputsKeepTheirLettersAndFormatsDoNot() throws {
        let folder = try TemporaryFolder()
        var tar = TarBuilder()
        for index in 0..<2 {
            tar.add("s\(index).Input3.NPY", array(Float(index)))
            tar.add("s\(index).input3.npy", array(9))
            tar.add("s\(index).Target.CLS", Array("\(index + 4)".utf8))
        }
        let path = try folder.file("a.tar", tar.finished)
        let source = try DatasetSource(paths: [path], arrays: ["Input3"])
        #expect(elements(try source.readRaw(1), "Input3") == [1, -1])
        #expect(try Labels.read(path: path, array: "Target.cls") == [4, 5])
        #expect(try Labels.read(path: path, array: "Target.CLS") == [4, 5])
    }

    @Test func inputsAreTakenByNameAndNotByNumber() throws {
        let folder = try TemporaryFolder()
        let png = try ImageDecoderTests.bytes("gray.png")
        var tar = TarBuilder()
        tar.add("s.x.npy", array(1))
        tar.add("s.x.png", png)
        tar.add("s.y.npy", array(2))
        let path = try folder.file("a.tar", tar.finished)
        #expect(elements(try DatasetSource(paths: [path], arrays: ["y"]).readRaw(0), "y") == [2, -2])
        for wanted in [["x"], ["y", "x"], nil] {
            let error = #expect(throws: DatasetError.self) { try DatasetSource(paths: [path], arrays: wanted) }
            #expect(error?.description.contains("both 'x.npy' and 'x.png' are called 'x'") == true)
        }
        let missing = #expect(throws: DatasetError.self) { try DatasetSource(paths: [path], arrays: ["y", "z"]) }
        #expect(missing == .missingArray(path: "\(path)[s]", name: "z", available: ["x", "x", "y"]))

        // In the order of the inputs, so that archives of another order can follow each other.
        var other = TarBuilder()
        other.add("s.b.npy", array(1))
        other.add("s.a.npy", array(2))
        var third = TarBuilder()
        third.add("s.a.npy", array(3))
        third.add("s.b.npy", array(4))
        let both = try DatasetSource(
            paths: [folder.file("b.tar", other.finished), folder.file("c.tar", third.finished)], arrays: ["a", "b"])
        #expect(elements(try both.readRaw(0), "a") == [2, -2])
        #expect(elements(try both.readRaw(1), "a") == [3, -3])
    }

    @Test func aDamagedArchiveIsNotTakenForSomethingElse() throws {
        let folder = try TemporaryFolder()
        // A description of the first member that is cut off.
        var tar = TarBuilder()
        tar.add("pax", Array("11 path=x\n".utf8), type: "x", size: 4000)
        for (name, bytes) in [
            ("a.tar.gz", Compressed.gzip(tar.bytes)), ("a.tar.zst", Compressed.zstandard(tar.bytes)),
        ] {
            let path = try folder.file(name, bytes)
            let error = #expect(throws: DatasetError.self) { try DatasetSource(paths: [path], arrays: ["x"]) }
            #expect(error?.description.contains("the tar archive is damaged") == true, "\(String(describing: error))")
            let labels = #expect(throws: DatasetError.self) { try Labels.read(path: path, array: "cls") }
            #expect(labels?.description.contains("the tar archive is damaged") == true)
        }
        let other = try folder.file("b.zst", Compressed.zstandard([UInt8](repeating: 65, count: 2000)))
        let error = #expect(throws: DatasetError.self) { try DatasetSource(paths: [other]) }
        #expect(error?.description.contains("no tar archive") == true, "\(String(describing: error))")
    }

    @Test func aLabelInJSONIsAWholeNumber() throws {
        let folder = try TemporaryFolder()
        for (text, label) in [
            ("3", 3), ("-1", -1), ("4.0", 4), ("true", nil), ("false", nil), ("1.5", nil), ("\"3\"", nil), ("[1]", nil),
            ("null", nil), ("99999999999999999999", nil),
        ] as [(String, Int?)] {
            var tar = TarBuilder()
            tar.add("s.json", Array("{\"other\": [{}, true], \"label\": \(text)}".utf8))
            let path = try folder.file("a.tar", tar.finished)
            if let label {
                #expect(try Labels.read(path: path, array: "json:label") == [label])
            } else {
                let error = #expect(throws: DatasetError.self, "\(text)") {
                    try Labels.read(path: path, array: "json:label")
                }
                #expect(error?.description.contains("no whole number under the key 'label'") == true)
            }
        }
    }

    @Test func aSampleWithoutItsMemberIsBadAndTheOthersAreNot() throws {
        let folder = try TemporaryFolder()
        var tar = TarBuilder()
        tar.add("a.npy", array(1))
        tar.add("b.txt", [1])
        tar.add("c.npy", array(3))
        let source = try DatasetSource(paths: [folder.file("a.tar", tar.finished)], arrays: ["x"])
        let error = #expect(throws: DatasetError.self) { try source.readRaw(1) }
        #expect(error?.concernsOneSample == true)
        #expect(error?.description.contains("[b]") == true)
        #expect(elements(try source.readRaw(2), nil) == [3, -3])
    }

    @Test func aDecompressionBombIsRefused() throws {
        let folder = try TemporaryFolder()
        var tar = TarBuilder()
        tar.add("a.npy", array(1))
        let start = tar.bytes + TarBuilder.header("b.npy", byteCount: 1 << 30)
        let path = try folder.file("bomb.tar.zst", Compressed.zstandard(start, zeroBlocks: 1024))
        let error = #expect(throws: DatasetError.self) { try DatasetSource(paths: [path], arrays: ["x"]) }
        #expect(error?.description.contains("decompression bomb") == true)
        #expect(error?.description.contains("more than 1000 times") == true)
    }

    @Test func theChecksumOfAGzipFileIsLookedAt() throws {
        let folder = try TemporaryFolder()
        var bytes = Compressed.gzip(archive(20))
        // Of the checksum itself, so that the content is as it was.
        bytes[bytes.count - 8] ^= 1
        let source = try DatasetSource(paths: [folder.file("a.tar.gz", bytes)], arrays: ["x"])
        let error = #expect(throws: DatasetError.self) { try source.manifest() }
        #expect(error?.description.contains("checksum") == true)
    }

    @Test func howFarAnArchiveIsDecompressedIsTold() throws {
        let folder = try TemporaryFolder()
        let bytes = archive(50)
        for (name, bytes) in [("a.tar.gz", Compressed.gzip(bytes)), ("a.tar.zst", Compressed.zstandard(bytes))] {
            let path = try folder.file(name, bytes)
            var told: [SpoolProgress] = []
            _ = try DatasetSource(paths: [path], arrays: ["x"]) { told.append($0) }
            #expect(told.allSatisfy { $0.name == path && $0.totalByteCount == bytes.count })
            #expect(told.last?.sampleCount == 50 && told.last.map { $0.byteCount <= bytes.count } == true)
            #expect(zip(told, told.dropFirst()).allSatisfy { $0.byteCount <= $1.byteCount })
            var labelled = 0
            _ = try Labels.read(path: path, array: "cls") { labelled = $0.sampleCount }
            #expect(labelled == 50)
        }
        _ = try DatasetSource(paths: [folder.file("a.tar", bytes)], arrays: ["x"]) { _ in
            Issue.record("A plain archive is read in place")
        }
    }

    @Test func temporaryFilesHaveALimit() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("a.tar.gz", Compressed.gzip(archive(100)))
        let error = #expect(throws: DatasetError.self) {
            try DatasetSource(paths: [path], arrays: ["x"], spoolLimit: 4096)
        }
        #expect(error?.description.contains("more than 4096 bytes") == true)
        #expect(error?.description.contains("--spool-limit") == true)
    }

    @Test func damagedArchivesAreErrorsAndNeverCrash() throws {
        let folder = try TemporaryFolder()
        let seed: UInt64 = 0x7A2E_0061
        var generator = SeededGenerator(seed: seed)
        let plain = archive(4)
        for original in [plain, Compressed.gzip(plain), Compressed.zstandard(plain)] {
            for _ in 0..<150 {
                var bytes = original
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                }
                if Bool.random(using: &generator) {
                    bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator))
                }
                let path = try folder.file("mutated", bytes)
                guard let source = try? DatasetSource(paths: [path], arrays: ["x"]) else { continue }
                for index in 0..<min(source.sampleCount, 50) { _ = try? source.readRaw(index) }
            }
        }
    }
}
