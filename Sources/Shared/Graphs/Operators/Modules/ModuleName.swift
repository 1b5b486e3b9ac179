extension ModuleKind {
    /// The module's name, the same in all three families.
    public var name: String {
        func fused(_ base: String, _ dimensions: String, _ fusion: ModuleFusion) -> String {
            base + (fusion.batchNormalization == nil ? "" : "Bn") + fusion.activation.name + dimensions
        }
        switch self {
        case .convolution(_, _, let fusion): return fused("Conv", "2d", fusion)
        case .transposedConvolution(_, let fusion): return fused("ConvTranspose", "2d", fusion)
        case .linear(let fusion): return fused("Linear", fusion.batchNormalization == nil ? "" : "1d", fusion)
        case .elemwise: return "Elemwise"
        case .concat: return "Concat"
        case .batchMatMulActivation: return "BatchMatMulActivation"
        case .quantStub: return "QuantStub"
        case .dequantStub: return "DequantStub"
        }
    }

    /// One module of each of the 17 names.
    public static let everyName: [ModuleKind] = {
        let fusions = [nil, BatchNormalizationAttributes()].flatMap { normalization in
            [.identity, .relu].map { ModuleFusion(batchNormalization: normalization, activation: $0) }
        }
        return fusions.map { .convolution(ConvolutionAttributes(), paddingMode: .zeros, $0) }
            + fusions.map { .linear($0) }
            + fusions.map { .transposedConvolution(TransposedConvolutionAttributes(), $0) }
            + [
                .elemwise(.add), .concat(axis: 0, dataCount: 2), .batchMatMulActivation(hasRelu: false), .quantStub,
                .dequantStub,
            ]
    }()
}

extension ModuleActivation {
    /// Its part of a module's name.
    var name: String {
        switch self {
        case .identity: ""
        case .relu: "Relu"
        case .clip: "Clip"
        }
    }
}

extension ModuleOperator {
    /// The module's name with its family: `ConvBnRelu2d`, `QAT.ConvBnRelu2d`, `Quantized.ConvBnRelu2d`.
    public var name: String {
        switch family {
        case .float: kind.name
        case .qat: "QAT." + kind.name
        case .quantized: "Quantized." + kind.name
        }
    }
}
