import Tensors

/// The steps that need no axes: `value = (x * scale - mean) / std` in Float, and the element type of the result.
struct ElementwisePipeline {
    private let preprocessing: InputPreprocessing
    private let input: String

    init(_ preprocessing: InputPreprocessing, input: String) {
        self.preprocessing = preprocessing
        self.input = input
    }

    /// Converts one array.
    func run(_ tensor: Tensor) throws(DatasetError) -> Tensor {
        let type = preprocessing.elementType
        guard preprocessing.hasNormalization || (type != nil && type != tensor.elementType) else { return tensor }
        guard type != .uint8 else {
            throw .input(name: input, reason: "the array is \(tensor.elementType); 'dtype: uint8' needs uint8")
        }
        let normalization = Normalization(preprocessing, channelCount: 1)
        let values = try floats(tensor).map { normalization.value($0, channel: 0) }
        return Normalization.tensor(values, shape: tensor.shape, elementType: type ?? .float32)
    }

    /// The elements as Float, each rounded to the nearest.
    private func floats(_ tensor: Tensor) throws(DatasetError) -> [Float] {
        switch tensor.elementType {
        case .float32: return tensor.elements(as: Float.self)
        case .float16: return tensor.elements(as: Float16.self).map { Float($0) }
        case .bfloat16: return tensor.elements(as: BFloat16.self).map { Float($0) }
        case .float64: return tensor.elements(as: Double.self).map { Float($0) }
        case .int8: return tensor.elements(as: Int8.self).map { Float($0) }
        case .uint8: return tensor.elements(as: UInt8.self).map { Float($0) }
        case .int16: return tensor.elements(as: Int16.self).map { Float($0) }
        case .uint16: return tensor.elements(as: UInt16.self).map { Float($0) }
        case .int32: return tensor.elements(as: Int32.self).map { Float($0) }
        case .uint32: return tensor.elements(as: UInt32.self).map { Float($0) }
        case .int64: return tensor.elements(as: Int64.self).map { Float($0) }
        case .uint64: return tensor.elements(as: UInt64.self).map { Float($0) }
        case .bool:
            throw .input(name: input, reason: "truth values cannot be scaled; remove the keys or convert the array")
        }
    }
}
