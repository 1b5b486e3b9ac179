import Foundation
import Graphs
import SwiftProtobuf
import Tensors
import Testing

@testable import ONNXFormat

/// Operators that are written as ONNX and read again are the same, whatever their family.
@Suite struct OperatorRoundTripTests {
    private static let window = PoolingAttributes(
        kernelShape: [3, 2], strides: [2, 1], padding: .explicit(before: [1, 0], after: [0, 1]))
    private static let convolution = ConvolutionAttributes(
        kernelShape: [1, 1], strides: [2, 2], dilations: [1, 1], padding: .sameLower, groups: 2)

    private static let normalizations: [Operator] = [
        .instance(epsilon: 0.25), .group(count: 2, epsilon: 0.5, scalesGroups: false),
        .norm(axis: 1, order: 1), .meanVariance(axes: [0, 2]), .hardmax(axis: 2),
    ].map(Operator.normalization)

    private static let others: [Operator] =
        [
            .algebra(.determinant), .algebra(.remainder(hasSignOfDividend: true)),
            .pooling(.norm(window, order: 3)), .pooling(.globalNorm(order: 1)),
            .pooling(.inverseOfMaximum(kernelShape: [2, 2], strides: [2, 2], before: [0, 1], after: [1, 0])),
            .loss(.negativeLogLikelihood(.sum, ignoredClass: -1)), .loss(.crossEntropy(.none, ignoredClass: nil)),
            .integer(.convolution(convolution)), .integer(.matMul), .integer(.requantizedConvolution(convolution)),
            .integer(.requantizedMatMul), .integer(.quantizeByRange),
            .dequantizeLinear(DequantizeLinearAttributes(axis: 0, blockSize: 4)),
            .quantizeLinear(QuantizeLinearAttributes(axis: 0, outputType: .int8, blockSize: 4)),
        ]
        + ["ij,jk->ik", "...ii->...", "bij, bjk"].compactMap { EinsumEquation($0).map { .algebra(.einsum($0)) } }
        + ReductionFunction.allCases.map { .reduce(ReductionAttributes(function: $0, keepsAxes: false)) }

    private static let elementFunctions: [Operator] = [
        ElementFunction.sign, .sine, .cosine, .tangent, .arcSine, .arcCosine, .arcTangent, .hyperbolicSine,
        .hyperbolicCosine, .inverseHyperbolicSine, .inverseHyperbolicCosine, .inverseHyperbolicTangent,
        .selu(alpha: 2, gamma: 3), .celu(alpha: 2), .softsign, .mish, .swish(alpha: 2), .thresholdedRelu(alpha: 2),
        .shrink(bias: 0.25, threshold: 2),
    ].map(Operator.element)

    private static let logic: [Operator] =
        LogicOperator.Comparison.allCases.map { .logic(.compare($0)) }
        + LogicOperator.Connective.allCases.flatMap { [.logic(.connect($0)), .logic(.combineBits($0))] }
        + LogicOperator.ShiftDirection.allCases.map { .logic(.shiftBits($0)) }
        + [
            LogicOperator.not, .complement, .isInfinite(negative: false, positive: true),
            .isInfinite(negative: true, positive: false), .isNaN, .select,
        ].map(Operator.logic)

    private static let arrangements: [Operator] = [
        ArrangementOperator.tile, .depthToSpace(blockSize: 3, blocksFirst: true),
        .depthToSpace(blockSize: 2, blocksFirst: false), .spaceToDepth(blockSize: 3), .triangle(isUpper: false),
        .triangle(isUpper: true), .reverseSequence(timeAxis: 1, batchAxis: 0), .centerCropOrPad(axes: nil),
        .centerCropOrPad(axes: [2, -1]), .identityMatrix(offset: -2, elementType: .int32),
        .identityMatrix(offset: 1, elementType: nil), .range, .oneHot(axis: 0), .size, .castLike,
    ].map(Operator.arrangement)

