import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct FrameTests {
    /// Gives bytes in pieces of at most `size`, and counts how many were asked for.
    private final class Pipe {
        private var bytes: [UInt8]
        private let size: Int
        private(set) var readCount = 0

        init(_ bytes: [UInt8], size: Int = 7) {
            self.bytes = bytes
            self.size = size
        }

        func read() -> [UInt8] {
            let piece = Array(bytes.prefix(size))
            bytes.removeFirst(piece.count)
            readCount += piece.count
            return piece
        }
    }

    private func source(
        _ bytes: [UInt8], arrays: [String]? = ["x"], isBatched: Bool = false, selection: SampleSelection = .all,
        spoolLimit: Int = 1 << 20, size: Int = 7
    ) throws -> DatasetSource {
        let pipe = Pipe(bytes, size: size)
        return try DatasetSource(
            frames: "program", arrays: arrays, isBatched: isBatched, selection: selection, spoolLimit: spoolLimit,
            read: pipe.read)
    }

    private func sample(_ value: Int) -> Tensor { Tensor(shape: [2], elements: [Float(value), Float(-value)]) }

    private func entry(_ sample: RawSample, _ name: String?) -> Tensor? {
        guard case .arrays(let entries) = sample.content else { return nil }
        return entries.first { $0.name == name }?.tensor
    }

    @Test func arraysBackToBackAreSamplesInTheirOrder() throws {
        let bytes = (0..<20).flatMap { NPYFile.encode(sample($0)) }
        for size in [1, 7, 1 << 20] {
            let source = try source(bytes, size: size)
            #expect(source.sampleCount == 20)
            #expect(source.isSpooled)
            for index in [19, 3, 0] {
                #expect(entry(try source.readRaw(index), nil) == sample(index))
                #expect(try source.readRaw(index).name == "program[\(index)]")
            }
        }
    }

    @Test func batchesAreTakenApart() throws {
        let bytes = [2, 3].flatMap { count in
            NPYFile.encode(Tensor(shape: [count, 2], elements: (0..<2 * count).map { Float($0) }))
        }
        let source = try source(bytes, isBatched: true)
        #expect(source.sampleCount == 5)
        #expect(entry(try source.readRaw(4), nil)?.elements(as: Float.self) == [4, 5])
        #expect(entry(try source.readRaw(4), nil)?.shape == [2])
    }

    @Test func theDigestIsThatOfTheData() throws {
        let bytes = (0..<5).flatMap { NPYFile.encode(sample($0)) }
        let digest = try source(bytes).manifest().digest
        #expect(try source(bytes, size: 100).manifest().digest == digest)
        #expect(try source((1..<6).flatMap { NPYFile.encode(sample($0)) }).manifest().digest != digest)
        #expect(try source(bytes).manifest().files.map(\.path) == ["program"])
        #expect(try source(bytes).manifest().sampleCount == 5)
        let drawn = try source(bytes, selection: .random(count: 2, seed: 1)).manifest()
        #expect(drawn.sampleCount == 2 && drawn.digest != digest)
    }

    @Test func nothingIsReadBeyondTheFirstSamples() throws {
        let bytes = (0..<100).flatMap { NPYFile.encode(sample($0)) }
        let pipe = Pipe(bytes, size: 100)
        let source = try DatasetSource(
            frames: "program", arrays: ["x"], isBatched: false, selection: .first(3), spoolLimit: 1 << 20,
            read: pipe.read)
        #expect(source.sampleCount == 3)
        #expect(pipe.readCount < bytes.count / 10)
    }

    @Test func archivesOfNumPyAreReadFromAPipe() throws {
        guard let python = PythonOracle.interpreter() else { return }
        let folder = try TemporaryFolder()
        let script = """
            import os, subprocess, sys
            # Through a real pipe, where numpy cannot go back to note the sizes.
            program = '''
            import numpy, sys
            out = sys.stdout.buffer
            for i in range(4):
                numpy.savez(out, x=numpy.full((2, 3), i, "float32"), ids=numpy.arange(i, i + 2), label=numpy.int64(i))
            '''
            piped = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True).stdout
            open(sys.argv[1] + "/piped", "wb").write(piped)
            import io, numpy
            with open(sys.argv[1] + "/whole", "wb") as file:
                for i in range(4):
                    data = io.BytesIO()
                    numpy.savez(data, x=numpy.full((2, 3), i, "float32"), ids=numpy.arange(i, i + 2), label=numpy.int64(i))
                    file.write(data.getvalue())
            data = io.BytesIO(); numpy.savez_compressed(data, x=numpy.zeros(3))
            open(sys.argv[1] + "/compressed", "wb").write(data.getvalue())
            """
        let outcome = try PythonOracle.run(python, script: script, arguments: [folder.url.path])
        try #require(outcome.status == 0, "\(outcome.output)")
        for name in ["piped", "whole"] {
            let bytes = Array(try Data(contentsOf: folder.url.appending(path: name)))
            let source = try source(bytes, arrays: ["ids", "x"], spoolLimit: 1 << 20)
            #expect(source.sampleCount == 4)
            #expect(source.ignoredArrays == ["label"])
            let sample = try source.readRaw(3)
            #expect(entry(sample, "x") == Tensor(shape: [2, 3], elements: [Float](repeating: 3, count: 6)))
            #expect(entry(sample, "ids")?.elements(as: Int64.self) == [3, 4])
            let labelled = try self.source(bytes, arrays: ["x", "label"])
            #expect(try Labels.read(labelled, array: "label") == [0, 1, 2, 3])
        }
        let compressed = Array(try Data(contentsOf: folder.url.appending(path: "compressed")))
        let error = #expect(throws: DatasetError.self) { try source(compressed) }
        #expect(error?.description.contains("not savez_compressed") == true)
    }

    @Test func whatIsNoFrameIsRefusedByItsNumber() throws {
        let good = NPYFile.encode(sample(1))
        func refusal(_ bytes: [UInt8], arrays: [String]? = ["x"], isBatched: Bool = false) -> String {
            let error = #expect(throws: (any Error).self) {
                try source(bytes, arrays: arrays, isBatched: isBatched)
            }
            return error.map { "\($0)" } ?? ""
        }
        #expect(refusal(good + Array("epoch 1 done\n".utf8)).contains("program, frame 1"))
        #expect(refusal(good + Array("epoch 1 done\n".utf8)).contains("standard error"))
        #expect(refusal(good + good.dropLast()).contains("program, frame 1: the output ends within it"))
        #expect(refusal(good + NPYFile.encode(Tensor(scalar: Int64(1)))).contains("give all samples the same arrays"))
        #expect(refusal(NPYFile.encode(Tensor(scalar: Float(1))), isBatched: true).contains("no batch"))
        #expect(refusal([]).contains("no sample"))
        // So many samples that their numbers alone would fill the memory.
        let empty = good[..<10] + Array("{'descr': '<f4', 'fortran_order': False, 'shape': (60000000, 0), }".utf8)
        #expect(
            refusal(empty + [UInt8](repeating: 0x20, count: 128 - empty.count), isBatched: true)
                .contains("no elements"))
        // A header that announces more than a frame may have is refused before the data come.
        let huge = good[..<10] + Array("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), }".utf8)
        let padded = huge + [UInt8](repeating: 0x20, count: 128 - huge.count)
        #expect(refusal(Array(padded)).contains("larger than"))
    }

    @Test func temporaryFilesHaveALimit() throws {
        let bytes = (0..<100).flatMap { NPYFile.encode(sample($0)) }
        let error = #expect(throws: TensorFileError.self) { try source(bytes, spoolLimit: 500) }
        #expect(error?.description.contains("--spool-limit") == true)
    }

    @Test func damagedFramesAreErrorsAndNeverCrash() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("a.npz")
        try NPZFile.write(["x": sample(1), "y": sample(2)], to: path)
        let original = Array(try Data(contentsOf: URL(filePath: path)))
        #expect(try source(original + original).sampleCount == 2)
        let seed: UInt64 = 0x7A2E_0064
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            var bytes = original + original
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            guard let source = try? source(bytes, size: 64) else { continue }
            for index in 0..<source.sampleCount { _ = try? source.readRaw(index) }
        }
    }
}
