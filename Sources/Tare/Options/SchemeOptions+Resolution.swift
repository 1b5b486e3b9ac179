import Conversion
import Quantization

extension SchemeOptions {
    /// The observer and the schemes that the flags ask for, on top of the preset or the defaults.
    struct Resolved {
        /// How ranges follow from statistics.
        var method: CalibrationMethod
        /// What is quantized to what.
        var options: QuantizationOptions
    }

    /// Applies the flags to the preset or the defaults.
    ///
    /// - Throws: `QConfigError` for an unknown preset; `CommandFailure` for a preset that observes nothing without
    ///   `--observer`, and for a combination that no quantized model can express.
    func resolved() throws -> Resolved {
        let preset = try qconfig.map { try QConfig(preset: $0) } ?? QConfig.standard
        guard let method = observer ?? preset.activationMethod else {
            throw CommandFailure(
                .usage, "Preset '\(qconfig ?? "")' does not say how ranges are chosen; add --observer METHOD")
        }
        var activations = preset.activation
        if let activationType { activations.type = activationType }
        switch symmetry {
        case .symmetric: activations.isSymmetric = true
        case .asymmetric: activations.isSymmetric = false
        // An unsigned type with a symmetric preset would waste half its integers without anybody having asked for it.
        case nil: if activationType != nil { activations.isSymmetric = activations.type.isSigned }
        }
        var weights = preset.weight
        if let weightGranularity { weights.granularity = weightGranularity }
        return Resolved(
            method: method,
            options: QuantizationOptions(
                activations: activations, weights: weights, skippedOperators: skippedOperators,
                skippedNodes: skippedNodes.map(NodeNamePattern.init), quantizesOutputs: !hasFloatOutputs))
    }
}
