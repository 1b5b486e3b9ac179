internal import Tensors

/// The specimens of ONNX Runtime's operators.
enum MicrosoftSpecimens {
    static let all = floats.merging(quantized) { first, _ in first }

    private static let floats: [String: OperatorSpecimen] = [
        "BiasGelu": .init(.data(2, 4), .parameter(4)), "FastGelu": .init(.data(2, 4), .parameter(4)),
        "FusedMatMul": .init(.data(2, 4), .parameter(4, 3)), "TransposeMatMul": .init(.data(2, 4), .parameter(4, 3)),
        "FusedConv": .init(
            .data(1, 4, 5, 5), .parameter(4, 4, 3, 3), .parameter(4), attributes: ["activation": .text("Relu")]),
        "FusedGemm": .init(
            .data(2, 4), .parameter(4, 3), .parameter(3), attributes: ["activation": .text("Relu")]),
        "SkipLayerNormalization": .init(.data(1, 2, 4), .data(1, 2, 4), .parameter(4), .parameter(4)),
        "SkipSimplifiedLayerNormalization": .init(.data(1, 2, 4), .data(1, 2, 4), .parameter(4)),
        "EmbedLayerNormalization": .init(
            .other(.int32, [1, 2]), .absent, .data(3, 4), .parameter(2, 4), .absent, .parameter(4), .parameter(4)),
        "Attention": .init(
            .data(1, 2, 4), .parameter(4, 12), .parameter(12), attributes: ["num_heads": .integer(2)]),
        "MultiHeadAttention": .init(
            .data(1, 2, 4), .data(1, 2, 4), .data(1, 2, 4), attributes: ["num_heads": .integer(2)]),
        "RotaryEmbedding": .init(
            .data(1, 2, 3, 4), .other(.int64, [1, 3]), .parameter(3, 2), .parameter(3, 2)),
    ]

    private static let quantized: [String: OperatorSpecimen] = {
        let scale = OperatorSpecimen.Input.number(Float(0.5))
        let (pair, image) = (OperatorSpecimen.Input.data(2, 4), OperatorSpecimen.Input.data(1, 2, 4, 4))
        let zero = OperatorSpecimen.Input.parameter()
        return [
            "QLinearAdd": .init(pair, scale, zero, pair, scale, zero, scale, zero),
            "QLinearMul": .init(pair, scale, zero, pair, scale, zero, scale, zero),
            "QLinearAveragePool": .init(
                image, scale, zero, scale, zero, attributes: ["kernel_shape": .integers([2, 2])]),
            "QLinearGlobalAveragePool": .init(image, scale, zero, scale, zero),
            "QLinearLeakyRelu": .init(pair, scale, zero, scale, zero),
            "QLinearSigmoid": .init(pair, scale, zero, scale, zero),
            "QLinearSoftmax": .init(pair, scale, zero, scale, zero, attributes: ["opset": .integer(13)]),
            "QLinearConcat": .init(
                scale, zero, pair, scale, zero, pair, scale, zero, attributes: ["axis": .integer(1)]),
            "QuantizeLinear": .init(pair, scale, .constant(Tensor(scalar: Int16(0)))),
            "DequantizeLinear": .init(pair, scale, zero),
        ]
    }()
}
