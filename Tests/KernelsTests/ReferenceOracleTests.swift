import Foundation
import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

/// Reference kernels against ONNX Runtime's results in `Tests/Fixtures/kernels/operators.npz` (made by `make.py` there).
@Suite struct ReferenceOracleTests {
    private let arrays: [String: Tensor]

    init() throws {
        arrays = try NPZFile.read(path: Fixtures.directory.appending(path: "kernels/operators.npz").path)
    }

    private func check(
        _ name: String, _ op: Operator, _ inputs: [String?], outputs: Int = 1, tolerance: Double = 2e-6,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let results = try ReferenceKernels.evaluate(
            op, inputs: inputs.map { $0.flatMap { arrays["\(name)/\($0)"] } }, outputCount: outputs)
        for (index, result) in results.enumerated() {
            let expected = try #require(arrays["\(name)/out\(index)"], sourceLocation: sourceLocation)
            #expect(result.shape == expected.shape, "\(name) output \(index)", sourceLocation: sourceLocation)
            if result.elementType == .float32 {
                expectClose(
                    result.floatElements, expected.doubleElements, tolerance: tolerance, "\(name) output \(index)",
                    sourceLocation: sourceLocation)
            } else {
                #expect(result == expected, "\(name) output \(index)", sourceLocation: sourceLocation)
            }
        }
    }

    @Test func resizesInEveryCoordinateMapping() throws {
        let mappings: [(String, ResizeAttributes.CoordinateTransformation)] = [
            ("half_pixel", .halfPixel), ("half_pixel_symmetric", .halfPixelSymmetric),
            ("pytorch_half_pixel", .pytorchHalfPixel), ("align_corners", .alignCorners), ("asymmetric", .asymmetric),
        ]
        for (name, mapping) in mappings {
            for mode in ResizeAttributes.Mode.allCases {
                try check(
                    "\(mode.rawValue)_\(name)", .resize(ResizeAttributes(mode: mode, coordinates: mapping)),
                    ["X", nil, "scales"])
            }
        }
    }

    @Test func roundsNearestInEveryWay() throws {
        let roundings: [(String, ResizeAttributes.NearestRounding)] = [
            ("round_prefer_floor", .roundPreferFloor), ("round_prefer_ceil", .roundPreferCeil), ("floor", .floor),
            ("ceil", .ceil),
        ]
        for (name, rounding) in roundings {
            try check("nearest_\(name)", .resize(ResizeAttributes(nearestRounding: rounding)), ["X", nil, "scales"])
        }
    }

    @Test func resizesWithEveryOption() throws {
        let sizes: [String?] = ["X", nil, nil, "sizes"]
        try check("linear_to_one", .resize(.init(mode: .linear, coordinates: .pytorchHalfPixel)), sizes)
        try check("cubic_exclude", .resize(.init(mode: .cubic, cubicCoefficient: -0.5, excludesOutside: true)), sizes)
        try check("linear_antialias", .resize(.init(mode: .linear, antialias: true)), sizes)
        try check("cubic_antialias", .resize(.init(mode: .cubic, antialias: true)), sizes)
        try check(
            "cubic_antialias_exclude", .resize(.init(mode: .cubic, excludesOutside: true, antialias: true)), sizes)
        try check(
            "crop", .resize(.init(mode: .linear, coordinates: .cropAndResizeRegion, extrapolationValue: -9)),
            ["X", "roi", nil, "sizes"])
        try check("not_larger", .resize(.init(mode: .linear, aspectRatio: .notLarger, axes: [2, 3])), sizes)
        try check("not_smaller", .resize(.init(aspectRatio: .notSmaller, axes: [3, 2])), sizes)
    }

