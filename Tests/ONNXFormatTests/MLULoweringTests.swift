import Conversion
import Execution
import Foundation
import Graphs
import ONNXFormat
import Quantization
import Tensors
import TestSupport
import Testing

/// Models for the simulated device as other programs see them.
@Suite struct MLULoweringTests {
    /// The run model of a float model whose modules saw the ranges that `input` gives them.
    private func runModel(
        _ graph: Graph, _ specification: MLUQuantizationSpecification, dtype: String, input: Tensor
    ) throws -> MLUQuantizedModel {
        let conversion = try graph.quantizeDynamicMLU(qconfigSpec: specification, dtype: dtype, genQuant: true)
        let tap = RangeRecorder()
        let name = graph.inputs[0].name
        _ = try ReferenceExecutor(conversion.calibrationGraph, observing: conversion.observedTensors)
            .run([name: input], tap: tap)
        var observers: [String: MLURangeObserver] = [:]
        for module in conversion.modules {
            var observer = specification.observer
            for call in module.calls { observer.record(try #require(tap.ranges[call.data])) }
            observers[module.path] = observer
        }
        return try conversion.quantized(observers: observers)
    }

    private func network() -> Graph {
        var random = SeededGenerator(seed: 3)
        func tensor(_ shape: Shape, _ factor: Float) -> Tensor {
            Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in random.normal() * factor })
        }
        let padding = ConvolutionAttributes(strides: [2, 2], padding: .explicit(before: [1, 1], after: [1, 1]))
        return Graph(
            name: "net",
            inputs: [
                .init(name: "x", type: TensorType(elementType: .float32, dimensions: [.symbol("N"), 3, 12, 12]))
            ],
            outputs: [.init(name: "y", type: TensorType(elementType: .float32, dimensions: [.symbol("N"), 36, 5]))],
            initializers: [
                "a.weight": tensor([8, 3, 3, 3], 0.3), "a.bias": tensor([8], 0.3),
                "fc.weight": tensor([8, 5], 0.5), "fc.bias": tensor([5], 0.1),
                "shape": Tensor(shape: [3], elements: [Int64(0), 8, 36]),
            ],
            nodes: [
                Node(name: "a", op: .convolution(padding), inputs: ["x", "a.weight", "a.bias"], outputs: ["c"]),
                Node(name: "relu", op: .unary(.relu), inputs: ["c"], outputs: ["r"]),
                Node(name: "flat", op: .reshape(allowZero: false), inputs: ["r", "shape"], outputs: ["f"]),
                Node(name: "turn", op: .transpose(permutation: [0, 2, 1]), inputs: ["f"], outputs: ["t"]),
                Node(name: "fc", op: .matMul, inputs: ["t", "fc.weight"], outputs: ["m"]),
                Node(name: "add", op: .binary(.add), inputs: ["m", "fc.bias"], outputs: ["y"]),
            ])
    }

    private func pixels(_ shape: Shape) -> Tensor {
        var random = SeededGenerator(seed: 5)
        return Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in Float(random.next() % 256) })
    }

    @Test(arguments: ["int8", "int16"], [false, true])
    func onnxRuntimeComputesWhatTheDeviceComputes(dtype: String, isPerChannel: Bool) throws {
        guard let python = PythonOracle.interpreter() else { return }
        let mean = [0.485, 0.456, 0.406]
        let std = [0.229, 0.224, 0.225]
        let specification = MLUQuantizationSpecification(
            firstConvolution: true, mean: mean, std: std, isPerChannel: isPerChannel)
        let raw = pixels([4, 3, 12, 12])
        let normalized = Tensor(
            shape: raw.shape,
            elements: raw.elements(as: Float.self).enumerated().map { index, pixel in
                let channel = index / 144 % 3
                return (pixel - Float(mean[channel] * 255)) / Float(std[channel] * 255)
            })
        let model = try runModel(network(), specification, dtype: dtype, input: normalized)
        let device = try #require(ReferenceExecutor(model.graph).run(["x": raw])["y"])
        let ours = try #require(ReferenceExecutor(model.lowered).run(["x": raw])["y"])

        let folder = try TemporaryFolder()
        try ONNXModel.write(model.lowered, to: URL(filePath: folder.path("model.onnx")))
        try NPZFile.write(["x": raw], to: folder.path("x.npz"))
        let script = """
            import sys, numpy, onnx, onnxruntime
            model, data, result = sys.argv[1:]
            onnx.checker.check_model(model, full_check=True)
            session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
            numpy.savez(result, y=session.run(None, {"x": numpy.load(data)["x"]})[0])
            """
        let outcome = try PythonOracle.run(
            python, script: script,
            arguments: [folder.path("model.onnx"), folder.path("x.npz"), folder.path("y.npz")])
        try #require(outcome.status == 0, "\(outcome.output)")
        let theirs = try #require(NPZFile.read(path: folder.path("y.npz"))["y"])
        // A product halfway between two integers differs by one step; there are few of them.
        for (name, result) in [("ours", ours), ("theirs", theirs)] {
            let error = relativeError(result, device)
            #expect(error <= (dtype == "int8" ? 0.002 : 0.00002), "\(name): \(error)")
        }
        #expect(relativeError(device, try #require(ReferenceExecutor(network()).run(["x": normalized])["y"])) <= 0.02)
    }

    @Test func theLoweredModelQuantizesExactlyTheModules() throws {
        let model = try runModel(
            network(), MLUQuantizationSpecification(), dtype: "int8", input: pixels([1, 3, 12, 12]))
        #expect(
            model.lowered.nodes.map(\.op.name) == [
                "QuantizeLinear", "DequantizeLinear", "DequantizeLinear", "Conv", "Relu", "Reshape", "Transpose",
                "QuantizeLinear", "DequantizeLinear", "DequantizeLinear", "MatMul", "Add",
            ])
        #expect(model.lowered.initializers["fc.weight_quantized"]?.shape == [8, 5])
        #expect(model.lowered.initializers["fc.weight"] == nil && model.lowered.initializers["a.bias"] != nil)
        #expect(model.report.activations.map(\.name) == ["x", "t"])
        #expect(model.report.constants.map(\.initializer) == ["a.weight", "fc.weight"])
        #expect(model.report.constants.allSatisfy { ($0.signalToQuantizationNoise ?? 0) > 30 })
        #expect(
            model.report.decisions.map(\.description) == [
                "a (Conv): quantized", "relu (Relu): float: no quantized form of the operator",
                "flat (Reshape): float: no quantized form of the operator",
                "turn (Transpose): float: no quantized form of the operator", "fc (MatMul): quantized",
                "add (Add): absorbed by the quantized output of 'fc'",
            ])
        try model.lowered.validate()
    }

    @Test func aModelWithoutScalesIsNotLowered() throws {
        let graph = try network().quantizeDynamicMLU().graph
        #expect(throws: MLUConversionError.notCalibrated(path: "a")) { try graph.loweredFromMLU() }
    }

    private func relativeError(_ result: Tensor, _ reference: Tensor) -> Double {
        let (first, second) = (result.elements(as: Float.self), reference.elements(as: Float.self))
        guard first.count == second.count else { return .infinity }
        let error = zip(first, second).reduce(0.0) {
            $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
        }
        return (error / second.reduce(0.0) { $0 + Double($1) * Double($1) }).squareRoot()
    }
}

/// Remembers the range of each observed value.
private final class RangeRecorder: TensorTap {
    private(set) var ranges: [String: CallRange] = [:]

    func observe(_ value: String, elements: Span<Float>) {
        ranges[value, default: CallRange()].include(elements)
    }
}
