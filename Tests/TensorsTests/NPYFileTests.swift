import Foundation
import TestSupport
import Testing

@testable import Tensors

@Suite struct NPYFileTests {
    static let numbers: [Float] = (0..<24).map { Float($0) / 8 }

    private func path(_ name: String) -> String {
        Fixtures.directory.appending(path: "tensors/\(name)").path
    }

    @Test(arguments: [
        "float32.npy", "float32_version2.npy", "float32_version3.npy", "float32_big_endian.npy", "float32_fortran.npy",
    ])
    func everyLayoutOfTheSameArrayReadsTheSame(name: String) throws {
        let tensor = try NPYFile.read(path: path(name))
        #expect(tensor.shape == [2, 3, 4])
        #expect(tensor.elements(as: Float.self) == Self.numbers)
    }

    @Test func otherElementTypesRead() throws {
        #expect(
            try NPYFile.read(path: path("float16.npy")).elements(as: Float16.self) == Self.numbers.map { Float16($0) })
        #expect(
            try NPYFile.read(path: path("bfloat16.npy")).elements(as: BFloat16.self)
                == Self.numbers.map { BFloat16($0) })
        #expect(
            try NPYFile.read(path: path("float64.npy")).elements(as: Double.self) == Self.numbers.map { Double($0) })
        #expect(try NPYFile.read(path: path("bool.npy")).elements(as: Bool.self) == (0..<24).map { $0 % 3 == 0 })
        let swapped = try NPYFile.read(path: path("int16_big_endian_fortran.npy"))
        #expect(swapped.elements(as: Int16.self) == (0..<24).map { Int16($0) })
        let scalar = try NPYFile.read(path: path("scalar.npy"))
        #expect(scalar.shape == [] && scalar.elements(as: Float.self) == [1.5])
        #expect(try NPYFile.read(path: path("empty.npy")).shape == [0, 3])
    }

    @Test(arguments: [
        ("structured.npy", "structured"), ("complex.npy", "real and imaginary"), ("text.npy", "text"),
        ("object.npy", "Python objects"),
    ])
    func unsupportedElementsAreNamed(name: String, words: String) throws {
        let error = #expect(throws: TensorFileError.self) { try NPYFile.read(path: path(name)) }
        #expect(error?.description.contains(words) == true)
        #expect(error?.description.contains(name) == true)
    }

    @Test func encodingIsReadBack() throws {
        for type in ElementType.allCases {
            let tensor = Tensor(zeros: [3, 5], elementType: type)
            let bytes = NPYFile.encode(tensor)
            #expect(try NPYFile.decode(bytes, name: "memory") == tensor)
            #expect((bytes.count - tensor.byteCount) % 64 == 0)
        }
        for shape: Shape in [[], [0], [7], [2, 0, 3], [1, 2, 3, 4, 5]] {
            let tensor = Tensor(zeros: shape, elementType: .int32)
            #expect(try NPYFile.decode(NPYFile.encode(tensor), name: "memory") == tensor)
        }
    }

    @Test func numPyReadsWhatWeWrite() throws {
        let folder = try TemporaryFolder()
        try NPYFile.write(Tensor(shape: [2, 3, 4], elements: Self.numbers), to: folder.path("float.npy"))
        try NPYFile.write(Tensor(shape: [3], elements: [true, false, true]), to: folder.path("bool.npy"))
        try NPYFile.write(Tensor(scalar: Int64(-5)), to: folder.path("scalar.npy"))
        try NPYFile.write(Tensor(shape: [2], elements: [BFloat16(1.5), BFloat16(-2)]), to: folder.path("brain.npy"))
        let script = """
            import numpy, sys, ml_dtypes
            f = sys.argv[1]
            a = numpy.load(f + "/float.npy")
            assert a.dtype == numpy.float32 and a.shape == (2, 3, 4) and (a.ravel() == numpy.arange(24) / 8).all()
            assert numpy.load(f + "/bool.npy").tolist() == [True, False, True]
            assert numpy.load(f + "/scalar.npy") == -5
            assert numpy.load(f + "/brain.npy").view(ml_dtypes.bfloat16).astype(float).tolist() == [1.5, -2.0]
            """
        guard let python = PythonOracle.interpreter() else { return }
        let judged = try PythonOracle.run(python, script: script, arguments: [folder.url.path])
        #expect(judged.status == 0, "\(judged.output)")
    }

    @Test func aTruthValueOfTwoIsRefused() throws {
        var bytes = NPYFile.encode(Tensor(shape: [3], elements: [true, false, true]))
        bytes[bytes.count - 1] = 2
        #expect(throws: TensorFileError.self) { try NPYFile.decode(bytes, name: "memory") }
    }

    @Test func anImpossibleShapeAllocatesNothing() throws {
        for shape in [
            "(4611686018427387904, 8)", "(9223372036854775807,)", "(99999999999999999999,)", "(-1,)", "(3)", "(1,2",
        ] {
            let text = "{'descr': '<f4', 'fortran_order': False, 'shape': \(shape), }\n"
            let bytes = NPYHeader.magic + [1, 0, UInt8(text.utf8.count), 0] + Array(text.utf8)
            #expect(throws: TensorFileError.self) { try NPYFile.decode(bytes, name: "memory") }
        }
    }

    @Test func damagedBytesGiveErrorsAndNeverCrash() throws {
        let seed: UInt64 = 0x7A2E_0001
        var generator = SeededGenerator(seed: seed)
        let original = NPYFile.encode(Tensor(shape: [2, 3, 4], elements: Self.numbers))
        for length in 0..<original.count {
            #expect(throws: TensorFileError.self) { try NPYFile.decode(Array(original[..<length]), name: "memory") }
        }
        for _ in 0..<20_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<130, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            _ = try? NPYFile.decode(bytes, name: "memory")
        }
    }

    @Test func aMissingFileAndAFolderAreNamed() throws {
        let missing = #expect(throws: TensorFileError.self) { try NPYFile.read(path: "/nowhere/x.npy") }
        #expect(missing?.description == "/nowhere/x.npy: cannot open the file: No such file or directory")
        #expect(throws: TensorFileError.self) { try NPYFile.read(path: "/tmp") }
    }
}
