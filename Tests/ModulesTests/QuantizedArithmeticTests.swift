import Conversion
import Graphs
import Modules
import Quantization
import Tensors
import TestSupport
import Testing

/// Functions of quantized values: `Elemwise` with a scale of its own, and plain operators on integers of one scale.
@Suite struct QuantizedArithmeticTests {
    /// Two stubs and something between their values.
    private struct Pair: Module {
        let first = QuantStub()
        let second = QuantStub()
        let join: (Value, Value) -> Value
        func forward(_ x: Value) -> Value { join(first(x), second(x)) }
    }

    /// Two stubs and a sum with a scale of its own.
    private struct Sum: Module {
        let first = QuantStub()
        let second = QuantStub()
        let add = Elemwise("add")
        func forward(_ x: Value) -> Value { add(first(x), second(x)) }
    }

    private static func quantized(
        scales: (Float, Float) = (1, 1), _ join: @escaping (Value, Value) -> Value
    ) throws -> Network {
        var net = Network(Pair(join: join), shape: [6])
        try net.quantizeQAT(.passive)
        net.setScales(["first.act": scales.0, "second.act": scales.1])
        net.eval()
        try net.quantize()
        net.eval()
        return net
    }

    private static let input = ["data": Tensor(shape: [1, 6], elements: [Float(100), -100, 3, -128, 64, 0])]

    @Test func plainSumsOfDifferentScalesAreRefusedByName() throws {
        let error = #expect(throws: ModuleError.self) { try Self.quantized(scales: (1, 0.5)) { $0 + $1 } }
        guard case .quantizedInput(_, let operatorName, let value) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(operatorName == "Add" && value == "first_output")
        #expect("\(try #require(error))".contains("use an Elemwise"))
        // Elemwise takes them, and its own scale.
        var net = Network(Sum(), shape: [6])
        #expect(net.graph.nodes.map(\.op.name).contains("Elemwise"))
        try net.quantizeQAT(.minMaxFakequant)
        net.eval()
        net.enableObserver()
        _ = try net.run(Self.input)
        try net.quantize()
    }

    @Test func sumsOfEqualScalesAddIntegersThatWrap() throws {
        for (join, wanted) in [
            ({ $0 + $1 }, [-56, 56, 6, 0, -128, 0]), ({ $0 - $1 }, [0, 0, 0, 0, 0, 0]),
            ({ ($0 + $1).relu() }, [0, 56, 6, 0, 0, 0]), ({ first, _ in first.relu() }, [100, 0, 3, 0, 64, 0]),
        ] as [((Value, Value) -> Value, [Int8])] {
            var net = try Self.quantized(join)
            #expect(try net.run(Self.input)["output"]?.elements(as: Int8.self) == wanted)
        }
    }

    @Test func otherPlainOperatorsOnQuantizedValuesAreRefused() throws {
        for (join, name) in [
            ({ $0 * $1 }, "Mul"), ({ first, _ in first.sigmoid() }, "Sigmoid"),
            ({ first, _ in first.softmax() }, "Softmax"),
            ({ $0.matmul($1.transpose([1, 0])) }, "MatMul"),
        ] as [((Value, Value) -> Value, String)] {
            let error = #expect(throws: ModuleError.self) { try Self.quantized(join) }
            guard case .quantizedInput(_, name, _) = error else {
                Issue.record("\(name): \(String(describing: error))")
                continue
            }
        }
    }

    @Test func theFunctionsAreThoseOfTheGuideByOperands() throws {
        let names = [
            """
            RELU ABS SIGMOID EXP TANH FAST_TANH NEGATE ACOS ASIN CEIL COS EXPM1 FLOOR LOG LOG1P SIN ROUND ERF ERFINV ERFC
            ERFCINV H_SWISH
            """,
            """
            ADD FUSE_ADD_RELU MUL MIN MAX SUB TRUE_DIV FUSE_ADD_SIGMOID FUSE_ADD_TANH ABS_GRAD FLOOR_DIV MOD SIGMOID_GRAD
            SWITCH_GT0 TANH_GRAD LT LEQ EQ POW LOG_SUM_EXP FAST_TANH_GRAD ATAN2 FUSE_ADD_H_SWISH H_SWISH_GRAD
            """, "FUSE_MUL_ADD3 COND_LEQ_MOV COND_LT_MOV",
        ].map { $0.split(whereSeparator: \.isWhitespace).map(String.init) }
        for (index, list) in names.enumerated() {
            let ours = ElemwiseMode.allCases.filter { $0.hasQuantizedForm && $0.operandCount == index + 1 }
            #expect(Set(ours.map(\.rawValue)) == Set(list))
            for name in list {
                #expect(ElemwiseMode(named: name.lowercased()) == ElemwiseMode(named: name))
                #expect(ElemwiseMode(named: "Q" + name) == nil)
            }
        }
        // Each of them has integers; what is float only is refused when it should get them.
        for mode in ElemwiseMode.allCases {
            var net = Network(StubbedLayer(mode), shape: [4])
            try net.quantizeQAT(.passive)
            net.setScales(["stubs.0.act": 0.01, "stubs.1.act": 0.02, "stubs.2.act": 0.03, "layer.act": 0.02])
            if mode.hasQuantizedForm {
                try net.quantize()
                net.eval()
                #expect(
                    try net.run(["data": Tensor(shape: [1, 4], elements: [Float(0.1), 0.2, 0.5, 0.9])])["output"] != nil
                )
            } else {
                #expect(throws: ModuleError.noQuantizedForm(path: "layer", mode: mode.rawValue)) { try net.quantize() }
            }
        }
    }

    @Test func namesHaveNoQAndAnyCase() throws {
        for name in ["add", "ADD", "Fuse_Add_ReLU", "FUSE_ADD_RELU"] {
            let layer = Elemwise(name)
            var net = Network(StubbedLayer(layer, operandCount: 2) { layer($0[0], $0[1]) }, shape: [4])
            func kinds() -> [ModuleKind] {
                net.graph.modules(under: "layer").compactMap { node in
                    if case .module(let module) = node.op { module.kind } else { nil }
                }
            }
            let wanted = [ModuleKind.elemwise(name.lowercased() == "add" ? .add : .fuseAddRelu)]
            #expect(kinds() == wanted)
            try net.quantizeQAT(.minMaxFakequant)
            #expect(kinds() == wanted)
            try net.quantize()
            #expect(kinds() == wanted)
        }
    }
}