    private static let selections: [Operator] =
        SelectionOperator.Reduction.allCases.flatMap {
            [.selection(.scatterElements(axis: 1, $0)), .selection(.scatterND($0))]
        }
        + [
            SelectionOperator.gatherElements(axis: -2), .gatherND(batchAxes: 1), .gatherND(batchAxes: 0),
            .compress(axis: nil), .compress(axis: 1), .nonZero, .unique(axis: nil, isSorted: true),
            .unique(axis: -1, isSorted: false),
        ].map(Operator.selection)

    private static let rankings: [Operator] = [
        RankingOperator.extremePosition(isMaximum: true, axis: 1, keepsAxis: false, selectsLast: true),
        .extremePosition(isMaximum: false, axis: -1, keepsAxis: true, selectsLast: false),
        .top(axis: 0, isLargest: false), .top(axis: -2, isLargest: true),
        .cumulative(isProduct: false, isExclusive: true, isReverse: false),
        .cumulative(isProduct: true, isExclusive: false, isReverse: true),
    ].map(Operator.ranking)

    private static let vision: [Operator] =
        [GridSampleAttributes.Mode.nearest, .linear, .cubic].flatMap { mode in
            [GridSampleAttributes.Padding.zeros, .border, .reflection].map {
                .vision(.gridSample(GridSampleAttributes(mode: mode, padding: $0, alignsCorners: mode == .cubic)))
            }
        }
        + [true, false].map {
            .vision(
                .regionAlign(
                    RegionAlignAttributes(
                        height: 2, width: 3, averages: $0, samplingRatio: 4, scale: 0.25, pixelsHaveHalfCenters: !$0)))
        }
        + [
            VisionOperator.affineGrid(alignsCorners: true), .maximumRegionPool(height: 2, width: 3, scale: 0.5),
            .columnsToImage(explicit), .deformableConvolution(grouped, offsetGroups: 3),
            .nonMaximumSuppression(boxesAreCenters: true),
        ].map(Operator.vision)

    private static let explicit = ConvolutionAttributes(
        strides: [2, 1], dilations: [1, 3], padding: .explicit(before: [1, 0], after: [0, 2]))
    private static let grouped = ConvolutionAttributes(
        kernelShape: [3, 2], strides: [2, 1], dilations: [1, 2], padding: .explicit(before: [1, 0], after: [0, 1]),
        groups: 2)

    private static let signals: [Operator] =
        SignalOperator.Window.allCases.map { .signal(.window($0, isPeriodic: $0 == .hann, elementType: .float64)) }
        + [
            SignalOperator.fourierTransform(isInverse: true, isOneSided: false),
            .fourierTransform(isInverse: false, isOneSided: true), .shortTimeFourierTransform(isOneSided: false),
            .melWeights(elementType: .float16),
        ].map(Operator.signal)

    private static let quantized: [Operator] = [
        .binary(.add), .binary(.multiply), .averagePool(window), .globalAveragePool, .leakyRelu(slope: 0.5), .sigmoid,
        .softmax(axis: 2, overFollowingAxes: false), .softmax(axis: 1, overFollowingAxes: true), .concat(axis: -1),
    ].map(Operator.quantized)