    @Test func lstmFollowsOnnxRuntime() throws {
        let inputs: [String?] = ["X", "W", "R", "B", "lengths", "hidden", "cell", "peepholes"]
        try check("lstm", .lstm(.init(hiddenSize: 3)), inputs, outputs: 3)
        try check("lstm_bidirectional", .lstm(.init(hiddenSize: 3, direction: .bidirectional)), inputs, outputs: 3)
        try check(
            "lstm_coupled",
            .lstm(
                .init(
                    hiddenSize: 3, activations: ["HardSigmoid", "Elu", "Softsign"], clip: 0.7,
                    couplesInputAndForget: true)), inputs, outputs: 3)
        try check(
            "lstm_activations",
            .lstm(
                .init(
                    hiddenSize: 3, direction: .bidirectional,
                    activations: ["Sigmoid", "LeakyRelu", "ScaledTanh", "HardSigmoid", "Softplus", "Affine"],
                    activationAlphas: [0.3, 0.5, 0.4, 0.6], activationBetas: [0.9, 0.45, 0.1])), inputs, outputs: 3)
    }

    @Test func gruFollowsOnnxRuntime() throws {
        let inputs: [String?] = ["X", "W", "R", "B", "lengths", "hidden"]
        try check("gru", .gru(.init(hiddenSize: 3)), inputs, outputs: 2)
        try check("gru_bidirectional", .gru(.init(hiddenSize: 3, direction: .bidirectional)), inputs, outputs: 2)
        try check(
            "gru_reset_after", .gru(.init(hiddenSize: 3, direction: .reverse, clip: 0.5, linearBeforeReset: true)),
            inputs, outputs: 2)
    }

    @Test func batchFirstIsTheSameWithAxesExchanged() throws {
        func swapped(_ name: String) throws -> Tensor {
            let tensor = try #require(arrays["lstm_bidirectional/\(name)"])
            let rest = Array(2..<tensor.shape.rank)
            return try evaluate(.transpose(permutation: [1, 0] + rest), tensor)
        }
        var inputs = ["X", "W", "R", "B", "lengths", "hidden", "cell", "peepholes"].map {
            arrays["lstm_bidirectional/\($0)"]
        }
        for (index, name) in [(0, "X"), (5, "hidden"), (6, "cell")] { inputs[index] = try swapped(name) }
        let attributes = RecurrentAttributes(hiddenSize: 3, direction: .bidirectional, batchFirst: true)
        let results = try ReferenceKernels.evaluate(.lstm(attributes), inputs: inputs, outputCount: 3)
        let sequence = try #require(arrays["lstm_bidirectional/out0"])
        let expected = try evaluate(.transpose(permutation: [2, 0, 1, 3]), sequence)
        #expect(results[0].shape == expected.shape)
        expectClose(results[0].floatElements, expected.doubleElements, tolerance: 2e-6)
        expectClose(results[1].floatElements, try swapped("out1").doubleElements, tolerance: 2e-6)
        expectClose(results[2].floatElements, try swapped("out2").doubleElements, tolerance: 2e-6)
    }

    @Test func normalizesAsOnnxRuntimeDoes() throws {
        try check(
            "layer_normalization", .layerNormalization(.init(axis: 1, epsilon: 1e-3)), ["X", "scale", "bias"],
            outputs: 3)
        let parameters: [String?] = ["X", "scale", "bias", "mean", "variance"]
        try check("batch_normalization", .batchNormalization(.init()), parameters)
        try check(
            "batch_normalization_training", .batchNormalization(.init(momentum: 0.8, trainingMode: true)), parameters,
            outputs: 3)
        try check(
            "lrn", .localResponseNormalization(.init(alpha: 0.5, beta: 0.6, bias: 1.2, size: 5)), ["X"])
        try check("softmax", .softmax(axis: 1), ["X"])
        try check("log_softmax", .logSoftmax(axis: 1), ["X"])
    }

    @Test func quantizesAsOnnxRuntimeDoes() throws {
        for type in ["int8", "uint8", "int16", "uint16"] {
            try check("quantize_\(type)", .quantizeLinear(.init()), ["X", "scale", "zero"])
        }
        try check("quantize_channels", .quantizeLinear(.init(axis: 1)), ["X", "scale", "zero"])
        try check("dequantize_channels", .dequantizeLinear(.init(axis: 0)), ["X", "scale", "zero"], tolerance: 0)
    }
}
