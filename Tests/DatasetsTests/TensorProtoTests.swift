import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct TensorProtoTests {
    /// The bytes of a `TensorProto` with raw data.
    private func proto(_ tensor: Tensor, type: UInt8, name: String = "") -> [UInt8] {
        var bytes: [UInt8] = []
        for extent in tensor.shape.dimensions { bytes += [0x08, UInt8(extent)] }
        bytes += [0x10, type]
        if !name.isEmpty { bytes += [0x42, UInt8(name.utf8.count)] + Array(name.utf8) }
        let raw = tensor.storage.copyBytes()
        return bytes + [0x4A, UInt8(raw.count)] + raw
    }

    private func entry(_ sample: RawSample, _ name: String?) -> Tensor? {
        guard case .arrays(let entries) = sample.content else { return nil }
        return entries.first { $0.name == name }?.tensor
    }

    private func write(_ bytes: [UInt8], _ folder: TemporaryFolder, _ name: String) throws {
        let url = folder.url.appending(path: name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }

    @Test func foldersOfTestDataFollowEachOtherByNumber() throws {
        let folder = try TemporaryFolder()
        for set in [0, 2, 10] {
            let x = Tensor(shape: [2, 2], elements: (0..<4).map { Float(set * 10 + $0) })
            let ids = Tensor(shape: [2], elements: [Int64(set), Int64(set + 1)])
            try write(proto(x, type: 1, name: "x"), folder, "test_data_set_\(set)/input_0.pb")
            try write(proto(ids, type: 7), folder, "test_data_set_\(set)/input_1.pb")
            try write([1, 2, 3], folder, "test_data_set_\(set)/output_0.pb")
        }
        try write([1], folder, "model.onnx")
        let source = try DatasetSource(paths: [folder.url.path], arrays: ["x", "ids"])
        #expect(source.sampleCount == 6)
        let last = try source.readRaw(5)
        #expect(entry(last, "x")?.elements(as: Float.self) == [102, 103])
        #expect(entry(last, "ids") == Tensor(scalar: Int64(11)))
        #expect(entry(try source.readRaw(2), "x")?.elements(as: Float.self) == [20, 21])
        let manifest = try source.manifest()
        #expect(manifest.sampleCount == 6)
        #expect(manifest.files.count == 6)
    }

    @Test func typedFieldsAreReadAsONNXWritesThem() throws {
        guard let python = PythonOracle.interpreter() else { return }
        let folder = try TemporaryFolder()
        let script = """
            import sys, numpy
            from onnx import TensorProto, helper
            kinds = [TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16,
                     TensorProto.INT32, TensorProto.INT64, TensorProto.UINT32, TensorProto.UINT64]
            for i, kind in enumerate(kinds):
                values = [0, 1, 2, 3, 100, 127] if kind in (TensorProto.UINT8, TensorProto.UINT32, TensorProto.UINT64) \\
                    else [0, -1, 2, -3, 100, 127]
                tensor = helper.make_tensor(f"t{i}", kind, [2, 3], values)
                open(f"{sys.argv[1]}/input_{i}.pb", "wb").write(tensor.SerializeToString())
            """
        let outcome = try PythonOracle.run(python, script: script, arguments: [folder.url.path])
        try #require(outcome.status == 0, "\(outcome.output)")
        let sample = try DatasetSource(paths: [folder.url.path]).readRaw(1)
        #expect(entry(sample, "t0")?.elements(as: Float.self) == [-3, 100, 127])
        #expect(entry(sample, "t1")?.elements(as: Double.self) == [-3, 100, 127])
        #expect(entry(sample, "t2")?.elements(as: Int8.self) == [-3, 100, 127])
        #expect(entry(sample, "t3")?.elements(as: UInt8.self) == [3, 100, 127])
        #expect(entry(sample, "t4")?.elements(as: Int16.self) == [-3, 100, 127])
        #expect(entry(sample, "t5")?.elements(as: Int32.self) == [-3, 100, 127])
        #expect(entry(sample, "t6")?.elements(as: Int64.self) == [-3, 100, 127])
        #expect(entry(sample, "t7")?.elements(as: UInt32.self) == [3, 100, 127])
        #expect(entry(sample, "t8")?.elements(as: UInt64.self) == [3, 100, 127])
    }

    @Test func damagedFilesAreErrorsAndNeverCrash() throws {
        let folder = try TemporaryFolder()
        let seed: UInt64 = 0x7A2E_0063
        var generator = SeededGenerator(seed: seed)
        let original = proto(Tensor(shape: [2, 3], elements: (0..<6).map { Float($0) }), type: 1, name: "x")
        for length in 0..<original.count {
            try write(Array(original[..<length]), folder, "input_0.pb")
            #expect(throws: DatasetError.self, "length \(length)") { try DatasetSource(paths: [folder.url.path]) }
        }
        for _ in 0..<2000 {
            var bytes = original
            for _ in 0..<2 {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            try write(bytes, folder, "input_0.pb")
            guard let source = try? DatasetSource(paths: [folder.url.path]) else { continue }
            for index in 0..<min(source.sampleCount, 10) { _ = try? source.readRaw(index) }
        }
    }
}
