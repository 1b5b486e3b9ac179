import Foundation
import Graphs
import ONNXFormat
import Tensors
import Testing

/// Names, order, constants and branches of imported graphs.
@Suite struct ImportStructureTests {
    @Test func nodesGetUniqueNames() throws {
        var model = ModelBuilder()
        model.input("x", [2])
        model.output("d")
        model.node("Relu", ["x"], ["a"], name: "same")
        model.node("Relu", ["a"], ["b"], name: "same")
        model.node("Relu", ["b"], ["c"])
        model.node("Relu", ["c"], ["d"], name: "Relu_2")
        #expect(try model.load().nodes.map(\.name) == ["same", "same_1", "Relu_2_", "Relu_2"])
    }

    @Test func nodesAreSorted() throws {
        var model = ModelBuilder()
        model.input("x", [2])
        model.output("c")
        model.node("Relu", ["b"], ["c"], name: "third")
        model.node("Relu", ["x"], ["a"], name: "first")
        model.node("Relu", ["a"], ["b"], name: "second")
        #expect(try model.load().nodes.map(\.name) == ["first", "second", "third"])
    }

    @Test func initializerThatIsAlsoAnInputIsAConstant() throws {
        var model = ModelBuilder.single(
            "Add", opset: 13, constants: [ModelBuilder.floats("w", [3], [1, 2, 3])], inputs: ["x", "w"])
        model.input("w", [3])
        #expect(try model.load().inputs.map(\.name) == ["x"])
    }

    @Test func constantNodesBecomeInitializers() throws {
        var model = ModelBuilder()
        model.input("x", [2])
        model.output("y")
        model.node("Constant", [], ["a"], [.numbers("value_floats", [1, 2])])
        model.node("Constant", [], ["b"], [.number("value_float", 3)])
        model.node("Constant", [], ["c"], [.tensor("value", ModelBuilder.floats("", [2], [4, 5]))])
        model.node("Sum", ["x", "a", "b", "c"], ["y"])
        let graph = try model.load()
        #expect(graph.nodes.count == 1)
        #expect(graph.initializers["a"]?.elements(as: Float.self) == [1, 2])
        #expect(graph.initializers["b"]?.shape == [])
        #expect(graph.initializers["c"]?.elements(as: Float.self) == [4, 5])
    }

    @Test func everyElementTypeIsReadFromRawBytesAndFromTypedFields() throws {
        for type in ElementType.allCases {
            var raw = Onnx_TensorProto()
            raw.name = "w"
            raw.dims = [2]
            raw.dataType = Self.code(type)
            var typed = raw
            raw.rawData = Data(Self.oneAndZero(type))
            Self.setTyped(&typed, type)
            let tensors = try [raw, typed].map { proto -> Tensor in
                var model = ModelBuilder.single("Shape", opset: 13, constants: [proto], inputs: ["w"])
                model.proto.graph.output[0].type.tensorType.elemType = 7
                return try #require(try model.load().initializers["w"])
            }
            #expect(tensors[0].elementType == type)
            #expect(tensors[0] == tensors[1], "\(type)")
        }
    }

    private static func code(_ type: ElementType) -> Int32 {
        switch type {
        case .float32: 1
        case .uint8: 2
        case .int8: 3
        case .uint16: 4
        case .int16: 5
        case .int32: 6
        case .int64: 7
        case .bool: 9
        case .float16: 10
        case .float64: 11
        case .uint32: 12
        case .uint64: 13
        case .bfloat16: 16
        }
    }

    /// The elements 1 and 0, little-endian.
    private static func oneAndZero(_ type: ElementType) -> [UInt8] {
        let one: [UInt8]
        switch type {
        case .float32: one = [0, 0, 0x80, 0x3F]
        case .float64: one = [0, 0, 0, 0, 0, 0, 0xF0, 0x3F]
        case .float16: one = [0, 0x3C]
        case .bfloat16: one = [0x80, 0x3F]
        default: one = [1] + [UInt8](repeating: 0, count: type.byteCount - 1)
        }
        return one + [UInt8](repeating: 0, count: type.byteCount)
    }

