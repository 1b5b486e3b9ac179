import Foundation
import Graphs
import Tensors
import TestSupport
import Testing

@testable import Training

/// Operators against PyTorch: `Tests/Fixtures/training/make_goldens.py`.
@Suite struct TorchGoldenTests {
    static let goldens: [String: Tensor] = {
        let url = Fixtures.directory.appending(path: "training/goldens.safetensors")
        return (try? Safetensors(path: url.path).tensors) ?? [:]
    }()

    /// A case: the operator, how its operands follow from those of the file, and what comes behind.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let op: Operator
        /// Further operands, not differentiated.
        var constants: [Tensor?] = []
        var outputCount = 1
        var extra: [Node] = []
        var fixed: Set<Int> = []
        /// Which array of the file each operand is; absent is their own order.
        var order: [Int?]?

        var testDescription: String { name }

        /// The operands of the file, each changed by `change`, in the operator's order.
        func operands(_ change: (Tensor) -> Tensor) -> [Tensor?] {
            var tensors: [Tensor] = []
            while let tensor = TorchGoldenTests.goldens["\(name).in.\(tensors.count)"] {
                tensors.append(change(tensor))
            }
            guard let order else { return tensors }
            return order.map { $0.map { tensors[$0] } }
        }
    }

    static func integers(_ values: [Int]) -> Tensor { Tensor(shape: [values.count], elements: values.map(Int64.init)) }

    static func window(_ before: [Int], _ after: [Int]? = nil) -> WindowPadding {
        .explicit(before: before, after: after ?? before)
    }

    static let convolutions: [Case] = [
        Case(
            name: "conv_grouped",
            op: .convolution(.init(strides: [2, 1], dilations: [1, 2], padding: window([1, 2]), groups: 2))),
        Case(name: "conv_plain", op: .convolution(.init(padding: window([1, 1])))),
        Case(name: "conv_first", op: .convolution(.init(padding: window([1, 1])))),
        Case(name: "conv_asymmetric", op: .convolution(.init(padding: window([0, 1], [1, 2])))),
        Case(name: "conv_depthwise", op: .convolution(.init(padding: window([1, 1]), groups: 8))),
        Case(name: "conv_1d", op: .convolution(.init(strides: [2], padding: window([1])))),
        Case(
            name: "conv_transposed",
            op: .transposedConvolution(
                .init(
                    convolution: .init(strides: [2, 2], padding: window([1, 1]), groups: 2), outputPadding: [1, 1]))),
    ]

    static let products: [Case] = [
        Case(name: "gemm", op: .gemm(.init(transposeB: true))),
        Case(name: "gemm_scaled", op: .gemm(.init(alpha: 0.5, beta: 2, transposeA: true))),
        Case(name: "matmul_batched", op: .matMul), Case(name: "matmul_flat", op: .matMul),
        Case(name: "matmul_vector", op: .matMul),
    ]

    static func zeros(_ count: Int) -> Tensor { Tensor(zeros: [count], elementType: .float32) }

    static let relu = Node(name: "relu", op: .unary(.relu), inputs: ["y"], outputs: ["z"])

    static let normalizations: [Case] = [
        Case(
            name: "batch_norm", op: .batchNormalization(.init(momentum: 0, trainingMode: true)),
            constants: [zeros(5), zeros(5)], outputCount: 3, fixed: [3, 4]),
        Case(
            name: "batch_norm_relu", op: .batchNormalization(.init(momentum: 0, trainingMode: true)),
            constants: [zeros(20), zeros(20)], outputCount: 3, extra: [relu], fixed: [3, 4]),
        Case(
            name: "batch_norm_flat", op: .batchNormalization(.init(momentum: 0, trainingMode: true)),
            constants: [zeros(7), zeros(7)], outputCount: 3, fixed: [3, 4]),
        Case(name: "batch_norm_fixed", op: .batchNormalization(.init()), fixed: [3, 4]),
        Case(name: "layer_norm", op: .layerNormalization(.init())),
        Case(name: "softmax", op: .softmax(axis: 1)), Case(name: "log_softmax", op: .logSoftmax(axis: -1)),
    ]

    static let poolings: [Case] = [
        Case(name: "max_pool", op: .maxPool(.init(kernelShape: [3, 3], strides: [2, 2], padding: window([1, 1])))),
        Case(name: "max_pool_ceil", op: .maxPool(.init(kernelShape: [2, 2], strides: [2, 2], ceilMode: true))),
        Case(
            name: "average_pool",
            op: .averagePool(.init(kernelShape: [3, 3], strides: [2, 2], padding: window([1, 1])))),
        Case(
            name: "average_pool_padding",
            op: .averagePool(
                .init(kernelShape: [3, 3], strides: [2, 2], padding: window([1, 1]), countIncludesPadding: true))),
        Case(name: "global_average_pool", op: .globalAveragePool), Case(name: "global_max_pool", op: .globalMaxPool),
    ]

    static let unary: [Case] = [
        ("absolute", .absolute), ("negate", .negate), ("relu", .relu), ("leaky_relu", .leakyRelu(slope: 0.1)),
        ("elu", .elu(alpha: 1.5)), ("sigmoid", .sigmoid), ("hard_sigmoid", .hardSigmoid(alpha: 1 / 6, beta: 0.5)),
        ("hard_swish", .hardSwish), ("tanh", .tanh), ("exp", .exp), ("log", .log), ("sqrt", .sqrt),
        ("reciprocal", .reciprocal), ("erf", .erf), ("softplus", .softplus), ("floor", .floor), ("ceil", .ceil),
        ("round", .round), ("gelu", .gelu(tanhApproximation: false)), ("gelu_tanh", .gelu(tanhApproximation: true)),
    ].map { (name: String, function: UnaryFunction) in Case(name: "unary_\(name)", op: .unary(function)) }

    static let elements: [Case] =
        [
            ("add", .add), ("subtract", .subtract), ("multiply", .multiply), ("divide", .divide), ("power", .power),
            ("prelu", .parametricRelu),
        ].map { (name: String, function: BinaryFunction) in Case(name: "binary_\(name)", op: .binary(function)) }
        + VariadicFunction.allCases.map { Case(name: "variadic_\($0.rawValue)", op: .variadic($0)) }
        + [
            Case(
                name: "clip", op: .clip, constants: [Tensor(scalar: Float(-0.5)), Tensor(scalar: Float(0.7))],
                fixed: [1, 2])
        ]

    static let movements: [Case] = [
        Case(name: "reshape", op: .reshape(allowZero: false), constants: [integers([6, 4])]),
        Case(name: "transpose", op: .transpose(permutation: [2, 0, 1])), Case(name: "concat", op: .concat(axis: 1)),
        Case(
            name: "slice", op: .slice,
            constants: [integers([1, 0]), integers([9, 9]), integers([1, 2]), integers([1, 2])]),
        Case(
            name: "pad_constant", op: .pad(.constant),
            constants: [integers([0, 0, 1, 0, 1, 2]), Tensor(scalar: Float(0.25))], fixed: [2]),
        Case(name: "pad_reflect", op: .pad(.reflect), constants: [integers([0, 0, 2, 1, 0, 0, 1, 2])]),
        Case(name: "pad_edge", op: .pad(.edge), constants: [integers([0, 0, 2, 1, 0, 0, 1, 2])]),
        Case(
            name: "resize", op: .resize(.init(coordinates: .asymmetric, nearestRounding: .floor)),
            constants: [nil, Tensor(shape: [4], elements: [1, 1, 2, 2] as [Float])], fixed: [2]),
        Case(name: "expand", op: .expand, constants: [integers([2, 3, 4])]),
        Case(name: "gather", op: .gather(axis: 0)),
        Case(
            name: "reduce_mean", op: .reduce(.init(function: .mean, keepsAxes: false)), constants: [integers([0, 2])]),
        Case(name: "reduce_sum", op: .reduce(.init(function: .sum)), constants: [integers([1])]),
        Case(
            name: "reduce_maximum", op: .reduce(.init(function: .maximum, keepsAxes: false)),
            constants: [integers([1, 2])]),
        Case(
            name: "split", op: .split(axis: 1, outputCount: nil), constants: [integers([1, 2])], outputCount: 2,
            extra: [
                Node(name: "double", op: .binary(.add), inputs: ["y1", "y1"], outputs: ["twice"]),
                Node(name: "join", op: .concat(axis: 1), inputs: ["twice", "y"], outputs: ["z"]),
            ]),
    ]

    /// All outputs of a layer, one after the other.
    static let joined = [
        Node(name: "flat", op: .flatten(axis: 2), inputs: ["y"], outputs: ["sequence"]),
        Node(name: "flat1", op: .flatten(axis: 1), inputs: ["y1"], outputs: ["hidden"]),
        Node(name: "flat2", op: .flatten(axis: 1), inputs: ["y2"], outputs: ["cell"]),
        Node(name: "join", op: .concat(axis: 0), inputs: ["sequence", "hidden", "cell"], outputs: ["z"]),
    ]

    static let recurrent = [("lstm", RecurrentAttributes.Direction.forward), ("lstm_both", .bidirectional)].map {
        Case(
            name: $0.0, op: .lstm(.init(hiddenSize: 6, direction: $0.1)), outputCount: 3, extra: joined,
            order: [0, 1, 2, 3, nil, 4, 5])
    }

    static let all = convolutions + products + normalizations + poolings + unary + elements + movements + recurrent

    @Test(arguments: all)
    func gradientsEqualTorch(_ test: Case) throws {
        let goldens = Self.goldens
        let operands = test.operands { $0 }
        try #require(!operands.isEmpty, "no goldens of \(test.name)")
        let node = OneNode(
            test.op, operands + test.constants, outputCount: test.outputCount, extra: test.extra, fixed: test.fixed)
        let executor = try TrainingExecutor(node.graph, trained: node.trained, lossInput: node.output)
        let up = try #require(goldens["\(test.name).up"])
        let result = try executor.run(inputs: [:], loss: .innerProduct, targets: up)
        #expect(distance(result.outputs[node.output], try #require(goldens["\(test.name).out"])) < 2e-6, "result")
        var compared = 0
        for index in operands.indices {
            guard let source = test.order?[index] ?? (test.order == nil ? index : nil),
                let expected = goldens["\(test.name).grad.\(source)"]
            else { continue }
            #expect(distance(result.gradients["x\(index)"], expected) < 5e-6, "gradient \(index)")
            compared += 1
        }
        #expect(compared > 0)
    }

    @Test(arguments: [
        ("cross_entropy", Loss.crossEntropy()), ("cross_entropy_smooth", .crossEntropy(labelSmoothing: 0.1)),
        ("squared_error", .meanSquaredError),
    ])
    func lossesEqualTorch(_ name: String, _ loss: Loss) throws {
        let x = try #require(Self.goldens["\(name).in.0"])
        let node = OneNode(.identity, [x])
        let executor = try TrainingExecutor(node.graph, trained: node.trained, lossInput: "y")
        let result = try executor.run(
            inputs: [:], loss: loss, targets: try #require(Self.goldens["\(name).in.1"]))
        let expected = try #require(Self.goldens["\(name).out"]).elements(as: Float.self)[0]
        #expect(abs(result.loss - Double(expected)) < 1e-6)
        #expect(distance(result.gradients["x0"], try #require(Self.goldens["\(name).grad.0"])) < 1e-6)
    }

    @Test(arguments: [
        ("plain", Loss.distillation(), false), ("warm", .distillation(temperature: 3), false),
        ("mixed", .distillation(weight: 0.7, temperature: 4, labelSmoothing: 0.1), true),
    ])
    func distillationEqualsTorch(_ name: String, _ loss: Loss, needsLabels: Bool) throws {
        let operands = try (0..<3).map { try #require(Self.goldens["distillation.in.\($0)"]) }
        let node = OneNode(.identity, [operands[0]])
        let executor = try TrainingExecutor(node.graph, trained: node.trained, lossInput: "y")
        let expected = try #require(Self.goldens["distillation_\(name).out"]).elements(as: Float.self)[0]
        for labels in needsLabels ? [operands[1]] : [operands[1], nil] {
            let result = try executor.run(
                inputs: [:], loss: loss, targets: LossTargets(labels, teacher: operands[2]))
            #expect(abs(result.loss - Double(expected)) < 2e-6 * max(1, Double(expected)))
            let gradient = try #require(Self.goldens["distillation_\(name).grad.0"])
            #expect(distance(result.gradients["x0"], gradient) < 1e-6)
            // Without labels, agreement with the teacher is what counts.
            let right = labels?.elements(as: Int64.self).map { Int($0) } ?? Self.largest(operands[2])
            #expect(result.correct == zip(Self.largest(operands[0]), right).count { $0 == $1 })
        }
    }

    private static func largest(_ logits: Tensor) -> [Int] {
        let rows = logits.elements(as: Float.self)
        return (0..<logits.shape[0]).map { row in
            let row = Array(rows[row * logits.shape[1]..<(row + 1) * logits.shape[1]])
            return row.firstIndex(of: row.max() ?? 0) ?? 0
        }
    }
}
