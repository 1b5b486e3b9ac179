import Foundation
import TestSupport
import Testing

@testable import Tensors

private func fixture(_ name: String) -> String {
    Fixtures.directory.appending(path: "pytorch/\(name)").path
}

/// One tensor of each element type, counting from 0.
private func allTypes() -> StateDictionary {
    var state = StateDictionary()
    for type in ElementType.allCases {
        var tensor = Tensor(zeros: [2, 3], elementType: type)
        switch type {
        case .float32: tensor = Tensor(shape: [2, 3], elements: (0..<6).map { Float($0) })
        case .float16: tensor = Tensor(shape: [2, 3], elements: (0..<6).map { Float16($0) })
        case .bfloat16: tensor = Tensor(shape: [2, 3], elements: (0..<6).map { BFloat16(Float($0)) })
        case .float64: tensor = Tensor(shape: [2, 3], elements: (0..<6).map { Double($0) })
        case .int8: tensor = Tensor(shape: [2, 3], elements: (0..<6).map { Int8($0) })
        case .uint8: tensor = Tensor(shape: [2, 3], elements: (0..<6).map { UInt8($0) })
        case .int16: tensor = Tensor(shape: [2, 3], elements: (0..<6).map { Int16($0) })
        case .uint16: tensor = Tensor(shape: [2, 3], elements: (0..<6).map { UInt16($0) })
        case .int32: tensor = Tensor(shape: [2, 3], elements: (0..<6).map { Int32($0) })
        case .uint32: tensor = Tensor(shape: [2, 3], elements: (0..<6).map { UInt32($0) })
        case .int64: tensor = Tensor(shape: [2, 3], elements: (0..<6).map { Int64($0) })
        case .uint64: tensor = Tensor(shape: [2, 3], elements: (0..<6).map { UInt64($0) })
        case .bool: tensor = Tensor(shape: [2, 3], elements: (0..<6).map { $0 % 2 == 1 })
        }
        state[type.rawValue] = tensor
    }
    return state
}

private func floats(_ state: StateDictionary, _ name: String) throws -> [Float] {
    try #require(state[name]).elements(as: Float.self)
}

/// What reading a file says; "no error" when it is read.
private func refusal(_ path: String) -> String {
    do throws(TensorFileError) {
        _ = try PyTorchFile.read(path: path)
        return "no error"
    } catch {
        return error.description
    }
}

@Suite struct PyTorchFileTests {
    // MARK: Files of PyTorch

    @Test func everyElementTypeIsRead() throws {
        let state = try PyTorchFile.read(path: fixture("types.pth"))
        let expected = allTypes()
        #expect(state.count == 10)
        for entry in state.entries { #expect(entry.tensor == expected[entry.name], "\(entry.name)") }
    }

    @Test func viewsAreReadInTheirOwnOrder() throws {
        let state = try PyTorchFile.read(path: fixture("views.pth"))
        let all = (0..<24).map { Float($0) }
        #expect(try floats(state, "whole") == all)
        #expect(state["transposed"]?.shape == [6, 4])
        #expect(try floats(state, "transposed") == (0..<24).map { Float($0 % 4 * 6 + $0 / 4) })
        #expect(try floats(state, "column") == [2, 8, 14, 20])
        #expect(try floats(state, "rows") == Array(all[6..<18]))
        #expect(try floats(state, "strided") == [1, 4, 13, 16])
        #expect(try floats(state, "repeated") == Array(all[0..<6]) + Array(all[0..<6]) + Array(all[0..<6]))
        #expect(state["scalar"]?.shape == [] && state["empty"]?.shape == [0, 5])
        #expect(try floats(state, "channelslast") == all)
    }

    @Test func nestedContainersAreFlattenedAndNumbersBecomeScalars() throws {
        let state = try PyTorchFile.read(path: fixture("nested.pth"))
        #expect(
            state.names == [
                "epoch", "best", "big", "negative", "done", "state_dict.fc.weight", "history.0", "history.1.0",
                "history.1.1", "3",
            ])
        #expect(state["epoch"]?.elements(as: Int64.self) == [300])
        #expect(state["big"]?.elements(as: Int64.self) == [1 << 40])
        #expect(state["negative"]?.elements(as: Int64.self) == [-70000])
        #expect(state["best"]?.elements(as: Double.self) == [0.75])
        #expect(state["done"]?.elements(as: Bool.self) == [true])
        #expect(state["history.1.0"]?.elements(as: Int32.self) == [0])
    }

