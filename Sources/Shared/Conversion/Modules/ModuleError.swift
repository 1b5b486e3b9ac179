/// Why modules could not be found, converted or expanded.
public enum ModuleError: Error, Sendable, Hashable {
    /// A quantized module was asked to train.
    case inferenceOnly(path: String, name: String)
    /// A module lacks an initializer.
    case missingParameter(path: String, key: String)
    /// A parameter has a shape or type that the module cannot use.
    case unsuitableParameter(path: String, key: String, reason: String)
    /// A quantized module reads a value that is not quantized.
    case floatInput(path: String, value: String)
    /// A node that only computes with real numbers reads quantized values.
    case quantizedInput(node: String, operatorName: String, value: String)
    /// A module observes nothing that its scale could follow from.
    case noScale(path: String, part: String)
    /// Scales, zero points or integers cannot be made.
    case quantization(path: String, reason: String)
    /// The function exists only in floating point.
    case noQuantizedForm(path: String, mode: String)
    /// A path names no module.
    case unknownPath(String, available: [String])
    /// No module that could have the recipe matches its pattern.
    case unmatchedPattern(String, available: [String])
    /// The graph's values have no consistent types.
    case invalidGraph(reason: String)
}

extension ModuleError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .inferenceOnly(let path, let name):
            "\(name) '\(path)': a quantized module only supports inference; train before quantize"
        case .missingParameter(let path, let key): "Module '\(path)' has no parameter '\(key)'"
        case .unsuitableParameter(let path, let key, let reason): "Parameter '\(key)' of module '\(path)': \(reason)"
        case .floatInput(let path, let value):
            "Quantized module '\(path)' reads '\(value)', which is float; put a QuantStub before it"
        case .quantizedInput(let node, let operatorName, let value):
            "Node '\(node)' (\(operatorName)) reads '\(value)', which is quantized; use an Elemwise, or put a DequantStub before it"
        case .noScale(let path, let part):
            "Module '\(path)' has no scale for its \(part): its QConfig has neither an observer nor a fake quantizer with its own"
        case .quantization(let path, let reason): "Module '\(path)': \(reason)"
        case .noQuantizedForm(let path, let mode):
            "Elemwise '\(path)': \(mode) has no quantized form; put a DequantStub before it, or disable its quantization"
        case .unknownPath(let path, let available):
            "No module lies at or below '\(path)'; there are \(available.map { "'\($0)'" }.joined(separator: ", "))"
        case .unmatchedPattern(let pattern, let available):
            "No module matches '\(pattern)'; there are \(available.map { "'\($0)'" }.joined(separator: ", "))"
        case .invalidGraph(let reason): "The model is not consistent: \(reason)"
        }
    }
}
