internal import Graphs
internal import Tensors

/// The specimens of ONNX's own operators.
enum OperatorSpecimens {
    /// The specimen of an operator; that of a function of one element is the same for all.
    static func specimen(of name: String, domain: String) -> OperatorSpecimen {
        let known = domain.isEmpty ? standard : MicrosoftSpecimens.all
        return known[name] ?? OperatorSpecimen(.data(2, 4))
    }

    private static let standard: [String: OperatorSpecimen] = {
        var all = layers
        for group in [
            pairs, arrangements, selections, reductions, normalizations, images, signals, quantized,
            ControlSpecimens.all,
        ] {
            all.merge(group) { first, _ in first }
        }
        return all
    }()

    private static let layers: [String: OperatorSpecimen] = [
        "Conv": .init(.data(1, 4, 5, 5), .parameter(4, 4, 3, 3), .parameter(4)),
        "ConvTranspose": .init(.data(1, 4, 5, 5), .parameter(4, 4, 3, 3), .parameter(4)),
        "MatMul": .init(.data(2, 4), .parameter(4, 3)),
        "Gemm": .init(.data(2, 4), .parameter(4, 3), .parameter(3)),
        "MaxPool": .init(.data(1, 2, 4, 4), attributes: ["kernel_shape": .integers([2, 2])]),
        "AveragePool": .init(.data(1, 2, 4, 4), attributes: ["kernel_shape": .integers([2, 2])]),
        "LpPool": .init(.data(1, 2, 4, 4), attributes: ["kernel_shape": .integers([2, 2])]),
        "MaxUnpool": .init(
            .data(1, 1, 2, 2), .other(.int64, [1, 1, 2, 2]), attributes: ["kernel_shape": .integers([2, 2])]),
        "GlobalAveragePool": .init(.data(1, 2, 4, 4)), "GlobalMaxPool": .init(.data(1, 2, 4, 4)),
        "GlobalLpPool": .init(.data(1, 2, 4, 4)),
        "LSTM": .init(
            .data(2, 1, 3), .parameter(1, 8, 3), .parameter(1, 8, 2), attributes: ["hidden_size": .integer(2)]),
        "GRU": .init(
            .data(2, 1, 3), .parameter(1, 6, 3), .parameter(1, 6, 2), attributes: ["hidden_size": .integer(2)]),
        "RNN": .init(
            .data(2, 1, 3), .parameter(1, 2, 3), .parameter(1, 2, 2), attributes: ["hidden_size": .integer(2)]),
        "Attention": .init(.data(1, 2, 3, 4), .data(1, 2, 3, 4), .data(1, 2, 3, 4)),
        "RotaryEmbedding": .init(.data(1, 2, 3, 4), .parameter(1, 3, 2), .parameter(1, 3, 2)),
        "Einsum": .init(.data(2, 4), .parameter(4, 3), attributes: ["equation": .text("ij,jk->ik")]),
        "Det": .init(.data(2, 3, 3)),
        "NegativeLogLikelihoodLoss": .init(.data(2, 4), .other(.int64, [2])),
        "SoftmaxCrossEntropyLoss": .init(.data(2, 4), .other(.int64, [2])),
    ]

    private static let pairs: [String: OperatorSpecimen] = {
        var all: [String: OperatorSpecimen] = [
            "PRelu": .init(.data(1, 4, 2), .parameter(4, 1)), "Clip": .init(.data(2, 4), .parameter(), .parameter()),
            "Where": .init(.other(.bool, [2, 4]), .data(2, 4), .data(2, 4)),
            "BitShift": .init(.data(2, 4), .data(2, 4), attributes: ["direction": .text("LEFT")]),
            "Mod": .init(.data(2, 4), .data(2, 4), attributes: ["fmod": .integer(1)]),
            "Cast": .init(.data(2, 4), attributes: ["to": .integer(ElementType.float64.onnxCode)]),
            "CastLike": .init(.data(2, 4), .other(.float32, [2])),
        ]
        let names =
            ["Add", "Sub", "Mul", "Div", "Pow", "Sum", "Mean", "Min", "Max"]
            + LogicOperator.Comparison.allCases.map(\.rawValue)
            + LogicOperator.Connective.allCases.flatMap { [$0.rawValue, "Bitwise\($0.rawValue)"] }
        for name in names { all[name] = OperatorSpecimen(.data(2, 4), .data(2, 4)) }
        return all
    }()

    private static let arrangements: [String: OperatorSpecimen] = [
        "Reshape": .init(.data(2, 4), .integers(4, 2)), "Expand": .init(.data(1, 4), .integers(3, 4)),
        "Transpose": .init(.data(2, 4)), "Squeeze": .init(.data(1, 4), .integers(0)),
        "Unsqueeze": .init(.data(2, 4), .integers(0)),
        "Concat": .init(.data(2, 4), .data(2, 4), attributes: ["axis": .integer(1)]),
        "Split": .init(.data(2, 4), .integers(1, 3), attributes: ["axis": .integer(1)], outputCount: 2),
        "Slice": .init(.data(2, 4), .integers(0), .integers(2), .integers(1)),
        "Pad": .init(.data(2, 4), .integers(0, 1, 0, 1)), "Tile": .init(.data(2, 4), .integers(2, 2)),
        "DepthToSpace": .init(.data(1, 4, 2, 2), attributes: ["blocksize": .integer(2)]),
        "SpaceToDepth": .init(.data(1, 1, 4, 4), attributes: ["blocksize": .integer(2)]),
        "ReverseSequence": .init(.data(3, 2), .other(.int64, [2])),
        "CenterCropPad": .init(.data(2, 4), .integers(4, 2)), "EyeLike": .init(.data(2, 4)),
        "Range": .init(.data(), .data(), .data()),
        "OneHot": .init(.other(.int64, [3]), .number(Int64(4)), .data(2)),
        "ConstantOfShape": .init(.data(2)), "Constant": .init(attributes: ["value": .zeros([2, 4])]),
    ]

