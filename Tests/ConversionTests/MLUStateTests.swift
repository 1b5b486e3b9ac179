import Graphs
import Quantization
import Tensors
import TestSupport
import Testing

@testable import Conversion

/// conv1 -> fc, without biases of fc.
private func network() -> Graph {
    var builder = GraphBuilder(input: [2, 3, 4, 4], seed: 6)
    builder.conv("x", "conv1", from: 3, to: 4)
    builder.node(.flatten(axis: 1), ["conv1"], ["flat"])
    builder.node(
        .gemm(GemmAttributes(transposeB: true)), ["flat", builder.constant("fc.weight", [5, 64])], ["y"])
    return builder.build(outputs: ["y"])
}

/// The state dictionary of a calibration that saw the same range everywhere.
private func state(
    _ graph: Graph, _ specification: MLUQuantizationSpecification = MLUQuantizationSpecification(),
    dtype: String = "int8"
) throws -> StateDictionary {
    let conversion = try graph.quantizeDynamicMLU(qconfigSpec: specification, dtype: dtype, genQuant: true)
    var observers: [String: MLURangeObserver] = [:]
    for module in conversion.modules {
        var observer = specification.observer
        observer.record(CallRange(minimum: -2, maximum: 1))
        observers[module.path] = observer
    }
    return conversion.stateDictionary(observers: observers).state
}

private func refusal(_ graph: Graph, _ state: StateDictionary) -> String {
    var graph = graph
    do throws(MLUConversionError) {
        try graph.loadMLUState(state)
        return "no error"
    } catch {
        return error.description
    }
}

