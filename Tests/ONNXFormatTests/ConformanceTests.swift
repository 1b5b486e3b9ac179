import Foundation
import Graphs
import ONNXFormat
import Tensors
import TestSupport
import Testing

/// ONNX's own backend tests of every operator that Tare has, on every executor.
@Suite struct ConformanceTests {
    /// ONNX names of the operators that Tare imports.
    private static let supported = Set(
        """
        Abs Add AveragePool BatchNormalization Cast Ceil Clip Concat Constant ConstantOfShape Conv ConvTranspose \
        DequantizeLinear Div Dropout Elu Erf Exp Expand Flatten Floor GRU Gather Gelu Gemm GlobalAveragePool \
        GlobalMaxPool HardSigmoid HardSwish Identity LRN LSTM LayerNormalization LeakyRelu Log LogSoftmax MatMul Max \
        MaxPool Mean Min Mul Neg PRelu Pad Pow QuantizeLinear Reciprocal ReduceL2 ReduceMax ReduceMean ReduceMin \
        ReduceSum ReduceSumSquare Relu Reshape Resize Round Shape Sigmoid Slice Softmax Softplus Split Sqrt Squeeze \
        Sub Sum Tanh Transpose Unsqueeze And BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Equal Greater \
        GreaterOrEqual IsInf IsNaN Less LessOrEqual Not Or Where Xor Tile DepthToSpace SpaceToDepth Trilu ReverseSequence CenterCropPad \
        EyeLike Range OneHot Size CastLike GatherElements GatherND Scatter ScatterElements ScatterND Compress NonZero Unique \
        Sign Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Selu Celu Softsign Mish Swish ThresholdedRelu Shrink ArgMax \
        ArgMin TopK CumSum CumProd GridSample AffineGrid RoiAlign MaxRoiPool Col2Im DeformConv NonMaxSuppression DFT STFT \
        HannWindow HammingWindow BlackmanWindow MelWeightMatrix \
        ConvInteger Det DynamicQuantizeLinear Einsum GlobalLpPool GroupNormalization Hardmax InstanceNormalization \
        LpNormalization LpPool MatMulInteger MaxUnpool MeanVarianceNormalization Mod NegativeLogLikelihoodLoss \
        QLinearConv QLinearMatMul RMSNormalization ReduceL1 ReduceLogSum ReduceLogSumExp ReduceProd \
        SoftmaxCrossEntropyLoss RNN Attention RotaryEmbedding If Loop
        """.split(separator: " ").map(String.init))

    /// Cases of supported operators that Tare does not pass, with the reason.
    private static let exceptions: [String: String] = {
        let byReason = [
            "Dropout that an input switches to training": [
                "test_training_dropout_default", "test_training_dropout_default_mask", "test_training_dropout_mask",
                "test_training_dropout_zero_ratio",
            ],
            // ONNX's reference rounds to float16 more often; ONNX Runtime fails this case too.
            "sums in float16": ["test_attention_4d_causal_fp16"],
            "opset 1, which is older than what Tare reads": ["test_not_3d", "test_not_4d"],
            // ONNX's reference takes the fractional extent; Tare follows ONNX Runtime, which fails these cases too.
            "align_corners with a fractional output extent": [
                "test_resize_downsample_scales_linear_align_corners",
                "test_resize_downsample_scales_cubic_align_corners",
            ],
        ]
        return Dictionary(uniqueKeysWithValues: byReason.flatMap { reason, names in names.map { ($0, reason) } })
    }()

    /// How many cases passed when this was written; fewer is a regression.
    private static let passedCount = 575

    @Test(arguments: ConformanceExecutor.allCases)
    func operatorsAgreeWithOnnxBackendTests(executor: ConformanceExecutor) throws {
        guard let archive = try ConformanceArchive("onnx-node.tar.gz"),
            let index = Fixtures.shared("conformance/index.json")
        else { return }
        let cases = try JSONDecoder().decode([ConformanceCase].self, from: try Data(contentsOf: index))
        var skipped: [String: [String]] = [:]
        var passed = 0
        for conformanceCase in cases {
            if let reason = Self.reasonToSkip(conformanceCase) {
                skipped[reason, default: []].append(conformanceCase.name)
                continue
            }
            if let failure = ConformanceOutcome(conformanceCase, executor, in: archive.directory).reason {
                Issue.record("\(conformanceCase.name) (\(conformanceCase.operatorName)): \(failure)")
            } else {
                passed += 1
            }
        }
        var report = "Conformance, \(executor.rawValue) executor: \(passed) of \(cases.count) cases passed; skipped:\n"
        for (reason, names) in skipped.sorted(by: { $0.key < $1.key }) {
            report += "  \(reason): \(names.count) (\(names.sorted().joined(separator: " ")))\n"
        }
        FileHandle.standardError.write(Data(report.utf8))
        #expect(passed >= Self.passedCount, "\(passed) cases passed where \(Self.passedCount) did before")
    }

    private static func reasonToSkip(_ conformanceCase: ConformanceCase) -> String? {
        if !supported.contains(conformanceCase.operatorName) { return "operators that Tare does not have" }
        if !conformanceCase.hasKnownTypes { return "element types that Tare does not have" }
        return exceptions[conformanceCase.name]
    }

    /// Whole topologies with constant weights; the input counts up from 0 to just below 1, as ONNX's test runner feeds them.
    @Test(arguments: ConformanceExecutor.allCases)
    func topologiesAgreeWithOnnxBackendTests(executor: ConformanceExecutor) throws {
        guard let archive = try ConformanceArchive("onnx-light.tar.gz") else { return }
        let folder = archive.directory.appending(path: "onnx-light")
        for name in executor.topologies {
            let start = ContinuousClock.now
            let outcome = Result { try Self.topologyFailure(name, executor, in: folder) }
            switch outcome {
            case .success(nil): break
            case .success(.some(let failure)): Issue.record("\(name): \(failure)")
            case .failure(let error): Issue.record("\(name): \(error)")
            }
            let seconds = (ContinuousClock.now - start).formatted(
                .units(allowed: [.seconds], fractionalPart: .show(length: 2)))
            FileHandle.standardError.write(Data("Topology \(name), \(executor.rawValue) executor: \(seconds)\n".utf8))
        }
    }

    private static func topologyFailure(
        _ name: String, _ executor: ConformanceExecutor, in folder: URL
    ) throws -> String? {
        let graph = try ONNXModel.load(from: folder.appending(path: "light_\(name).onnx")).graph
        let input = try #require(graph.inputs.first)
        let shape = try #require(input.type.shape)
        let count = Double(shape.elementCount)
        let values = (0..<shape.elementCount).map { Float(Double($0) / count) }
        let outputs = try executor.run(graph, [input.name: Tensor(shape: shape, elements: values)])
        let expected = try TensorMessage.read(folder.appending(path: "light_\(name)_output_0.pb"))
        let actual = try #require(outputs[graph.outputs[0].name])
        return try ConformanceComparison.difference(actual, expected, relative: 1e-3, absolute: 1e-7)
    }
}
