import Foundation
import Tensors
import TestSupport
import Testing

@testable import MLU

@Suite struct DumpReaderTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func dumped(_ level: DumpLevel, _ calls: (DumpTestBackend) -> Void) throws -> DumpReader {
        let dumper = try Dumper(DumpConfiguration(directory: folder.path("dump"), level: level))
        calls(DumpTestBackend { dumper })
        dumper.finish()
        return try DumpReader(directory: dumper.directory)
    }

    private func write(_ text: String, to path: String) throws {
        let url = folder.url.appending(path: path)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    @Test func callsAreReadInTheirOrder() throws {
        let dump = try dumped(2) { backend in
            for _ in 0..<11 { backend.call("relu", ["self": Samples.tensor(1)]) { Samples.tensor(1) } }
            backend.call("add_1", ["self": Samples.tensor(1), "alpha": .scalar(.real(1))]) {
                backend.call("fill_", ["self": Samples.tensor(1)], origin: .handwritten) { Samples.tensor(1) }
                return Samples.tensor(1)
            }
        }
        #expect(dump.operators.map(\.number) == Array(1...12))
        #expect(dump.operators.map(\.name) == Array(repeating: "relu", count: 11) + ["add_1"])
        #expect(dump.allOperators.suffix(2).map(\.path) == ["12_add_1", "12_add_1/1_fill_"])
        #expect(dump.allOperators.suffix(2).map(\.resultFile) == ["cnnl_result", "bang_result"])
        #expect(dump.operators.last?.files == ["cnnl_result", "mlu_alpha", "mlu_self"])
    }

    /// Everything that a dump can hold is read back as it was.
    @Test func valuesOfAllKindsAreReadBack() throws {
        let tensor = Tensor(shape: [2, 2], elements: [0.1, -1e-7, 1e20, .infinity] as [Float])
        let dump = try dumped(2) { backend in
            backend.call(
                "op",
                [
                    "tensor": .tensor(tensor), "rank0": .tensor(Tensor(scalar: Int64(-7))), "none": .undefinedTensor,
                    "scalar": .scalar(.real(0.5)), "flag": .plain(.boolean(true)), "text": .text("mean"),
                    "nested": .sequence(.tuple, [.sequence(.list, [.plain(.integer(1))]), .optional(nil)]),
                    "generator": .optional(.generator(seed: 9, device: "cpu")),
                ]
            ) { .tensor(tensor) }
        }
        let call = try #require(dump.operators.first)
        let values = try Dictionary(uniqueKeysWithValues: call.files.map { ($0, try dump.value($0, of: call)) })
        let header = try #require(DumpedTensorHeader("Tensor : Type = Float : Shape = [2, 2] : Dumped = 4"))
        #expect(values["mlu_tensor"] == .tensor(header, [0.1, -1e-7, 1e20, .infinity]))
        let scalar = try #require(DumpedTensorHeader("Tensor : Type = Long : Shape = [] : Dumped = 1"))
        #expect(values["mlu_rank0"] == .tensor(scalar, [-7]))
        #expect(values["mlu_none"] == .noTensor("Empty"))
        #expect(values["mlu_scalar"] == .scalar(type: "float", "0.5"))
        #expect(values["mlu_flag"] == .plain("1") && values["mlu_text"] == .plain("mean"))
        #expect(
            values["mlu_nested"] == .sequence(.tuple, [.sequence(.list, [.plain("1")]), .optional(nil)]))
        #expect(values["mlu_generator"] == .optional(.generator(seed: "9", device: "cpu")))
    }

    /// What is read is the number of which the text has the first six digits.
    @Test func numbersAreReadAsTheirTextSays() throws {
        var generator = SeededGenerator(seed: 21)
        for _ in 0..<20_000 {
            let value = Double(Float(bitPattern: UInt32(truncatingIfNeeded: generator.next())))
            let text = SixDigitFormat.text(value)
            let read = DumpNumber.parse(Array(text.utf8)[...])
            #expect(value.isNaN ? read?.isNaN == true : read == Double(text), "\(text)")
        }
        for text in ["", "-", ".5", "1.", "0x10", "+1", "1e", "infinity", "1 ", "--1", "1.2.3"] {
            let read = DumpNumber.parse(Array(text.utf8)[...])
            #expect(read == (text == "1." ? 1 : text == "+1" ? 1 : text == ".5" ? 0.5 : nil), "\(text)")
        }
    }

    @Test func levelsAreRecognised() throws {
        for level in DumpLevel.allCases {
            let dump = try dumped(level) { backend in
                let small = Samples.tensor(1)
                backend.call("relu", ["self": small]) { .tensor(Tensor(zeros: [11], elementType: .float32)) }
            }
            #expect(dump.level == level)
        }
        #expect(try dumped(2) { $0.call("relu", ["self": Samples.tensor(1)]) { Samples.tensor(1) } }.level == nil)
    }

    /// Dumps of the device's software at some versions name the strides.
    @Test func headersWithStridesAreReadToo() {
        let header = DumpedTensorHeader("Tensor : Type = Int : Shape = [12] : Stride = [3] : Dumped = 10")
        #expect(header?.typeName == "Int" && header?.shape == [12] && header?.dumpedCount == 10)
        for line in [
            "Tensor : Type = Int : Shape = [12] : Dumped = 5", "Tensor : Type = Int : Shape = [12]",
            "Tensor : Type = Int : Shape = [-1] : Dumped = 1", "Tensor : Type = Int : Shape = [0] : Dumped = 0",
            "Tensor : Type = Int : Shape = [1,2] : Dumped = 2", "Tensor : Type = Int : Shape = 12 : Dumped = 10",
            "Tensor : Type = Int : Shape = [9223372036854775807, 2] : Dumped = 1",
        ] {
            #expect(DumpedTensorHeader(line) == nil, "\(line)")
        }
    }

    @Test func damagedFilesAreErrorsThatNameTheLine() throws {
        let cases: [(String, String)] = [
            ("", "the file ends where a value should be"),
            ("Tensor : Type = Float : Shape = [3] : Dumped = 3\n1\n2\n", "line 4"),
            ("Tensor : Type = Float : Shape = [2] : Dumped = 2\n1\nx\n", "line 3: 'x' is not a number"),
            ("Tensor : Type = Float : Shape = [2] : Dumped = 7\n1\n2\n", "line 1"),
            ("Tensor : Type = Float : Shape = [2] : Dumped = 2\n1\n2", "line 3: the last line has no end"),
            ("Tensor : Type = Float : Shape = [1] : Dumped = 1\n1\n2\n", "there is more than one value"),
            ("Tuple : Size = 9223372036854775807\n1\n", "line 3"),
            (String(repeating: "Optional : \n", count: 100), "nested"),
            (String(repeating: "x", count: 100_000), "line 1: the line is too long"),
        ]
        for (index, (text, _)) in cases.enumerated() {
            try write(text, to: "bad/\(index + 1)_op/cnnl_result")
        }
        // The level is looked for in heads of files only, so that only the one without a line fails at once.
        try FileManager.default.removeItem(atPath: folder.path("bad/9_op"))
        let dump = try DumpReader(directory: folder.path("bad"))
        for (call, (_, reason)) in zip(dump.operators, cases) {
            let failure = #expect(throws: DumpFormatError.self) { try dump.value("cnnl_result", of: call) }
            #expect("\(try #require(failure))".contains(reason), "\(call.path)")
            #expect("\(try #require(failure))".contains("bad/\(call.path)/cnnl_result"))
        }
        try write(cases[8].0, to: "long/1_op/cnnl_result")
        #expect(throws: DumpFormatError.self) { try DumpReader(directory: folder.path("long")) }
    }

    @Test func directoriesWithoutOperatorsNameWhatIsThere() throws {
        try write("1\n", to: "out/worker_0/1_relu/cnnl_result")
        let failure = #expect(throws: DumpFormatError.self) { try DumpReader(directory: folder.path("out")) }
        #expect("\(try #require(failure))".contains("name one of its directories: worker_0"))
        #expect(throws: DumpFormatError.self) { try DumpReader(directory: folder.path("nowhere")) }
        // Links that go in circles, and files with names of operators, are no operators.
        try FileManager.default.createSymbolicLink(
            atPath: folder.path("out/worker_0/2_loop"), withDestinationPath: folder.path("out/worker_0"))
        try write("1\n", to: "out/worker_0/3_file")
        #expect(try DumpReader(directory: folder.path("out/worker_0")).operators.count == 1)
    }
}
