public import Quantization

/// A module that can be quantized, in one of its three families: the same name, path and parameters all along.
///
/// The node reads, in this order: its data (`dataCount` values); in the quantized family the scale and the zero point of each of
/// them; then one input for each of `parameters`, all initializers named after the module's path, a dot and the parameter's
/// key, or absent. So a state dictionary and the graph's initializers are the same thing. Executors run float and QAT
/// modules in expanded form (`Conversion`).
public struct ModuleOperator: Hashable, Sendable {
    /// What the module computes.
    public var kind: ModuleKind
    /// In which arithmetic.
    public var family: ModuleFamily
    /// Whether conversions leave the module in floating point.
    public var disablesQuantization = false

    /// Makes an operator.
    public init(_ kind: ModuleKind, family: ModuleFamily = .float) {
        self.kind = kind
        self.family = family
    }
}

/// What a module computes; each of the 17 names of MegEngine is one of these.
public enum ModuleKind: Hashable, Sendable {
    /// Conv2d, ConvRelu2d, ConvBn2d, ConvBnRelu2d: data [N, C, H, W], weight [M, C/groups, kernel...].
    case convolution(ConvolutionAttributes, paddingMode: ModulePaddingMode, ModuleFusion)
    /// ConvTranspose2d and its fused forms: weight [C, M/groups, kernel...].
    case transposedConvolution(TransposedConvolutionAttributes, ModuleFusion)
    /// Linear, LinearRelu, LinearBn1d, LinearBnRelu1d: data [..., K], weight [M, K].
    case linear(ModuleFusion)
    /// Elemwise: as many data as the mode takes.
    case elemwise(ElemwiseMode)
    /// Concat: any number of data.
    case concat(axis: Int, dataCount: Int)
    /// BatchMatMulActivation: data [B, K, N], weight [B, M, K], bias [M], result [B, M, N].
    case batchMatMulActivation(hasRelu: Bool)
    /// QuantStub: where values become quantized.
    case quantStub
    /// DequantStub: where they become float again.
    case dequantStub
}

/// What is fused into a weighted module.
public struct ModuleFusion: Hashable, Sendable {
    /// The normalization behind the weights; `nil` for none.
    ///
    /// Its `trainingMode` is not looked at.
    public var batchNormalization: BatchNormalizationAttributes?
    /// What ends it.
    public var activation: ModuleActivation

    /// Makes a fusion.
    public init(batchNormalization: BatchNormalizationAttributes? = nil, activation: ModuleActivation = .identity) {
        self.batchNormalization = batchNormalization
        self.activation = activation
    }

    /// Nothing is fused.
    public static let none = ModuleFusion()
}

/// The activation at the end of a weighted module, before its result is observed and rounded.
public enum ModuleActivation: Hashable, Sendable {
    case identity
    case relu
    /// As a ReLU6 of an imported model; MegEngine has no module of this form.
    case clip(lower: Float, upper: Float)
}

/// What a convolution reads beyond its data.
public enum ModulePaddingMode: String, Hashable, Sendable, CaseIterable {
    case zeros
    case reflect
    case replicate
}

/// The arithmetic of a module.
public enum ModuleFamily: Hashable, Sendable {
    /// Floating point.
    case float
    /// Floating point with observers and fake quantizers.
    case qat(QATSettings)
    /// Integers; for inference only.
    case quantized(QuantizedSettings)
}

/// What a QAT module observes and rounds.
public struct QATSettings: Hashable, Sendable {
    /// The recipes; parts that the module has no use for are `nil`.
    public var qconfig: QConfig
    /// Whether the observer of the weight follows it.
    public var weightObserverIsEnabled: Bool
    /// Whether the observer of the result follows it.
    public var actObserverIsEnabled: Bool
    /// Whether the weight is rounded.
    public var weightFakeQuantIsEnabled: Bool
    /// Whether the result is rounded.
    public var actFakeQuantIsEnabled: Bool

    /// Makes settings with everything enabled, as a fresh module has it.
    public init(_ qconfig: QConfig) {
        self.qconfig = qconfig
        weightObserverIsEnabled = true
        actObserverIsEnabled = true
        weightFakeQuantIsEnabled = true
        actFakeQuantIsEnabled = true
    }
}

/// The integers of a quantized module.
public struct QuantizedSettings: Hashable, Sendable {
    /// Of each of the data; the kind decides whether there is a zero point.
    ///
    /// `nil` for float data, which only QuantStub reads.
    public var inputs: [QuantDtype?]
    /// Of the weight; `nil` for modules without.
    public var weight: QuantDtype?
    /// Of the result; `nil` for a float result.
    public var output: QuantDtype?

    /// Makes settings.
    public init(inputs: [QuantDtype?], weight: QuantDtype?, output: QuantDtype?) {
        self.inputs = inputs
        self.weight = weight
        self.output = output
    }
}
