import Quantization
import Tensors
import Testing

@Suite struct QuantizationParametersTests {
    private let uint8 = QuantizationScheme(type: .uint8, isSymmetric: false)
    private let int8 = QuantizationScheme(type: .int8, isSymmetric: true)

    /// Expected values from `compute_scale_zp` of ONNX Runtime 1.31.1.
    @Test(arguments: goldens)
    func parametersEqualONNXRuntime(golden: Golden) {
        let scheme = QuantizationScheme(type: golden.type, isSymmetric: golden.isSymmetric)
        let range = TensorRange(minimum: golden.minimum, maximum: golden.maximum)
        let parameters = QuantizationParameters(range: range, scheme: scheme)
        #expect(parameters.scales[0].bitPattern == golden.scaleBits)
        #expect(parameters.zeroPoints == [golden.zeroPoint])
    }

    @Test func rangesWithoutWidthGetScaleOne() {
        let range = TensorRange(minimum: 0, maximum: 0)
        #expect(QuantizationParameters(range: range, scheme: uint8).scales == [1])
        let tiny = TensorRange(minimum: 0, maximum: .leastNormalMagnitude)
        #expect(QuantizationParameters(range: tiny, scheme: int8).scales == [1])
    }

    @Test func quantizingRoundsAsNamedAndSaturates() throws {
        let parameters = QuantizationParameters(type: .int8, scale: 0.5, zeroPoint: 0)
        let values: [Float] = [0.25, 0.75, -0.25, -0.75, 1e9, -1e9, .infinity, -.infinity, .nan, -1.25]
        let tensor = Tensor(shape: [10], elements: values)
        let even = try parameters.quantize(tensor).elements(as: Int8.self)
        #expect(even == [0, 2, 0, -2, 127, -128, 127, -128, -128, -2])
        let away = try parameters.quantize(tensor, rounding: .halfAwayFromZero).elements(as: Int8.self)
        #expect(away == [1, 2, -1, -2, 127, -128, 127, -128, -128, -3])
    }

    @Test func perChannelParametersFollowTheirAxis() throws {
        let parameters = QuantizationParameters(type: .uint8, scales: [1, 2], zeroPoints: [0, 10], axis: 1)
        let tensor = Tensor(shape: [2, 2, 1], elements: [3, 4, 5, 6] as [Float])
        let quantized = try parameters.quantize(tensor)
        #expect(quantized.elements(as: UInt8.self) == [3, 12, 5, 13])
        #expect(try parameters.dequantize(quantized).elements(as: Float.self) == [3, 4, 5, 6])
        let wrong = Tensor(shape: [2, 3], elements: [Float](repeating: 0, count: 6))
        #expect(throws: QuantizationError.channels([2, 3], axis: 1, scaleCount: 2)) { try parameters.quantize(wrong) }
        #expect(throws: QuantizationError.elementType(.float32, expected: .uint8)) { try parameters.dequantize(wrong) }
    }

    @Test func invalidPartsAreRefused() {
        let bad: [([Float], [Int32], Int?)] = [
            ([0], [0], nil), ([.nan], [0], nil), ([.infinity], [0], nil), ([-1], [0], nil), ([1], [256], nil),
            ([1], [-1], nil), ([1, 1], [0], 0), ([1, 1], [0, 0], nil), ([], [], nil),
        ]
        for (scales, zeroPoints, axis) in bad {
            #expect(
                QuantizationParameters(checking: .uint8, scales: scales, zeroPoints: zeroPoints, axis: axis) == nil)
        }
    }

    @Test func weightsCoverEachChannel() throws {
        let weight = Tensor(shape: [2, 3], elements: [1, -2, 0.5, 0, 0, 0] as [Float])
        var scheme = int8
        scheme.granularity = .perChannel
        let parameters = try WeightQuantization.parameters(for: weight, scheme: scheme, axis: 0)
        #expect(parameters.scales == [Float(2.0 / 127.0), 1])
        #expect(parameters.axis == 0)
        let broken = Tensor(shape: [2, 1], elements: [1, .nan] as [Float])
        #expect(throws: WeightQuantizationError.notFinite(channel: 1)) {
            try WeightQuantization.parameters(for: broken, scheme: scheme, axis: 0)
        }
        #expect(throws: WeightQuantizationError.noSuchAxis(2, [2, 3])) {
            try WeightQuantization.parameters(for: weight, scheme: scheme, axis: 2)
        }
    }

    @Test func biasTooLargeForItsScaleRaisesTheWeightScale() throws {
        let weight = QuantizationParameters(type: .int8, scales: [1e-9, 0.01], zeroPoints: [0, 0], axis: 0)
        let bias = Tensor(shape: [2], elements: [100, -3] as [Float])
        let adjusted = try BiasQuantization.adjustingWeightParameters(weight, inputScale: 0.01, bias: bias)
        #expect(adjusted.scales[1] == 0.01)
        #expect(adjusted.scales[0] > weight.scales[0])
        let quantized = try BiasQuantization.quantize(bias, inputScale: 0.01, weight: adjusted)
        let integers = quantized.values.elements(as: Int32.self)
        #expect(integers[0] > 2_147_000_000 && integers[0] < Int32.max)
        #expect(quantized.parameters.scales[1] == Float(0.01) * Float(0.01))
        #expect(abs(Double(integers[1]) * Double(quantized.parameters.scales[1]) + 3) < 1e-4)
    }

    @Test func presetsAndMethodsAreFoundByName() throws {
        for name in PostTrainingConfiguration.presetNames where !["ema_lowbit_fakequant", "tqt"].contains(name) {
            _ = try PostTrainingConfiguration(preset: name)
        }
        #expect(try PostTrainingConfiguration(preset: "mlu-int16").weight.type == .int16)
        #expect(throws: QConfigError.fourBit("ema_lowbit_fakequant")) {
            try PostTrainingConfiguration(preset: "ema_lowbit_fakequant")
        }
        let error = #expect(throws: QConfigError.self) { try PostTrainingConfiguration(preset: "nope") }
        #expect(error?.description.contains("mlu-int16") == true)
        for text in CalibrationMethod.names + [
            "percentile:99.9", "ema:0.5", "histogram:megengine", "histogram:torch:64:7",
        ] {
            let method = try CalibrationMethod(parsing: text)
            #expect(try CalibrationMethod(parsing: method.description) == method)
        }
        #expect(try CalibrationMethod(parsing: "percentile") == .percentile(percentage: 99.999))
        #expect(try CalibrationMethod(parsing: "histogram:exact") == .histogram)
        #expect(
            try CalibrationMethod(parsing: "histogram:torch").histogramRule
                == HistogramRule(form: .torch, binCount: 2048, upsampleRate: 16))
        #expect(try CalibrationMethod(parsing: "histogram:megengine").description == "histogram:megengine:2048:128")
        for text in [
            "", "kl", "percentile:101", "percentile:50", "percentile:x", "ema:1", "minmax:3", "ema:", "histogram:",
            "histogram:exact:5", "histogram:numpy", "histogram:torch:0", "histogram:torch:64:7:1", "entropy:1",
        ] {
            #expect(throws: CalibrationMethodError.self) { try CalibrationMethod(parsing: text) }
        }
    }
}