    private static func setTyped(_ proto: inout Onnx_TensorProto, _ type: ElementType) {
        switch type {
        case .float32: proto.floatData = [1, 0]
        case .float64: proto.doubleData = [1, 0]
        case .int64: proto.int64Data = [1, 0]
        case .uint64, .uint32: proto.uint64Data = [1, 0]
        case .float16: proto.int32Data = [0x3C00, 0]
        case .bfloat16: proto.int32Data = [0x3F80, 0]
        default: proto.int32Data = [1, 0]
        }
    }

    // MARK: If

    private func branch(_ opType: String) -> Onnx_GraphProto {
        var graph = Onnx_GraphProto()
        graph.node = [
            ModelBuilder.node(opType, ["x"], ["inner"]), ModelBuilder.node("Relu", ["inner"], ["result"]),
        ]
        graph.output = [ModelBuilder.value("result", [2])]
        return graph
    }

    private func conditional(_ condition: Onnx_TensorProto?) -> ModelBuilder {
        var model = ModelBuilder()
        model.input("x", [2])
        if condition == nil { model.input("condition", [], type: 9) }
        // A value of the outer graph has the name of one inside: both must survive.
        model.output("y")
        model.node("Abs", ["x"], ["inner"])
        model.node(
            "If", ["condition"], ["z"], name: "choice",
            [.graph("then_branch", branch("Exp")), .graph("else_branch", branch("Tanh"))])
        model.node("Add", ["inner", "z"], ["y"])
        if let condition { model.proto.graph.initializer = [condition] }
        return model
    }

    @Test(arguments: [(true, UnaryFunction.exp), (false, .tanh)])
    func ifWithAConstantConditionIsReplacedByItsBranch(value: Bool, function: UnaryFunction) throws {
        let graph = try conditional(ModelBuilder.flag("condition", value)).load()
        #expect(
            graph.nodes.map(\.op)
                == [.unary(.absolute), .unary(function), .unary(.relu), .identity, .binary(.add)])
        try graph.validate()
        #expect(Set(graph.nodes.flatMap(\.outputs)).count == 5)
    }

    // MARK: External data

    private func external(_ entries: [(String, String)]) -> ModelBuilder {
        var tensor = Onnx_TensorProto()
        tensor.name = "w"
        tensor.dims = [3]
        tensor.dataType = 1
        tensor.dataLocation = .external
        tensor.externalData = entries.map { key, value in
            var entry = Onnx_StringStringEntryProto()
            entry.key = key
            entry.value = value
            return entry
        }
        return .single("Add", opset: 13, constants: [tensor], inputs: ["x", "w"])
    }

    private func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "tare-external-\(UUID())")
        let inner = folder.appending(path: "model")
        try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let bytes = Data([9, 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40])
        try bytes.write(to: inner.appending(path: "weights.bin"))
        try bytes.write(to: folder.appending(path: "secret.bin"))
        try FileManager.default.createSymbolicLink(
            at: inner.appending(path: "link.bin"), withDestinationURL: folder.appending(path: "secret.bin"))
        try body(inner)
    }

    @Test func externalDataIsRead() throws {
        try withFolder { folder in
            let model = external([("location", "weights.bin"), ("offset", "1"), ("length", "12")])
            let graph = try model.load(baseDirectory: folder)
            #expect(graph.initializers["w"]?.elements(as: Float.self) == [1, 2, 3])
        }
    }

    @Test(arguments: ["../secret.bin", "/etc/passwd", "link.bin", "a/../../secret.bin", "", "..", "gone.bin"])
    func externalDataOutsideTheFolderIsRefused(location: String) throws {
        try withFolder { folder in
            let error = try external([("location", location)]).importError(baseDirectory: folder)
            guard case .externalData(let tensor, let named, _) = error else {
                Issue.record("\(location): \(String(describing: error))")
                return
            }
            #expect(tensor == "w")
            #expect(named == location)
        }
    }

    @Test(arguments: [("2", "12"), ("-1", "12"), ("1", "8"), ("9223372036854775807", "12"), ("1", "many")])
    func externalRangeOutsideTheFileIsRefused(offset: String, length: String) throws {
        try withFolder { folder in
            let model = external([("location", "weights.bin"), ("offset", offset), ("length", length)])
            let error = try model.importError(baseDirectory: folder)
            guard case .externalData = error else {
                Issue.record("\(offset) \(length): \(String(describing: error))")
                return
            }
        }
    }
}
