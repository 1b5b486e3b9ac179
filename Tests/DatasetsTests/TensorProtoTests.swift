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

    /// A `TensorProto` with these fields of numbers behind its extents and its type.
    private func typed(_ extents: [UInt8], type: UInt8, _ fields: [UInt8]) -> [UInt8] {
        [0x0A, UInt8(extents.count)] + extents + [0x10, type] + fields
    }

    @Test func typedFieldsFillTheShapeExactlyWhereverTheyStand() throws {
        let folder = try TemporaryFolder()
        func opened(_ bytes: [UInt8]) throws -> DatasetSource {
            try write(bytes, folder, "input_0.pb")
            return try DatasetSource(paths: [folder.url.path])
        }
        // int64 [2, 2] in pieces: packed, alone, packed; and before the extents and the type.
        let numbers: [UInt8] = [0x3A, 2, 1, 2, 0x38, 3, 0x3A, 1, 4]
        for bytes in [typed([2, 2], type: 7, numbers), numbers + typed([2, 2], type: 7, [])] {
            #expect(entry(try opened(bytes).readRaw(1), nil)?.elements(as: Int64.self) == [3, 4])
        }
        // More numbers than a piece of the file that is read at once holds, over its edges.
        let count = 100_000
        let values = (0..<count).map { Int64($0 * 3) }
        func varint(_ value: Int) -> [UInt8] {
            value < 128 ? [UInt8(value)] : [UInt8(value & 0x7F | 0x80)] + varint(value >> 7)
        }
        let packed = values.flatMap { varint(Int($0)) }
        let large = [0x08] + varint(1) + [0x08] + varint(count) + [0x10, 7, 0x3A] + varint(packed.count) + packed
        #expect(entry(try opened(large).readRaw(0), nil)?.elements(as: Int64.self) == values)
        for (bytes, reason) in [
            (typed([2, 2], type: 7, numbers + [0x38, 5]), "more elements than its shape"),
            (typed([2, 2], type: 7, Array(numbers.dropLast(3))), "3 elements do not fill its shape"),
            (typed([1, 1], type: 1, [0x22, 8, 0, 0, 0, 0, 0, 0, 0, 0]), "more elements than its shape"),
            (typed([1, 1], type: 3, [0x28, 0xC8, 1]), "an element is no int8"),
            (typed([1, 1], type: 7, [0x3A, 1, 0x80]), "a number is cut off"),
        ] {
            let error = #expect(throws: DatasetError.self) { try opened(bytes) }
            #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
        }
    }

    @Test func samplesWithoutElementsAreRefused() throws {
        let folder = try TemporaryFolder()
        // [60000000, 0], twice: their numbers alone would fill the memory.
        let proto: [UInt8] = [0x08, 0x80, 0x8E, 0xCE, 0x1C, 0x08, 0, 0x10, 1, 0x4A, 0]
        for set in 0..<2 { try write(proto, folder, "test_data_set_\(set)/input_0.pb") }
        let error = #expect(throws: DatasetError.self) { try DatasetSource(paths: [folder.url.path]) }
        #expect(error?.description.contains("no elements") == true, "\(String(describing: error))")
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
