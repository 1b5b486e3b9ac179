import Foundation
import TestSupport
import Testing

@testable import Tensors

@Suite struct SafetensorsTests {
    private static let numbers: [Float] = (0..<24).map { Float($0) / 8 }

    private func bytes(_ header: String, data: Int) -> [UInt8] {
        LittleEndianBytes.encoded(UInt64(header.utf8.count)) + Array(header.utf8) + [UInt8](repeating: 1, count: data)
    }

    private func decode(_ header: String, data: Int) throws -> Safetensors {
        try Safetensors(decoding: bytes(header, data: data), name: "memory")
    }

    @Test func theReferenceImplementationsFileReads() throws {
        let file = try Safetensors(path: Fixtures.directory.appending(path: "tensors/mixed.safetensors").path)
        #expect(file.tensors.keys.sorted() == ["brain", "count", "half", "mask", "none", "weight"])
        #expect(file.tensors["weight"] == Tensor(shape: [2, 3, 4], elements: Self.numbers))
        #expect(file.tensors["half"] == Tensor(shape: [2, 3, 4], elements: Self.numbers.map { Float16($0) }))
        #expect(file.tensors["brain"] == Tensor(shape: [2, 3, 4], elements: Self.numbers.map { BFloat16($0) }))
        #expect(file.tensors["mask"] == Tensor(shape: [2, 3, 4], elements: (0..<24).map { $0 % 3 == 0 }))
        #expect(file.tensors["count"] == Tensor(scalar: UInt64(7)))
        #expect(file.tensors["none"] == Tensor(zeros: [0, 4], elementType: .int32))
        #expect(file.metadata == ["producer": "make.py \"quoted\" \u{e9}"])
    }

    @Test func everyTypeRoundTripsAndTheBytesAreCanonical() throws {
        var tensors: [String: Tensor] = [:]
        for type in ElementType.allCases { tensors["t.\(type)"] = Tensor(zeros: [3, 5], elementType: type) }
        let file = Safetensors(tensors: tensors, metadata: ["b": "2\n\"\\", "a": "\u{1}\u{1F600}"])
        let bytes = try file.encoded()
        let again = try Safetensors(decoding: bytes, name: "memory")
        #expect(again.tensors == tensors && again.metadata == file.metadata)
        #expect(try again.encoded() == bytes)
        #expect(LittleEndianBytes(bytes).uint32(at: 0) % 8 == 0)
        let folder = try TemporaryFolder()
        try file.write(to: folder.path("x.safetensors"))
        #expect(try [UInt8](Data(contentsOf: folder.url.appending(path: "x.safetensors"))) == bytes)
    }

    @Test func pythonReadsWhatWeWrite() throws {
        let folder = try TemporaryFolder()
        let file = Safetensors(
            tensors: [
                "weight": Tensor(shape: [2, 3, 4], elements: Self.numbers),
                "mask": Tensor(shape: [2], elements: [true, false]),
                "layer.ü\"": Tensor(scalar: Int16(-4)), "brain": Tensor(shape: [1], elements: [BFloat16(1.5)]),
                "empty": Tensor(zeros: [0], elementType: .float64),
            ], metadata: ["line": "a\nb"])
        try file.write(to: folder.path("x.safetensors"))
        let script = """
            import numpy, sys, safetensors, safetensors.numpy, ml_dtypes
            t = safetensors.numpy.load_file(sys.argv[1])
            assert sorted(t) == ["brain", "empty", "layer.\\u00fc\\"", "mask", "weight"], sorted(t)
            assert (t["weight"].ravel() == numpy.arange(24) / 8).all() and t["weight"].shape == (2, 3, 4)
            assert t["mask"].tolist() == [True, False] and t["layer.\\u00fc\\""] == -4 and float(t["brain"][0]) == 1.5
            assert safetensors.safe_open(sys.argv[1], "numpy").metadata() == {"line": "a\\nb"}
            """
        guard let python = PythonOracle.interpreter() else { return }
        let judged = try PythonOracle.run(python, script: script, arguments: [folder.path("x.safetensors")])
        #expect(judged.status == 0, "\(judged.output)")
    }

    @Test(arguments: [
        (
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
            4
        ),
        (
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
            3
        ),
        (
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}}"#,
            5
        ),
        (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, 3),
        (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, 1),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,2]}}"#, 2),
        (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#, 0),
        (#"{"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}"#, 2),
        (#"{"a":{"dtype":"U8","shape":[-2],"data_offsets":[0,2]}}"#, 2),
        (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}}"#, 2),
        (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"extra":[]}}"#, 2),
        (#"{"a":{"dtype":"U8","data_offsets":[0,2]}}"#, 2),
        (#"{"__metadata__":{"a":1}}"#, 0),
        (#"{"__metadata__":{"a":"1","a":"2"}}"#, 0),
        (#" {}"#, 0), (#"{"#, 0), (#"{} x"#, 0), (#"[]"#, 0), ("{\"a\u{1}\":{}}", 0), (#"{"\ud800":{}}"#, 0),
        (
            #"{"m":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]},"n":{"dtype":"U8","shape":[01],"data_offsets":[1,2]}}"#,
            2
        ),
    ])
    func contradictionsAreRefused(header: String, data: Int) throws {
        #expect(throws: TensorFileError.self) { try decode(header, data: data) }
    }

    @Test func anEmptyFileAndAHugeHeaderAreRefused() throws {
        #expect(throws: TensorFileError.self) { try Safetensors(decoding: [], name: "memory") }
        #expect(throws: TensorFileError.self) {
            try Safetensors(decoding: [UInt8](repeating: 0xFF, count: 64), name: "memory")
        }
        #expect(throws: TensorFileError.self) {
            try Safetensors(decoding: [0, 0, 0, 5, 0, 0, 0, 0, 0x7B, 0x7D], name: "memory")
        }
        #expect(try decode("{}", data: 0).tensors.isEmpty)
        #expect(throws: TensorFileError.self) {
            try Safetensors(tensors: ["__metadata__": Tensor(scalar: Float(0))]).encoded()
        }
    }

    @Test func damagedBytesGiveErrorsAndNeverCrash() throws {
        let seed: UInt64 = 0x7A2E_0004
        var generator = SeededGenerator(seed: seed)
        let original = try Safetensors(
            tensors: [
                "a": Tensor(shape: [2, 3], elements: [Int16](repeating: 3, count: 6)), "b": Tensor(scalar: true),
            ],
            metadata: ["key": "\u{e9}\n"]
        ).encoded()
        for length in 0..<original.count {
            #expect(throws: TensorFileError.self) {
                try Safetensors(decoding: Array(original[..<length]), name: "memory")
            }
        }
        for _ in 0..<20_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            _ = try? Safetensors(decoding: bytes, name: "memory")
        }
    }
}
