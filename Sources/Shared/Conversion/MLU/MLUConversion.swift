public import Graphs
import Quantization
import Tensors

/// What `quantizeDynamicMLU` made of a graph.
public struct MLUConversion: Sendable {
    /// The converted graph: `.mlu` nodes without scales, so it computes what the float graph computes.
    public var graph: Graph
    /// The same model in the float graph's own nodes where the conversion is the standard one; running it calibrates and
    /// gives the float graph's bits on any executor.
    public let calibrationGraph: Graph
    /// The modules that are calibrated, in node order of their first call.
    public let modules: [MLUModule]
    /// How they are calibrated.
    public let specification: MLUQuantizationSpecification
    /// Whether the graph is to be calibrated, or to be loaded with a quantized state dictionary.
    public let isGenerating: Bool
    /// What a user should know.
    public let warnings: [MLUWarning]

    /// The activations whose ranges calibration needs, sorted, each once.
    public var observedTensors: [String] { Set(modules.flatMap { $0.calls.map(\.data) }).sorted() }
}

extension Graph {
    /// Converts the layers of the graph into modules of the simulated device.
    ///
    /// With `genQuant` the result is to be calibrated (`MLUCalibration`) and its state dictionary saved; without, a
    /// quantized state dictionary is to be loaded into its graph (`loadMLUState`). The graph must be a float graph; one
    /// that is converted already stays as it is. Normalizations in training form become those of inference.
    ///
    /// - Parameters:
    ///   - qconfigSpec: How to calibrate; `nil` is the default of every key.
    ///   - dtype: `int8` or `int16`; needed with `genQuant`, because a run model takes it from the file.
    ///   - mapping: What is converted, and by what; `nil` is `MLUMapping.standard`.
    ///   - genQuant: Whether to make a model for calibration.
    ///   - mixedLayer: Types of single modules: paths, joined by commas, and `int8` or `int16`.
    ///   - excluding: Names of nodes that stay in floating point.
    /// - Returns: The converted graph, its modules and warnings; this graph stays as it is.
    /// - Throws: `MLUConversionError`.
    public func quantizeDynamicMLU(
        qconfigSpec: MLUQuantizationSpecification? = nil, dtype: String? = nil, mapping: MLUMapping? = nil,
        genQuant: Bool = false, mixedLayer: [String: String] = [:], excluding: Set<String> = []
    ) throws(MLUConversionError) -> MLUConversion {
        let specification = qconfigSpec ?? MLUQuantizationSpecification()
        try specification.validate()
        let dataType = try Self.dataType(dtype, isNeeded: genQuant)
        var mixed: [String: MLUDataType] = [:]
        for (paths, text) in mixedLayer.sorted(by: { $0.key < $1.key }) {
            guard let type = MLUDataType(rawValue: text) else { throw .unknownDataType(text) }
            for path in paths.split(separator: ",") {
                mixed[String(path).trimmingSpaces()] = type
            }
        }
        let options = MLUConverter.Options(
            specification: specification, dataType: dataType, mapping: mapping ?? .standard, isGenerating: genQuant,
            mixed: mixed, excluded: excluding)
        var converter = try MLUConverter(self, options: options)
        return try converter.convert()
    }

    /// Converts this graph itself, as `inplace` does.
    ///
    /// - Returns: The conversion; this graph is its `graph`.
    /// - Throws: `MLUConversionError`; the graph is then as it was.
    @discardableResult
    public mutating func quantizeDynamicMLUInPlace(
        qconfigSpec: MLUQuantizationSpecification? = nil, dtype: String? = nil, mapping: MLUMapping? = nil,
        genQuant: Bool = false, mixedLayer: [String: String] = [:], excluding: Set<String> = []
    ) throws(MLUConversionError) -> MLUConversion {
        let conversion = try quantizeDynamicMLU(
            qconfigSpec: qconfigSpec, dtype: dtype, mapping: mapping, genQuant: genQuant, mixedLayer: mixedLayer,
            excluding: excluding)
        self = conversion.graph
        return conversion
    }

    private static func dataType(_ text: String?, isNeeded: Bool) throws(MLUConversionError) -> MLUDataType {
        guard let text else {
            guard !isNeeded else { throw .unknownDataType(nil) }
            return .int8
        }
        guard let type = MLUDataType(rawValue: text) else { throw .unknownDataType(text) }
        return type
    }
}

/// Converts a model for the simulated device: the guide's `quantize_dynamic_mlu` with its parameters in its order.
///
/// - Parameters:
///   - model: The float graph; changed only with `inplace`.
///   - qconfigSpec: How to calibrate; `nil` is the default of every key.
///   - dtype: `int8` or `int16`; needed with `genQuant`.
///   - mapping: What is converted, and by what; `nil` is `MLUMapping.standard`.
///   - inplace: Whether `model` itself is converted.
///   - genQuant: Whether to make a model for calibration instead of one to be loaded and run.
/// - Returns: The conversion with the converted graph.
/// - Throws: `MLUConversionError`; the graph is then as it was.
@discardableResult
public func quantizeDynamicMLU(
    _ model: inout Graph, qconfigSpec: MLUQuantizationSpecification? = nil, dtype: String? = nil,
    mapping: MLUMapping? = nil, inplace: Bool = false, genQuant: Bool = false
) throws(MLUConversionError) -> MLUConversion {
    let conversion = try model.quantizeDynamicMLU(
        qconfigSpec: qconfigSpec, dtype: dtype, mapping: mapping, genQuant: genQuant)
    if inplace { model = conversion.graph }
    return conversion
}

extension String {
    /// Without spaces around it.
    fileprivate func trimmingSpaces() -> String {
        let start = drop { $0 == " " }
        return String(start.reversed().drop { $0 == " " }.reversed())
    }
}
