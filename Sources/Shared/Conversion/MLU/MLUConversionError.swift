/// Why a graph could not be converted for the simulated device, or a state dictionary not be loaded.
public enum MLUConversionError: Error, Sendable, Hashable {
    /// `dtype` is neither `int8` nor `int16`, or absent where it is needed.
    case unknownDataType(String?)
    /// An option has a value that cannot be used.
    case invalidOption(key: String, reason: String)
    /// `mixed_layer` names a module that is not converted.
    case unknownModule(path: String, available: [String])
    /// The module cannot be converted as the options ask.
    case unsuitableModule(path: String, reason: String)
    /// The graph's values have no consistent types.
    case invalidGraph(reason: String)
    /// A state dictionary lacks keys that the model has, or has keys that the model lacks.
    case keysDiffer(missing: [String], unexpected: [String])
    /// A tensor of a state dictionary does not fit the model.
    case unsuitableTensor(key: String, reason: String)
    /// A module has no scales yet.
    case notCalibrated(path: String)
    /// The statistics say nothing about the input of a module.
    case missingStatistics(tensor: String, path: String)
}

extension MLUConversionError {
    /// Whether an option is to blame, not a model or a file.
    public var isUsage: Bool {
        switch self {
        case .unknownDataType, .invalidOption, .unknownModule, .unsuitableModule: true
        case .invalidGraph, .keysDiffer, .unsuitableTensor, .notCalibrated, .missingStatistics: false
        }
    }
}

extension MLUConversionError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch self {
        case .unknownDataType(let type?): "unknown dtype '\(type)'; use int8 or int16"
        case .unknownDataType(nil): "unknown dtype: none was given; generating a quantized model needs int8 or int16"
        case .invalidOption(let key, let reason): "\(key): \(reason)"
        case .unknownModule(let path, let available):
            "mixed_layer names '\(path)', which is no converted module; the modules are \(Self.list(available))"
        case .unsuitableModule(let path, let reason): "Module '\(path)': \(reason)"
        case .invalidGraph(let reason): "The model is not consistent: \(reason)"
        case .keysDiffer(let missing, let unexpected):
            "The state dictionary does not fit the model: "
                + [("missing", missing), ("unexpected", unexpected)].filter { !$0.1.isEmpty }
                .map { "\($0.0) \(Self.list($0.1))" }.joined(separator: "; ")
                + "; load what was saved from this model, or load it without strict"
        case .unsuitableTensor(let key, let reason): "The state dictionary's '\(key)' does not fit the model: \(reason)"
        case .notCalibrated(let path):
            "Module '\(path)' has no scales; run the generate flow, or load a quantized state dictionary first"
        case .missingStatistics(let tensor, let path):
            "Tensor '\(tensor)', the input of module '\(path)', is not in the statistics; calibrate with this model and "
                + "these options"
        }
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "none" : names.map { "'\($0)'" }.joined(separator: ", ")
    }
}