    private static let selections: [String: OperatorSpecimen] = [
        "Gather": .init(.data(3, 4), .other(.int64, [2])),
        "GatherElements": .init(.data(3, 4), .other(.int64, [3, 4])),
        "GatherND": .init(.data(3, 4), .other(.int64, [2, 1])),
        "Scatter": .init(.data(3, 4), .other(.int64, [1, 4]), .data(1, 4)),
        "ScatterElements": .init(.data(3, 4), .other(.int64, [1, 4]), .data(1, 4)),
        "ScatterND": .init(.data(3, 4), .other(.int64, [1, 1]), .data(1, 4)),
        "Compress": .init(.data(3, 4), .other(.bool, [3]), attributes: ["axis": .integer(0)]),
        "TopK": .init(.data(2, 4), .integers(2), outputCount: 2),
        "CumSum": .init(.data(2, 4), .number(Int64(1))), "CumProd": .init(.data(2, 4), .number(Int64(1))),
    ]

    private static let reductions = Dictionary(
        uniqueKeysWithValues: ReductionFunction.allCases.map {
            ($0.name, OperatorSpecimen(.data(2, 4), .integers(1)))
        })

    private static let normalizations: [String: OperatorSpecimen] = [
        "BatchNormalization": .init(.data(1, 4, 3, 3), .parameter(4), .parameter(4), .parameter(4), .parameter(4)),
        "InstanceNormalization": .init(.data(1, 4, 3, 3), .parameter(4), .parameter(4)),
        "GroupNormalization": .init(
            .data(1, 4, 3, 3), .parameter(4), .parameter(4), attributes: ["num_groups": .integer(2)]),
        "LayerNormalization": .init(.data(2, 4), .parameter(4), .parameter(4)),
        "RMSNormalization": .init(.data(2, 4), .parameter(4)),
        "SimplifiedLayerNormalization": .init(.data(2, 4), .parameter(4)),
        "LRN": .init(.data(1, 4, 3, 3), attributes: ["size": .integer(3)]),
        "MeanVarianceNormalization": .init(.data(1, 4, 3, 3)),
    ]

    private static let images: [String: OperatorSpecimen] = [
        "Resize": .init(.data(1, 1, 2, 2), .absent, .constant(Tensor(shape: [4], elements: [Float]([1, 1, 2, 2])))),
        "Upsample": .init(.data(1, 1, 2, 2), .constant(Tensor(shape: [4], elements: [Float]([1, 1, 2, 2])))),
        "GridSample": .init(.data(1, 1, 3, 3), .data(1, 2, 2, 2)),
        "AffineGrid": .init(.data(1, 2, 3), .integers(1, 1, 2, 2)),
        "RoiAlign": .init(
            .data(1, 1, 4, 4), .data(1, 4), .other(.int64, [1]),
            attributes: ["output_height": .integer(2), "output_width": .integer(2)]),
        "MaxRoiPool": .init(.data(1, 1, 4, 4), .parameter(1, 5), attributes: ["pooled_shape": .integers([2, 2])]),
        "Col2Im": .init(.data(1, 4, 1), .integers(2, 2), .integers(2, 2)),
        "DeformConv": .init(.data(1, 1, 3, 3), .parameter(1, 1, 2, 2), .data(1, 8, 2, 2)),
        "NonMaxSuppression": .init(.data(1, 3, 4), .data(1, 1, 3)),
    ]

    private static let signals: [String: OperatorSpecimen] = [
        "DFT": .init(.data(1, 4, 1)), "STFT": .init(.data(1, 8, 1), .number(Int64(2)), .absent, .number(Int64(4))),
        "HannWindow": .init(.data()), "HammingWindow": .init(.data()), "BlackmanWindow": .init(.data()),
        "MelWeightMatrix": .init(
            .number(Int64(4)), .number(Int64(16)), .number(Int64(8000)), .data(), .data()),
    ]

    private static let quantized: [String: OperatorSpecimen] = [
        "QuantizeLinear": .init(.data(2, 4), .number(Float(0.5))),
        "DequantizeLinear": .init(.data(2, 4), .number(Float(0.5))),
        "ConvInteger": .init(.data(1, 2, 4, 4), .parameter(2, 2, 3, 3)),
        "MatMulInteger": .init(.data(2, 4), .parameter(4, 3)),
        "QLinearConv": .init(
            .data(1, 2, 4, 4), .number(Float(0.5)), .parameter(), .parameter(2, 2, 3, 3), .number(Float(0.5)),
            .parameter(), .number(Float(0.5)), .parameter()),
        "QLinearMatMul": .init(
            .data(2, 4), .number(Float(0.5)), .parameter(), .parameter(4, 3), .number(Float(0.5)), .parameter(),
            .number(Float(0.5)), .parameter()),
        "DynamicQuantizeLinear": .init(.data(2, 4), outputCount: 3),
    ]
}