@Suite struct MLUStateTests {
    @Test func theStateHasTheGuidesKeysTypesShapesAndOrder() throws {
        let firstconv = MLUQuantizationSpecification(
            firstConvolution: true, mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6], isPerChannel: true)
        let state = try state(network(), firstconv, dtype: "int16")
        #expect(
            state.names == [
                "conv1.weight", "conv1.bias", "conv1.use_symmetry", "conv1.input_mean", "conv1.input_std",
                "conv1.quantized_by_channel", "conv1.scale_weight_per_channel", "conv1.scale", "conv1.quantized_mode",
                "fc.weight", "fc.use_symmetry", "fc.quantized_mode", "fc.quantized_by_channel",
                "fc.scale_weight_per_channel", "fc.scale",
            ])
        let types = state.entries.map { "\($0.tensor.elementType)\($0.tensor.shape)" }
        #expect(
            types == [
                "float32[4, 3, 3, 3]", "float32[4]", "int64[1]", "float32[1, 3, 1, 1]", "float32[1, 3, 1, 1]",
                "int64[1]", "float32[4]", "float32[2]", "int32[1]",
                "float32[5, 64]", "int64[1]", "int32[1]", "int64[1]", "float32[5]", "float32[2]",
            ])
        #expect(state["conv1.scale"]?.elements(as: Float.self) == [16383.5, 0])
        #expect(state["conv1.quantized_mode"]?.elements(as: Int32.self) == [2])
        #expect(state["conv1.weight"] == network().initializers["conv1.weight"], "weights stay float32")
    }

    @Test func aFreshRunModelLoadsTheStateStrictly() throws {
        for isPerChannel in [false, true] {
            let specification = MLUQuantizationSpecification(isPerChannel: isPerChannel)
            let state = try state(network(), specification)
            var other = network()
            for (name, tensor) in other.initializers {
                other.initializers[name] = Tensor(zeros: tensor.shape, elementType: .float32)
            }
            var run = try other.quantizeDynamicMLU().graph
            let report = try run.loadMLUState(state)
            #expect(report.missing.isEmpty && report.unexpected.isEmpty)
            #expect(run.initializers["conv1.weight"] == network().initializers["conv1.weight"])
            // Scales per channel become part of the scale, and the mode says so.
            let mode = run.initializers["conv1.quantized_mode"]?.elements(as: Int32.self)
            #expect(mode == [isPerChannel ? 3 : 1])
            let scale = try #require(run.initializers["conv1.scale"]?.elements(as: Float.self))
            let channels = state["conv1.scale_weight_per_channel"]?.elements(as: Float.self) ?? []
            #expect(isPerChannel ? scale == [63.5, 0] + channels : scale.count == 2)
            // A missing bias became zeros, and that is the only thing that saving again changes.
            #expect(run.initializers["fc.bias"]?.elements(as: Float.self) == [0, 0, 0, 0, 0])
            var saved = run.mluStateDictionary()
            saved["fc.bias"] = nil
            #expect(saved == state)
        }
    }

    @Test func everyModeSurvivesSaving() throws {
        for (dtype, isPerChannel, mode) in [
            ("int8", false, 1), ("int16", false, 2), ("int8", true, 3), ("int16", true, 4),
        ] as [(String, Bool, Int32)] {
            let state = try state(network(), MLUQuantizationSpecification(isPerChannel: isPerChannel), dtype: dtype)
            var run = try network().quantizeDynamicMLU().graph
            try run.loadMLUState(state)
            #expect(run.initializers["fc.quantized_mode"]?.elements(as: Int32.self) == [mode])
            // An expanded file, as the guide's software saves a run model, loads too.
            var expanded = state
            for module in ["conv1", "fc"] where isPerChannel {
                expanded["\(module).scale"] = run.initializers["\(module).scale"]
                expanded["\(module).quantized_mode"] = run.initializers["\(module).quantized_mode"]
                expanded["\(module).quantized_by_channel"] = nil
                expanded["\(module).scale_weight_per_channel"] = nil
            }
            var again = try network().quantizeDynamicMLU().graph
            try again.loadMLUState(expanded)
            #expect(again.initializers == run.initializers && again.nodes == run.nodes)
        }
    }

    @Test func missingAndUnexpectedKeysAreNamed() throws {
        var wrong = try state(network())
        wrong["fc.scale"] = nil
        wrong["conv1.weight"] = nil
        wrong["fc2.weight"] = Tensor(shape: [1], elements: [Float(1)])
        wrong["bn.num_batches_tracked"] = Tensor(scalar: Int64(3))
        let run = try network().quantizeDynamicMLU().graph
        #expect(
            refusal(run, wrong).contains(
                "missing 'conv1.weight', 'fc.scale'; unexpected 'fc2.weight'; load what was saved"))
        var lenient = run
        let report = try lenient.loadMLUState(wrong, strict: false)
        #expect(report.missing == ["conv1.weight", "fc.scale"] && report.unexpected == ["fc2.weight"])
        #expect(lenient.nodes[2].input(.scale) == nil, "half a calibration is none")
    }

    @Test func meanAndDeviationMayHaveOneAxis() throws {
        var flat = try state(network())
        flat["conv1.input_mean"] = Tensor(shape: [3], elements: [Float(1), 2, 3])
        flat["conv1.input_std"] = Tensor(shape: [3], elements: [Float(4), 5, 6])
        var run = try network().quantizeDynamicMLU().graph
        try run.loadMLUState(flat)
        #expect(run.initializers["conv1.input_std"]?.shape == [1, 3, 1, 1])
        #expect(run.nodes[0].input(.inputMean) == "conv1.input_mean")
        flat["conv1.input_std"] = nil
        #expect(try refusal(network().quantizeDynamicMLU().graph, flat).contains("missing 'conv1.input_std'"))
    }

    @Test func halfPrecisionFilesAreWidened() throws {
        let state = try state(network())
        var half = state
        for entry in state.entries where entry.tensor.elementType == .float32 {
            half[entry.name] = Tensor(
                shape: entry.tensor.shape, elements: entry.tensor.elements(as: Float.self).map { Float16($0) })
        }
        var run = try network().quantizeDynamicMLU().graph
        try run.loadMLUState(half)
        #expect(
            run.initializers["conv1.weight"]?.elements(as: Float.self)
                == state["conv1.weight"]?.elements(as: Float.self).map { Float(Float16($0)) })
    }

    @Test func tensorsThatDoNotFitAreNamed() throws {
        let good = try state(network(), MLUQuantizationSpecification(isPerChannel: true))
        let run = try network().quantizeDynamicMLU().graph
        for (key, tensor, text) in [
            ("fc.weight", Tensor(zeros: [5, 63], elementType: .float32), "its shape is [5, 63]"),
            ("fc.weight", Tensor(zeros: [5, 64], elementType: .int8), "it holds int8"),
            ("fc.scale", Tensor(zeros: [2], elementType: .float32), "a scale is 0.0"),
            ("fc.scale", Tensor(shape: [2], elements: [Float.nan, 1]), "a scale is nan"),
            ("fc.scale", Tensor(zeros: [3], elementType: .float32), "its shape is [3]"),
            ("fc.quantized_mode", Tensor(shape: [1], elements: [Int32(5)]), "it is 5"),
            ("fc.quantized_mode", Tensor(zeros: [2], elementType: .int32), "2 elements"),
            ("fc.quantized_mode", Tensor(zeros: [1], elementType: .float32), "it holds float32"),
            ("fc.use_symmetry", Tensor(zeros: [1], elementType: .int64), "only symmetric"),
            ("fc.quantized_by_channel", Tensor(zeros: [1], elementType: .int64), "it is 0, not 1"),
            ("fc.scale_weight_per_channel", Tensor(zeros: [4], elementType: .float32), "its shape is [4]"),
            ("conv1.bias", Tensor(zeros: [3], elementType: .float32), "its shape is [3]"),
        ] {
            var wrong = good
            wrong[key] = tensor
            let message = refusal(run, wrong)
            #expect(message.contains("'\(key)'") || message.contains("fc.scale"), "\(key): \(message)")
            #expect(message.contains(text), "\(key): \(message)")
        }
    }
}
