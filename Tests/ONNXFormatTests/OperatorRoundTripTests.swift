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
}
