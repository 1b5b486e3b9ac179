import Execution
import Graphs
import Quantization
import Tensors
import TestSupport
import Testing

@testable import Conversion

/// conv [3 -> 8] -> BatchNormalization -> Relu -> flatten -> linear, as PyTorch exports them.
private func network(seed: UInt64 = 1, channels: Int = 3) -> Graph {
    var builder = GraphBuilder(input: [2, .fixed(channels), 6, 6], seed: seed)
    builder.conv("x", "conv1", from: channels, to: 8)
    for (name, scale) in [("bn1.weight", 1), ("bn1.bias", 1), ("bn1.running_mean", 1)] as [(String, Float)] {
        _ = builder.constant(name, [8], scale: scale)
    }
    _ = builder.constant("bn1.running_var", [8], [Float](repeating: 1.5, count: 8))
    builder.node(
        .batchNormalization(BatchNormalizationAttributes()),
        ["conv1", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"], ["normalized"])
    builder.node(.unary(.relu), ["normalized"], ["active"])
    builder.node(.flatten(axis: 1), ["active"], ["flat"])
    let weight = builder.constant("fc.weight", [4, 8 * 36], scale: 0.1)
    let bias = builder.constant("fc.bias", [4])
    builder.node(.gemm(GemmAttributes(transposeB: true)), ["flat", weight, bias], ["y"])
    return builder.build(outputs: ["y"])
}

private func refusal(_ body: () throws(MLUConversionError) -> Void) -> String {
    do throws(MLUConversionError) {
        try body()
        return "no error"
    } catch {
        return error.description
    }
}

@Suite struct MLUConversionTests {
    // MARK: The entry point

    @Test func theSixParametersHaveTheGuidesOrderAndDefaults() throws {
        var graph = network()
        let standard = try quantizeDynamicMLU(&graph)
        let explicit = try quantizeDynamicMLU(
            &graph, qconfigSpec: nil, dtype: nil, mapping: nil, inplace: false, genQuant: false)
        #expect(standard.graph.nodes == explicit.graph.nodes)
        #expect(!standard.isGenerating && standard.specification == MLUQuantizationSpecification())
        #expect(standard.modules.map(\.path) == ["conv1", "fc"])
    }

    @Test func convertedLayersCarryTheFloatWeightsAndBiases() throws {
        let float = network()
        let converted = try float.quantizeDynamicMLU(dtype: "int8", genQuant: true)
        for name in ["conv1.weight", "conv1.bias", "fc.weight", "fc.bias", "bn1.running_var"] {
            #expect(converted.graph.initializers[name] == float.initializers[name], "\(name)")
        }
        try converted.graph.validate()
        let input = randomTensor([2, 3, 6, 6], seed: 3)
        #expect(try evaluate(converted.graph, input) == evaluate(float, input))
        #expect(try evaluate(converted.calibrationGraph, input) == evaluate(float, input))
    }

    @Test func withoutInplaceTheModelStaysAndWithItTheModelChanges() throws {
        var graph = network()
        let before = graph
        let copy = try quantizeDynamicMLU(&graph, dtype: "int8", inplace: false, genQuant: true)
        #expect(graph.nodes == before.nodes && graph.initializers == before.initializers)
        var changed = copy.graph
        changed.initializers["conv1.weight"] = Tensor(zeros: [8, 3, 3, 3], elementType: .float32)
        #expect(graph.initializers["conv1.weight"] == before.initializers["conv1.weight"])
        let converted = try quantizeDynamicMLU(&graph, dtype: "int8", inplace: true, genQuant: true)
        #expect(graph.nodes == converted.graph.nodes && graph.operatorNames.contains("MLUConvolution"))
        var other = before
        try other.quantizeDynamicMLUInPlace(dtype: "int8", genQuant: true)
        #expect(other.nodes == graph.nodes)
        // Converting again changes nothing.
        #expect(try graph.quantizeDynamicMLU().graph.nodes == graph.nodes)
    }

    @Test func conversionPutsNormalizationsIntoInferenceForm() throws {
        var graph = network()
        graph.nodes[1].op = .batchNormalization(BatchNormalizationAttributes(trainingMode: true))
        let converted = try graph.quantizeDynamicMLU()
        #expect(converted.graph.nodes[1].op == .batchNormalization(BatchNormalizationAttributes(trainingMode: false)))
    }

    @Test func otherDtypesThanInt8AndInt16AreUnknown() throws {
        let graph = network()
        #expect(
            refusal { () throws(MLUConversionError) in _ = try graph.quantizeDynamicMLU(genQuant: true) }
                .contains("unknown dtype: none"))
        for text in ["int4", "INT8", ""] {
            #expect(
                refusal { () throws(MLUConversionError) in
                    _ = try graph.quantizeDynamicMLU(dtype: text, genQuant: true)
                }.contains("unknown dtype '\(text)'"))
        }
        #expect(
            try graph.quantizeDynamicMLU(dtype: "int16", genQuant: true).modules.allSatisfy { $0.dataType == .int16 })
        #expect(try graph.quantizeDynamicMLU(dtype: "int8", genQuant: true).modules.allSatisfy { $0.dataType == .int8 })
    }

    // MARK: The specification

    @Test func noSpecificationAndAnEmptyDictionaryAreTheGuidesDefaults() throws {
        let empty = try MLUQuantizationSpecification([:])
        #expect(empty == MLUQuantizationSpecification())
        #expect(!empty.usesAverage && empty.dataScale == 1 && !empty.firstConvolution && empty.mean == nil)
        #expect(empty.std == nil && !empty.isPerChannel && empty.method == .minmax && empty.iteration == nil)
        let full = try MLUQuantizationSpecification([
            "use_avg": true, "data_scale": 2, "firstconv": true, "mean": [0.485, 0], "std": [0.2, 0.9],
            "per_channel": true, "method": "minmax", "iteration": 3, "averaging": "firstCallTwice",
        ])
        #expect(full.usesAverage && full.dataScale == 2 && full.mean == [0.485, 0] && full.iteration == 3)
        #expect(try MLUQuantizationSpecification(["mean": nil, "std": nil, "iteration": nil]) == empty)
    }

    @Test(
        arguments: [
            ("usesavg", true, "no such key"), ("use_avg", 1, "type int; use True or False"),
            ("data_scale", "1", "type str; use a number"), ("data_scale", 0, "above 0"),
            ("data_scale", -1.5, "above 0"), ("mean", 0.5, "a list of numbers"), ("mean", [1.0], "[0, 1)"),
            ("mean", [-0.1], "[0, 1)"), ("std", [0], "(0, 1)"), ("std", [1], "(0, 1)"),
            ("mean", [true], "use a number"),
            ("per_channel", nil, "type None"), ("method", "kl", "'kl' is unknown; use minmax"),
            ("method", 1, "use a text"), ("iteration", 0, "1 or more"), ("iteration", 2.5, "an integer"),
        ] as [(String, MLUSpecificationValue, String)])
    func wrongKeysTypesAndRangesAreRefusedByName(key: String, value: MLUSpecificationValue, saying text: String) {
        let message = refusal { () throws(MLUConversionError) in _ = try MLUQuantizationSpecification([key: value]) }
        #expect(message.hasPrefix("\(key): ") && message.contains(text), "\(message)")
    }

    @Test func firstconvNeedsBothMeanAndStdOfAllChannels() throws {
        for (mean, std, text) in [
            (nil, [0.2, 0.2, 0.2], "mean: firstconv needs it"), ([0.1, 0.1, 0.1], nil, "std: firstconv needs it"),
            ([0.1, 0.1, 0.1], [0.2], "one per channel"), ([0.1], [0.2], "3 input channel(s), but mean and std have 1"),
        ] as [([Double]?, [Double]?, String)] {
            let specification = MLUQuantizationSpecification(firstConvolution: true, mean: mean, std: std)
            let message = refusal { () throws(MLUConversionError) in
                _ = try network().quantizeDynamicMLU(qconfigSpec: specification, dtype: "int8", genQuant: true)
            }
            #expect(message.contains(text), "\(message)")
        }
    }

    @Test func firstconvStoresMeanAndStdTimes255InTheFirstConvolutionOnly() throws {
        let specification = MLUQuantizationSpecification(
            firstConvolution: true, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
        let conversion = try network().quantizeDynamicMLU(qconfigSpec: specification, dtype: "int8", genQuant: true)
        let mean = try #require(conversion.graph.initializers["conv1.input_mean"])
        #expect(mean.shape == [1, 3, 1, 1])
        #expect(mean.elements(as: Float.self) == [123.675, 116.28, 103.53])
        #expect(
            conversion.graph.initializers["conv1.input_std"]?.elements(as: Float.self)
                == [0.229, 0.224, 0.225].map { Float($0 * 255) })
        #expect(conversion.graph.initializers["fc.input_mean"] == nil)
        // Once per conversion, not once per process.
        let again = try network().quantizeDynamicMLU(qconfigSpec: specification, dtype: "int8", genQuant: true)
        #expect(again.graph.initializers["conv1.input_mean"] != nil)
        // Generating takes normalized data and does not normalize again.
        let input = randomTensor([2, 3, 6, 6], seed: 9)
        #expect(try evaluate(conversion.graph, input) == evaluate(network(), input))
        let plain = try network().quantizeDynamicMLU(dtype: "int8", genQuant: true)
        #expect(plain.graph.initializers["conv1.input_mean"] == nil)
    }

    @Test func firstconvTakesOneThreeOrFourChannels() throws {
        for channels in [1, 2, 3, 4, 5] {
            let specification = MLUQuantizationSpecification(
                firstConvolution: true, mean: Array(repeating: 0.5, count: channels),
                std: Array(repeating: 0.5, count: channels))
            let message = refusal { () throws(MLUConversionError) in
                _ = try network(channels: channels).quantizeDynamicMLU(
                    qconfigSpec: specification, dtype: "int8", genQuant: true)
            }
            #expect(message.contains("1, 3 or 4 channels") == [2, 5].contains(channels), "\(channels): \(message)")
        }
    }

    // MARK: What is converted

    @Test func everyLinearFormBecomesAModuleAndOthersStayFloat() throws {
        var builder = GraphBuilder(input: [2, 3, 4])
        let first = builder.constant("a.weight", [4, 5])
        builder.node(.matMul, ["x", first], ["product"])
        builder.node(.binary(.add), [builder.constant("a.bias", [5]), "product"], ["a"])
        let second = builder.constant("/b/weights", [5, 6])
        builder.node(.matMul, ["a", second], ["b"])
        builder.graph.nodes[2].name = "/body/b/MatMul"
        builder.node(.flatten(axis: 1), ["b"], ["flat"])
        builder.node(
            .gemm(GemmAttributes()),
            ["flat", builder.constant("c.weight", [18, 7]), builder.constant("c.bias", [1, 7])],
            ["c"])
        builder.node(
            .gemm(GemmAttributes(alpha: 0.5, transposeB: true)), ["c", builder.constant("d.weight", [2, 7])], ["d"])
        builder.node(.unary(.sigmoid), ["d"], ["y"])
        let float = builder.build(outputs: ["y"])
        let conversion = try float.quantizeDynamicMLU(dtype: "int8", genQuant: true)
        #expect(conversion.modules.map(\.path) == ["a", "body.b", "c"])
        #expect(conversion.modules.allSatisfy { $0.kind == .linear })
        #expect(
            conversion.graph.operatorNames == ["MLULinear", "MLULinear", "Flatten", "MLULinear", "Gemm", "Sigmoid"])
        #expect(conversion.graph.initializers["a.weight"]?.shape == [5, 4])
        #expect(conversion.graph.initializers["c.bias"]?.shape == [7])
        #expect(conversion.warnings.map(\.description).contains { $0.contains("'d_node'") && $0.contains("alpha 1") })
        let input = randomTensor([2, 3, 4], seed: 5)
        #expect(try evaluate(conversion.graph, input) == evaluate(float, input))
        #expect(try evaluate(conversion.calibrationGraph, input) == evaluate(float, input))
        try conversion.graph.validate()
    }

    @Test func convolutionsOfOneTwoAndThreeDimensionsAreConvertedWithTheirAttributes() throws {
        for spatial in 1...3 {
            let shape = [2, 4] + Array(repeating: 7, count: spatial)
            var builder = GraphBuilder(input: shape.map { .fixed($0) })
            let attributes = ConvolutionAttributes(
                strides: Array(repeating: 2, count: spatial), dilations: Array(repeating: 2, count: spatial),
                padding: .explicit(
                    before: Array(repeating: 1, count: spatial), after: Array(repeating: 1, count: spatial)),
                groups: 2)
            let weight = builder.constant("c.weight", Shape([6, 2] + Array(repeating: 3, count: spatial)))
            builder.node(.convolution(attributes), ["x", weight], ["y"])
            let float = builder.build(outputs: ["y"])
            let conversion = try float.quantizeDynamicMLU(dtype: "int8", genQuant: true)
            #expect(conversion.modules.map(\.kind) == [MLUModuleKind(rawValue: "conv\(spatial)d")])
            #expect(conversion.graph.nodes[0].op == .mlu(.convolution(attributes)))
            #expect(conversion.graph.nodes[0].input(.bias) == nil)
            let input = randomTensor(Shape(shape), seed: 8)
            #expect(try evaluate(conversion.graph, input) == evaluate(float, input))
            let perChannel = MLUQuantizationSpecification(isPerChannel: true)
            let message = refusal { () throws(MLUConversionError) in
                _ = try float.quantizeDynamicMLU(qconfigSpec: perChannel, dtype: "int8", genQuant: true)
            }
            #expect(message.contains("no scales per channel") == (spatial == 3), "\(message)")
        }
    }

    @Test func aGivenMappingReplacesTheDefaultOne() throws {
        let kinds = try network().quantizeDynamicMLU(
            dtype: "int8", mapping: MLUMapping(names: ["conv2d"]), genQuant: true)
        #expect(kinds.modules.map(\.path) == ["conv1"])
        #expect(kinds.graph.operatorNames.contains("Gemm"))
        let none = try network().quantizeDynamicMLU(dtype: "int8", mapping: MLUMapping([:]), genQuant: true)
        #expect(none.modules.isEmpty && none.graph.nodes == network().nodes)
    }

    @Test func aCustomClassStaysFloatUnlessTheMappingNamesIt() throws {
        var graph = network()
        graph.nodes[0].module = ModuleOrigin(path: "stem.conv", className: "IConv", package: "my.layers")
        graph.nodes[4].module = ModuleOrigin(path: "head", className: "Linear", package: "torch.nn.modules.linear")
        let standard = try graph.quantizeDynamicMLU(dtype: "int8", genQuant: true)
        #expect(standard.modules.map(\.path) == ["head"])
        #expect(standard.graph.nodes[0] == graph.nodes[0])
        #expect(standard.warnings.map(\.description).contains { $0.contains("'conv1_node' (IConv) stays") })
        // Not even a class that is called Conv2d, unless it is PyTorch's.
        graph.nodes[0].module = ModuleOrigin(path: "stem.conv", className: "Conv2d", package: "my.layers")
        #expect(try graph.quantizeDynamicMLU(dtype: "int8", genQuant: true).modules.map(\.path) == ["head"])
        let byName = try graph.quantizeDynamicMLU(
            dtype: "int8", mapping: MLUMapping([.className("Conv2d"): MLUStandardReplacement()]), genQuant: true)
        #expect(byName.modules.map(\.path) == ["stem.conv"])
        #expect(byName.graph.initializers["stem.conv.weight"] == graph.initializers["conv1.weight"])
    }

    @Test func aCustomConversionSuppliesItsOwnReplacement() throws {
        struct Halved: MLUModuleReplacement {
            func replace(_ module: FloatModule, isGenerating: Bool) throws(MLUConversionError) -> ReplacedModule {
                var result = try MLUStandardReplacement().replace(module, isGenerating: isGenerating)
                let half = module.weight.elements(as: Float.self).map { $0 / 2 }
                result.parameters[0]?.tensor = Tensor(shape: module.weight.shape, elements: half)
                return result
            }
        }
        var graph = network()
        graph.nodes[4].module = ModuleOrigin(path: "fc", className: "MyLinear", package: "my")
        let mapping = MLUMapping([
            .kind(.conv2d): MLUStandardReplacement(), .className("MyLinear"): Halved(),
        ])
        let conversion = try graph.quantizeDynamicMLU(dtype: "int8", mapping: mapping, genQuant: true)
        #expect(conversion.modules.map(\.path) == ["conv1", "fc"])
        let input = randomTensor([2, 3, 6, 6], seed: 3)
        let result = try #require(evaluate(conversion.graph, input)["y"])
        #expect(try result == evaluate(conversion.calibrationGraph, input)["y"])
        #expect(try result != evaluate(graph, input)["y"])
        #expect(conversion.graph.initializers["fc.weight"] != graph.initializers["fc.weight"])
    }

    @Test func theModelItselfIsNoModule() throws {
        var builder = GraphBuilder(input: [2, 4])
        builder.node(.gemm(GemmAttributes(transposeB: true)), ["x", builder.constant("weight", [3, 4])], ["y"])
        builder.graph.nodes[0].module = ModuleOrigin(path: "", className: "Linear", package: "torch.nn.modules.linear")
        let graph = builder.build(outputs: ["y"])
        let conversion = try graph.quantizeDynamicMLU(dtype: "int8", genQuant: true)
        #expect(conversion.modules.isEmpty && conversion.graph.nodes == graph.nodes && conversion.warnings.count == 1)
    }

    @Test func mixedLayersOverrideTheType() throws {
        let conversion = try network().quantizeDynamicMLU(
            dtype: "int8", genQuant: true, mixedLayer: ["fc, conv1": "int16"])
        #expect(conversion.modules.allSatisfy { $0.dataType == .int16 })
        let one = try network().quantizeDynamicMLU(dtype: "int8", genQuant: true, mixedLayer: ["fc": "int16"])
        #expect(one.modules.map(\.dataType) == [.int8, .int16])
        #expect(
            refusal { () throws(MLUConversionError) in
                _ = try network().quantizeDynamicMLU(dtype: "int8", genQuant: true, mixedLayer: ["fc2": "int16"])
            }.contains("'fc2', which is no converted module; the modules are 'conv1', 'fc'"))
    }

    // MARK: Paths

    @Test func pathsComeFromOriginWeightBiasOrNodeAndAreUnique() {
        #expect(ModulePath.path(ofNode: "/layer1/0/conv1/Conv", operatorName: "Conv") == "layer1.0.conv1")
        #expect(ModulePath.path(ofNode: "/layer1/layer1.0/conv1/Conv_1", operatorName: "Conv") == "layer1.0.conv1")
        #expect(ModulePath.path(ofNode: "Conv_7", operatorName: "Conv") == "Conv_7")
        #expect(ModulePath.path(ofNode: "/Conv", operatorName: "Conv") == "Conv")
        #expect(ModulePath.path(ofNode: "/a/ConvNext", operatorName: "Conv") == "a.ConvNext")
        let node = Node(name: "/m/fc/MatMul", op: .matMul, inputs: ["x", "w"], outputs: ["y"])
        #expect(ModulePath.wanted(node: node, weight: "onnx::MatMul_7", bias: "m.0.fc.bias") == "m.0.fc")
        #expect(ModulePath.wanted(node: node, weight: "onnx::MatMul_7", bias: nil) == "m.fc")
        #expect(ModulePath.wanted(node: node, weight: "deep.weight", bias: "m.bias") == "deep")
        var origin = node
        origin.module = ModuleOrigin(path: "o.p", className: "Linear")
        #expect(ModulePath.wanted(node: origin, weight: "deep.weight", bias: "m.bias") == "o.p")
    }

    @Test func takenPathsGetANumberAndTheSameModuleCalledTwiceStaysOne() throws {
        var builder = GraphBuilder(input: [1, 2, 4, 4])
        builder.conv("x", "a")
        let attributes = ConvolutionAttributes(padding: .explicit(before: [1, 1], after: [1, 1]))
        builder.node(.convolution(attributes), ["a", "a.weight", "a.bias"], ["again"])
        builder.conv("again", "b")
        builder.node(.binary(.multiply), ["b", builder.constant("c.scale", [1])], ["scaled"])
        builder.conv("scaled", "c")
        var graph = builder.build(outputs: ["c"])
        graph.nodes[2].module = ModuleOrigin(path: "a", className: "Conv2d")
        let conversion = try graph.quantizeDynamicMLU(dtype: "int8", genQuant: true)
        // 'c.scale' is another value, so the parameters of c lie elsewhere.
        #expect(conversion.modules.map(\.path) == ["a", "a_1", "c_1"])
        #expect(conversion.modules[0].calls.map(\.data) == ["x", "a"])
        #expect(conversion.warnings.count == 2)
        let input = randomTensor([1, 2, 4, 4], seed: 2)
        #expect(try evaluate(conversion.graph, input) == evaluate(graph, input))
        try conversion.graph.validate()
    }

    @Test func modulesThatShareAWeightGetTheirOwnCopies() throws {
        var builder = GraphBuilder(input: [1, 2, 4, 4])
        builder.conv("x", "a", bias: false)
        let attributes = ConvolutionAttributes(padding: .explicit(before: [1, 1], after: [1, 1]))
        builder.node(.convolution(attributes), ["a", "a.weight"], ["y"])
        var graph = builder.build(outputs: ["y"])
        graph.nodes[0].module = ModuleOrigin(path: "first", className: "Conv2d", package: "torch.nn.modules.conv")
        graph.nodes[1].module = ModuleOrigin(path: "second", className: "Conv2d", package: "torch.nn.modules.conv")
        let conversion = try graph.quantizeDynamicMLU(dtype: "int8", genQuant: true)
        #expect(conversion.modules.map(\.path) == ["first", "second"])
        #expect(conversion.graph.initializers["first.weight"] == conversion.graph.initializers["second.weight"])
        #expect(conversion.warnings == [.sharedParameter(name: "a.weight", paths: ["first", "second"])])
    }
}
