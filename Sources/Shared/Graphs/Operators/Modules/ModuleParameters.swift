internal import Quantization

/// A parameter of a module: an initializer named after the module's path, a dot and the key.
public struct ModuleParameter: Hashable, Sendable {
    /// What becomes of a parameter in training.
    public enum Role: Hashable, Sendable {
        /// Gradients change it.
        case trained
        /// Statistics of a normalization or an observer.
        case state
        /// Nothing changes it.
        case constant
    }

    /// The key in state dictionaries, below the module's path.
    public var key: String
    /// What becomes of it in training.
    public var role: Role
    /// Whether a module may lack it.
    public var isOptional: Bool

    /// Describes a parameter.
    public init(_ key: String, _ role: Role = .trained, isOptional: Bool = false) {
        self.key = key
        self.role = role
        self.isOptional = isOptional
    }
}

extension ModuleKind {
    /// Number of data that the module reads.
    public var dataCount: Int {
        switch self {
        case .elemwise(let mode): mode.operandCount
        case .concat(_, let dataCount): dataCount
        case .convolution, .transposedConvolution, .linear, .batchMatMulActivation, .quantStub, .dequantStub: 1
        }
    }

    /// What is fused into it; `nil` for modules without weights that can be normalized.
    public var fusion: ModuleFusion? {
        switch self {
        case .convolution(_, _, let fusion), .transposedConvolution(_, let fusion), .linear(let fusion): fusion
        case .batchMatMulActivation, .elemwise, .concat, .quantStub, .dequantStub: nil
        }
    }

    /// Whether there is a weight: then a QAT module has weight observers and fake quantizers.
    public var hasWeight: Bool {
        switch self {
        case .convolution, .transposedConvolution, .linear, .batchMatMulActivation: true
        case .elemwise, .concat, .quantStub, .dequantStub: false
        }
    }

    /// Whether its result is quantized: then a QAT module has activation observers and fake quantizers.
    public var hasActivation: Bool { self != .dequantStub }

    /// What the inner layer of a normalized module is called in a state dictionary, with a dot; empty without normalization.
    public var layerPrefix: String {
        guard fusion?.batchNormalization != nil else { return "" }
        switch self {
        case .convolution: return "conv."
        case .transposedConvolution: return "conv_transpose2d."
        case .linear: return "linear."
        case .batchMatMulActivation, .elemwise, .concat, .quantStub, .dequantStub: return ""
        }
    }

    /// The parameters of the float family.
    var floatParameters: [ModuleParameter] {
        guard hasWeight else { return [] }
        var result = [
            ModuleParameter(layerPrefix + "weight"), ModuleParameter(layerPrefix + "bias", isOptional: true),
        ]
        if fusion?.batchNormalization != nil {
            result += [
                ModuleParameter("bn.weight"), ModuleParameter("bn.bias"), ModuleParameter("bn.running_mean", .state),
                ModuleParameter("bn.running_var", .state),
            ]
        }
        return result
    }
}

extension ModuleOperator {
    /// The parameters in the order of the node's inputs.
    ///
    /// QAT modules have those of the float family and then the state of `weight_observer`, `act_observer`, `weight_fake_quant`
    /// and `act_fake_quant`. Quantized modules have `weight` (integers), `weight_scale`, `weight_zero_point`, `bias` (float32),
    /// `scale` and `zero_point` (of the result), as far as they apply.
    public var parameters: [ModuleParameter] {
        switch family {
        case .float: return kind.floatParameters
        case .qat(let settings):
            var result = kind.floatParameters
            for (name, observer) in [
                ("weight_observer", settings.qconfig.weightObserver), ("act_observer", settings.qconfig.actObserver),
            ] {
                result += (observer?.stateKeys ?? []).map { ModuleParameter("\(name).\($0)", .state) }
            }
            for (name, fakeQuant) in [
                ("weight_fake_quant", settings.qconfig.weightFakeQuant),
                ("act_fake_quant", settings.qconfig.actFakeQuant),
            ] {
                for (index, key) in (fakeQuant?.stateKeys ?? []).enumerated() {
                    result.append(ModuleParameter("\(name).\(key)", index == 0 ? .trained : .constant))
                }
            }
            return result
        case .quantized(let settings):
            var result: [ModuleParameter] = []
            if let weight = settings.weight {
                result = [ModuleParameter("weight", .constant), ModuleParameter("weight_scale", .constant)]
                if weight.isUnsigned { result.append(ModuleParameter("weight_zero_point", .constant)) }
                result.append(ModuleParameter("bias", .constant, isOptional: true))
            }
            if let output = settings.output {
                result.append(ModuleParameter("scale", .constant))
                if output.isUnsigned { result.append(ModuleParameter("zero_point", .constant)) }
            }
            return result
        }
    }

    /// Inputs between the data and the parameters: scale and zero point of each of the data, in the quantized family.
    public var dataParameterCount: Int {
        if case .quantized = family { 2 * kind.dataCount } else { 0 }
    }

    /// Number of inputs of a node.
    public var inputCount: Int { kind.dataCount + dataParameterCount + parameters.count }

    /// Position of a parameter among a node's inputs; `nil` when the module has no such parameter.
    public func position(of key: String) -> Int? {
        parameters.firstIndex { $0.key == key }.map { kind.dataCount + dataParameterCount + $0 }
    }
}

extension Node {
    /// Name of the initializer that holds a module's parameter; `nil` when it is absent or this is no module.
    public func parameter(_ key: String) -> String? {
        guard case .module(let module) = op, let position = module.position(of: key) else { return nil }
        return input(position)
    }
}
