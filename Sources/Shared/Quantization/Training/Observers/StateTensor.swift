internal import Tensors

/// Reads and writes the tensors of a state dictionary.
enum StateTensor {
    static func scalar(_ value: Float) -> Tensor { Tensor(shape: [1], elements: [value]) }

    /// The number in a float32 tensor of one element; not NaN.
    static func scalar(_ tensor: Tensor, key: String) throws(ObserverError) -> Float {
        let value = try floats(tensor, key: key, count: 1)[0]
        guard !value.isNaN else { throw .stateValue(key, value) }
        return value
    }

    /// The numbers in a float32 tensor.
    static func floats(_ tensor: Tensor, key: String, count: Int) throws(ObserverError) -> [Float] {
        guard tensor.elementType == .float32, tensor.elementCount == count else {
            throw .stateTensor(
                key, found: "\(tensor.elementType) \(tensor.shape)", expected: "float32 [\(count)]")
        }
        return tensor.elements(as: Float.self)
    }

    /// The numbers in an int64 tensor.
    static func integers(_ tensor: Tensor, key: String, count: Int) throws(ObserverError) -> [Int64] {
        guard tensor.elementType == .int64, tensor.elementCount == count else {
            throw .stateTensor(
                key, found: "\(tensor.elementType) \(tensor.shape)", expected: "int64 [\(count)]")
        }
        return tensor.elements(as: Int64.self)
    }
}
