public import Quantization
public import Tensors

extension ShapeRule {
    func observe() throws(ShapeRuleError) -> [InferredValue] {
        _ = try required(0)
        return [InferredValue](
            repeating: InferredValue(TensorType(elementType: .float32, dimensions: [1])), count: 4)
    }

    func module(_ module: ModuleOperator) throws(ShapeRuleError) -> [InferredValue] {
        let layer = ShapeRule(inputs: layerInputs(module), outputCount: 1)
        let results: [InferredValue]
        switch module.kind {
        case .convolution(let attributes, _, _): results = try layer.convolution(attributes)
        case .transposedConvolution(let attributes, _): results = try layer.transposedConvolution(attributes)
        case .linear: results = try layer.mlu(.linear)
        case .elemwise:
            var dimensions = try required(0).type.dimensions
            for index in 1..<max(module.kind.dataCount, 1) {
                dimensions = try broadcast(dimensions, try required(index).type.dimensions)
            }
            results = try outputs(like: required(0), dimensions: dimensions)
        case .concat(let axis, _): results = try layer.concat(axis: axis)
        case .batchMatMulActivation:
            results = try ShapeRule(inputs: [layer.inputs[1], layer.inputs[0]], outputCount: 1).matMul()
        case .quantStub, .dequantStub: results = try outputs(like: required(0), dimensions: required(0).type.dimensions)
        }
        return results.map { InferredValue(TensorType(elementType: module.resultType, dimensions: $0.type.dimensions)) }
    }

    /// Data, weight and bias, as if all were float.
    private func layerInputs(_ module: ModuleOperator) -> [InferredValue?] {
        let data = inputs.prefix(module.kind.dataCount)
        guard module.kind.hasWeight else { return data.map { $0?.asFloat } }
        let prefix: String
        if case .quantized = module.family { prefix = "" } else { prefix = module.kind.layerPrefix }
        func parameter(_ key: String) -> InferredValue? {
            module.position(of: prefix + key).flatMap { inputs.indices.contains($0) ? inputs[$0] : nil }
        }
        return data.map { $0?.asFloat } + [parameter("weight")?.asFloat, parameter("bias")?.asFloat]
    }
}

extension InferredValue {
    /// The same shape with float elements: the layer's rules know no others.
    fileprivate var asFloat: InferredValue {
        InferredValue(TensorType(elementType: .float32, dimensions: type.dimensions))
    }
}

extension ModuleOperator {
    /// The element type of the result.
    public var resultType: ElementType {
        guard case .quantized(let settings) = family else { return .float32 }
        return settings.output?.elementType ?? .float32
    }
}

extension QuantDtype {
    /// The element type of tensors that hold such integers.
    public var elementType: ElementType {
        switch self {
        case .qint8, .qint8Narrow, .qint4, .qint1, .qint2: .int8
        case .quint8, .quint4, .quint2: .uint8
        case .qint32: .int32
        }
    }
}