    @Test func stateDictionariesOfModulesAreRead() throws {
        let state = try PyTorchFile.read(path: fixture("module.pth"))
        #expect(
            state.names == [
                "conv.weight", "conv.bias", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var",
                "bn.num_batches_tracked",
            ])
        #expect(state["conv.weight"]?.shape == [2, 1, 3, 3])
        #expect(try floats(state, "conv.weight") == (0..<18).map { Float($0) })
        #expect(try PyTorchFile.read(path: fixture("parameter.pth"))["parameter"]?.shape == [2, 2])
    }

    @Test func aFileOfAnotherProgramIsRead() throws {
        guard let url = Fixtures.shared("formats/burn_mnist.pt") else { return }
        let state = try PyTorchFile.read(path: url.path)
        #expect(state["conv1.weight"]?.shape == [8, 1, 3, 3])
        #expect(state.entries.allSatisfy { $0.tensor.elementType == .float32 || $0.tensor.elementType == .int64 })
    }

    // MARK: Our files

    @Test func whatIsWrittenIsReadBackAndEqualDictionariesGiveEqualBytes() throws {
        let folder = try TemporaryFolder()
        var state = allTypes()
        state["scalar"] = Tensor(scalar: Float(3))
        state["empty"] = Tensor(zeros: [0, 4], elementType: .int64)
        state["größe.weight"] = Tensor(zeros: [300, 70000 / 300], elementType: .float32)
        try state.write(to: folder.path("a.pth"))
        try state.write(to: folder.path("other.pt"))
        #expect(try StateDictionary(path: folder.path("a.pth")) == state)
        #expect(
            try Data(contentsOf: folder.url.appending(path: "a.pth"))
                == Data(contentsOf: folder.url.appending(path: "other.pt")))
        try state.write(to: folder.path("a.safetensors"))
        #expect(try StateDictionary(path: folder.path("a.safetensors")) == state)
        // Files of other programs do not say their order.
        let foreign = StateDictionary(Safetensors(tensors: state.safetensors.tensors))
        #expect(foreign.names == state.names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        for entry in state.entries { #expect(foreign[entry.name] == entry.tensor) }
        #expect(throws: TensorFileError.self) { try state.write(to: folder.path("a.onnx")) }
    }

    @Test func pyTorchLoadsOurFilesAndWeItsFiles() throws {
        guard let python = PythonOracle.torchInterpreter() else { return }
        let folder = try TemporaryFolder()
        var state = allTypes()
        for name in ["uint16", "uint32", "uint64"] { state[name] = nil }
        state["one"] = Tensor(shape: [1], elements: [Int32(1)])
        state["scalar"] = Tensor(scalar: Float(3))
        state["deep"] = Tensor(shape: [1, 2, 1, 3], elements: (0..<6).map { Float($0) })
        state["empty"] = Tensor(zeros: [0, 4], elementType: .int64)
        state["größe.weight"] = Tensor(zeros: [300, 233], elementType: .float32)
        try state.write(to: folder.path("ours.pth"))
        let script = """
            import collections, sys, torch
            state = torch.load(sys.argv[1], weights_only=True)
            assert type(state) is collections.OrderedDict
            assert list(state) == sys.argv[3:], list(state)
            for name, tensor in state.items():
                if name in dir(torch) and name != "empty":
                    assert tensor.dtype == getattr(torch, name)
                    assert tensor.tolist() == (torch.arange(6).reshape(2, 3) % 2 == 1 if name == "bool" else torch.arange(6).reshape(2, 3)).tolist()
            assert state["deep"].shape == (1, 2, 1, 3) and state["deep"].is_contiguous()
            assert state["scalar"].shape == () and state["empty"].shape == (0, 4)
            torch.save(state, sys.argv[2])
            """
        let outcome = try PythonOracle.run(
            python, script: script, arguments: [folder.path("ours.pth"), folder.path("theirs.pth")] + state.names)
        try #require(outcome.status == 0, "\(outcome.output)")
        #expect(try PyTorchFile.read(path: folder.path("theirs.pth")) == state)
    }

    // MARK: What is refused

    @Test func otherFormatsOfPyTorchAreRefusedWithTheRemedy() throws {
        #expect(refusal(fixture("legacy.pth")).contains("before 1.6"))
        #expect(refusal(fixture("legacy.pth")).contains("torch.save(torch.load("))
        #expect(refusal(fixture("whole-module.pth")).contains("'torch.nn.modules.container.Sequential'"))
        #expect(refusal(fixture("whole-module.pth")).contains("state_dict"))
        #expect(refusal(fixture("complex.pth")).contains("'torch.ComplexFloatStorage'"))
        #expect(refusal(fixture("make.py")).contains("no zip archive of torch.save"))
        let npz = try #require(Fixtures.shared("goldens/fmnist_lstm.npz") ?? URL(string: fixture("types.pth")))
        if npz.pathExtension == "npz" { #expect(refusal(npz.path).contains("0 members NAME/data.pkl")) }
    }

    /// A file with this pickle and the storage `0` of 24 bytes.
    private func file(_ pickle: [UInt8], in folder: TemporaryFolder) throws -> String {
        let path = folder.path("case.pth")
        try AtomicFile.write(to: path) { (writer) throws(TensorFileError) in
            var archive = ZIPWriter(writer)
            for (name, bytes) in [
                ("archive/data.pkl", pickle), ("archive/data/0", [UInt8](repeating: 1, count: 24)),
                ("archive/version", Array("3\n".utf8)),
            ] {
                try archive.appendMember(
                    name: name, method: .stored, checksum: Deflate.checksum(of: bytes), byteCount: bytes.count,
                    storedByteCount: bytes.count
                ) { (writer) throws(TensorFileError) in try writer.append(bytes) }
            }
            try archive.finish()
        }
        return path
    }

    private func pickle(_ body: String) -> [UInt8] { [0x80, 2] + body.unicodeScalars.map { UInt8($0.value) } }

    /// A dictionary of one tensor.
    private func tensor(
        storage: String = "FloatStorage", key: String = "0", count: Int = 6, offset: Int = 0, shape: [Int] = [2, 3],
        strides: [Int] = [3, 1]
    ) -> [UInt8] {
        func integer(_ value: Int) -> String {
            var text = "\u{8A}\u{8}"
            for byte in 0..<8 {
                text.unicodeScalars.append(Unicode.Scalar(UInt8(truncatingIfNeeded: value >> (byte * 8))))
            }
            return text
        }
        func text(_ value: String) -> String { "X\(Character(Unicode.Scalar(UInt8(value.count))))\0\0\0\(value)" }
        func tuple(_ values: [Int]) -> String { "(" + values.map(integer).joined() + "t" }
        return pickle(
            "}\(text("w"))ctorch._utils\n_rebuild_tensor_v2\n((\(text("storage"))ctorch\n\(storage)\n\(text(key))"
                + "\(text("cpu"))\(integer(count))tQ\(integer(offset))\(tuple(shape))\(tuple(strides))\u{89}"
                + "ccollections\nOrderedDict\n)RtRs.")
    }

    @Test func functionsAndOpcodesThatCouldRunSomethingAreRefusedByName() throws {
        let folder = try TemporaryFolder()
        for (body, text) in [
            ("cos\nsystem\n(X\u{2}\0\0\0lstR.", "'os.system'"), ("cbuiltins\neval\n.", "'builtins.eval'"),
            ("ctorch\nload\n.", "'torch.load'"), ("c__builtin__\ngetattr\n.", "'__builtin__.getattr'"),
            ("ctorch._utils\n_rebuild_sparse_tensor\n.", "_rebuild_sparse_tensor"),
            ("(ios\nsystem\n.", "INST"), ("(o.", "OBJ"), (")\u{81}.", "NEWOBJ"), ("\u{93}.", "STACK_GLOBAL"),
            ("P1\n.", "PERSID"), ("\u{82}\u{1}.", "EXT1"), ("\u{95}.", "FRAME"), ("\u{FF}.", "0xff"),
        ] {
            let message = try refusal(file(pickle(body), in: folder))
            #expect(message.contains("not supported") && message.contains(text), "\(body.debugDescription): \(message)")
        }
        #expect(try refusal(file([0x80, 4, 0x95, 0x2E], in: folder)).contains("another protocol than 2"))
        // A function that is known cannot be called with other arguments, or set as an attribute.
        #expect(
            try refusal(file(pickle("ccollections\nOrderedDict\n(K\u{1}tR."), in: folder)).contains("unknown arguments")
        )
        #expect(try refusal(file(pickle("ccollections\nOrderedDict\n}b."), in: folder)).contains("attributes"))
        #expect(try refusal(file(pickle("ccollections\nOrderedDict\n."), in: folder)).contains("a function or class"))
    }

    @Test func damagedDescriptionsAreRefused() throws {
        let folder = try TemporaryFolder()
        let good = tensor()
        #expect(try refusal(file(good, in: folder)) == "no error")
        for length in 0..<good.count {
            #expect(try refusal(file(Array(good[..<length]), in: folder)) != "no error", "cut at \(length)")
        }
        for (body, text) in [
            ("N.N", "follow the end"), ("NN.", "objects are left"), (".", "lacks its operand"),
            ("t.", "a mark is missing"),
            ("h\u{5}.", "object 5"), ("K\u{1}a.", "lacks its operand"), ("NK\u{1}a.", "no list"), ("N(s.", "lacks"),
            ("}(K\u{1}u.", "no dictionary"), ("})K\u{1}s.", "a tuple as the key"), ("NNQ.", "a storage"),
            ("\u{8A}\u{9}\0\0\0\0\0\0\0\0\u{1}.", "over 64 bits"), ("X\u{FF}\u{FF}\u{FF}\u{7F}a.", "too early"),
            ("X\u{1}\0\0\0\u{FF}.", "not UTF-8"), ("NNR.", "a call of None"),
        ] {
            let message = try refusal(file(pickle(body), in: folder))
            #expect(message.contains(text), "\(body.debugDescription): \(message)")
        }
        // Any byte may be wrong: the reader says so or reads something, and never traps.
        for position in good.indices {
            var damaged = good
            damaged[position] ^= 1 << UInt8(position % 8)
            _ = try refusal(file(damaged, in: folder))
        }
    }

    @Test func tensorsOutsideOfTheirStorageAreRefusedBeforeAnythingIsAllocated() throws {
        let folder = try TemporaryFolder()
        for pickle in [
            tensor(count: 7), tensor(count: -1), tensor(count: .max), tensor(offset: 1), tensor(offset: -1),
            tensor(offset: .max), tensor(shape: [3, 3]), tensor(shape: [-1, 3]), tensor(shape: [.max, .max]),
            tensor(strides: [4, 1]), tensor(strides: [-3, 1]), tensor(strides: [.max, 1]), tensor(strides: [3]),
            tensor(shape: [2, .max], strides: [0, .max]), tensor(storage: "DoubleStorage"), tensor(key: "1"),
            tensor(key: "../version"),
            tensor(shape: [0], strides: [1]).count == 0 ? [] : tensor(offset: 7, shape: [0, 1]),
        ] {
            let message = try refusal(file(pickle, in: folder))
            #expect(message.contains("damaged"), "\(message)")
        }
        // A view may repeat elements, but not fill the memory with them.
        let bomb = try refusal(file(tensor(shape: [1 << 40], strides: [0]), in: folder))
        #expect(bomb.contains("views that repeat elements"), "\(bomb)")
        let repeated = try PyTorchFile.read(path: file(tensor(shape: [5, 2], strides: [0, 1]), in: folder))
        #expect(repeated["w"]?.shape == [5, 2])
    }

    /// Strides that are never stepped over may be anything.
    @Test func stridesOfExtentOneAreIgnored() throws {
        let tensor = PickledTensor(
            storage: PickledStorage(key: "0", elementType: .float32, byteCount: 20), elementType: .float32, offset: 1,
            shape: [1, 2, 2], strides: [.max, 1, 2])
        #expect(tensor?.strides == [0, 1, 2])
        let empty = PickledTensor(
            storage: PickledStorage(key: "0", elementType: .float32, byteCount: 20), elementType: .float32, offset: 0,
            shape: [0, 1 << 13, 1 << 13], strides: [0, 1 << 13, 1])
        #expect(empty?.isContiguous == true)
    }

    @Test func nestingAndRepetitionAreBounded() throws {
        let folder = try TemporaryFolder()
        let deep = String(repeating: "(", count: 100_000) + String(repeating: "t", count: 100_000) + "."
        #expect(try refusal(file(pickle(deep), in: folder)).contains("nested deeper"))
        // A list that contains itself.
        #expect(try refusal(file(pickle("]q\0h\0a."), in: folder)).contains("nested deeper"))
        // Forty tuples, each of which holds the one before twice: 2^40 objects in 200 bytes.
        let doubled = "K\u{1}" + String(repeating: "q\0h\0\u{86}", count: 40) + "."
        #expect(try refusal(file(pickle(doubled), in: folder)).contains("more than 1048576 objects"))
        #expect(try refusal(file(pickle("}X\u{1}\0\0\0aK\u{1}sX\u{1}\0\0\0aK\u{2}s."), in: folder)) == "no error")
        #expect(
            try refusal(file(pickle("}X\u{3}\0\0\0a.0K\u{1}sX\u{1}\0\0\0a)K\u{2}\u{86}s."), in: folder)) == "no error")
        #expect(
            try refusal(file(pickle("}X\u{3}\0\0\0a.0K\u{1}sX\u{1}\0\0\0aK\u{2}\u{85}s."), in: folder)).contains(
                "both named 'a.0'"))
    }

    @Test func damagedBytesAreNoticed() throws {
        let folder = try TemporaryFolder()
        let path = try file(tensor(), in: folder)
        var bytes = Array(try Data(contentsOf: URL(filePath: path)))
        let start = try #require(bytes.firstRange(of: [UInt8](repeating: 1, count: 24)))
        bytes[start.lowerBound] = 2
        #expect(try refusal(folder.file("damaged.pth", bytes)).contains("checksum"))
        #expect(try refusal(folder.file("cut.pth", Array(bytes.dropLast(30)))).contains("no end of a zip archive"))
        #expect(try refusal(folder.file("empty.pth", [])).contains("no zip archive of torch.save"))
    }
}