    /// What the importer makes of the node that the exporter writes.
    private func again(_ op: Operator, opset: Int = 21) throws -> Operator {
        let node = Node(
            name: "n", op: op, inputs: (0..<op.signature.requiredInputs).map { "x\($0)" }, outputs: ["y"])
        var exported = NodeExport(node, opset: opset, constants: [:])
        try op.export(to: &exported)
        let declared = op.domain.isEmpty ? opset : QuantizedFamily.opset
        let conversion = try #require(
            OperatorTable.entry(exported.proto.opType, domain: exported.proto.domain, opset: declared))
        var imported = try NodeImport(
            name: "n", opset: declared, proto: exported.proto, inputTypes: [], constants: { _ in nil },
            isUsed: { _ in true },
            unique: { $0 })
        let result = try conversion.convert(&imported)
        #expect(imported.attributes.unread.isEmpty)
        return result
    }

    @Test(arguments: normalizations + others + quantized) func operatorIsReadAsItWasWritten(op: Operator) throws {
        #expect(try again(op) == op)
    }

    @Test(arguments: elementFunctions + logic + arrangements + selections + rankings + vision + signals)
    func operatorWithoutAFastKernelIsReadAsItWasWritten(op: Operator) throws {
        #expect(try again(op, opset: max(21, op.minimumOpset)) == op)
    }

    @Test func rootMeanSquareIsWrittenFromOpset23() throws {
        let op = Operator.normalization(.rootMeanSquare(axis: 1, epsilon: 0.5))
        #expect(op.minimumOpset == 23)
        #expect(try again(op, opset: 23) == op)
    }

    @Test func scalesOfGroupsExistInOldOpsetsOnly() throws {
        let op = Operator.normalization(.group(count: 2, epsilon: 0.5, scalesGroups: true))
        #expect(try again(op, opset: 18) == op)
        #expect(throws: ONNXExportError.self) { try again(op) }
    }

    @Test(arguments: [(ElementType.float32, Int64(13)), (.float16, 21)])
    func halfPrecisionScalesNeedOpset21(type: ElementType, opset: Int64) throws {
        let byte = TensorType(elementType: .uint8, shape: [2, 2])
        let scale = Tensor(zeros: [], elementType: type)
        let graph = Graph(
            name: "test", inputs: [Graph.Value(name: "x", type: byte)], outputs: [Graph.Value(name: "y", type: byte)],
            initializers: ["s": scale, "z": Tensor(scalar: UInt8(3))],
            nodes: [
                Node(
                    name: "n", op: .integer(.requantizedMatMul), inputs: ["x", "s", "z", "x", "s", "z", "s", "z"],
                    outputs: ["y"])
            ],
            sourceOpset: 13)
        let model = try Onnx_ModelProto(serializedBytes: ONNXModel.serialize(graph))
        #expect(model.opsetImport[0].version == opset)
    }

    @Test func domainOfTheRuntimeIsDeclared() throws {
        let byte = TensorType(elementType: .uint8, shape: [2, 3])
        let graph = Graph(
            name: "test", inputs: [Graph.Value(name: "x", type: byte)], outputs: [Graph.Value(name: "y", type: byte)],
            initializers: ["s": Tensor(scalar: Float(0.5)), "z": Tensor(scalar: UInt8(3))],
            nodes: [Node(name: "n", op: .quantized(.sigmoid), inputs: ["x", "s", "z", "s", "z"], outputs: ["y"])],
            sourceOpset: 13)
        let model = try Onnx_ModelProto(serializedBytes: ONNXModel.serialize(graph))
        #expect(model.opsetImport.map(\.domain) == ["", "com.microsoft"])
        #expect(model.graph.node.map(\.domain) == ["com.microsoft"])
        #expect(try ONNXModel.load(from: ONNXModel.serialize(graph), baseDirectory: nil).graph.nodes == graph.nodes)
    }

    /// Also when only a graph inside of a node needs it.
    @Test func domainOfTheRuntimeIsDeclaredForGraphsInside() throws {
        var model = ModelBuilder(opset: 13)
        model.declare(domain: "com.microsoft", opset: 1)
        model.input("x", [2], type: 2)
        model.input("condition", [], type: 9)
        model.output("y", type: 2)
        var zero = ModelBuilder.integers("z", [3])
        zero.dataType = 2
        (zero.dims, zero.int64Data, zero.int32Data) = ([], [], [3])
        model.proto.graph.initializer = [ModelBuilder.floats("s", [], [0.5]), zero]
        var branch = Onnx_GraphProto()
        branch.node = [
            ModelBuilder.node("QLinearSigmoid", ["x", "s", "z", "s", "z"], ["r"], domain: "com.microsoft")
        ]
        branch.output = [ModelBuilder.value("r", [2], type: 2)]
        model.node("If", ["condition"], ["y"], [.graph("then_branch", branch), .graph("else_branch", branch)])
        let graph = try model.load()
        let written = try Onnx_ModelProto(serializedBytes: ONNXModel.serialize(graph))
        #expect(written.opsetImport.map(\.domain) == ["", "com.microsoft"])
        #expect(try ONNXModel.load(from: ONNXModel.serialize(graph), baseDirectory: nil).graph.nodes == graph.nodes)
    }
}
