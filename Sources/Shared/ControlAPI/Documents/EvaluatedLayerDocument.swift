public import Calibration

/// What an evaluation found out about one layer.
public struct EvaluatedLayerDocument: ControlDocument {
    /// Name of the layer's value in the float model.
    public var tensor: String
    /// The quantized layer alone, on the float model's inputs, against the float model's value.
    public var own: ResultManifest.Evaluation.Errors
    /// The quantized network's value against the float model's value.
    public var total: ResultManifest.Evaluation.Errors
    /// Share of the quantized elements that are clamped, 0 to 1; absent where nothing is quantized.
    public var saturatedShare: Double?

    /// Describes a layer.
    public init(
        tensor: String, own: ResultManifest.Evaluation.Errors, total: ResultManifest.Evaluation.Errors,
        saturatedShare: Double?
    ) {
        self.tensor = tensor
        self.own = own
        self.total = total
        self.saturatedShare = saturatedShare
    }
}
