/// A value of the float model and what the quantized model has in its place.
public struct EvaluatedLayer: Sendable, Hashable {
    /// Name of the value in the float model.
    public let value: String
    /// Name of the value in the quantized model that is compared with it: behind the pair of QuantizeLinear and
    /// DequantizeLinear when there is one.
    public let quantizedValue: String
    /// Name of the node of the quantized model that makes the value, before it is quantized; empty for a model input.
    public let node: String
    /// The operator of this node; `Input` for a model input.
    public let operatorName: String
    /// Whether the value leaves the model.
    public let isOutput: Bool
    /// What is clamped where, as far as the quantized model has constants for it.
    public let quantizers: [QuantizerLimits]
    /// Name of the value in the quantized model before it is quantized; `quantizedValue` when nothing quantizes it.
    let source: String
    /// Position of the node of the quantized model that quantizes it on the way to `quantizedValue`; `nil` for none.
    let quantizer: Int?
}

/// A value of the float model that has no counterpart.
public struct UnmatchedLayer: Sendable, Hashable {
    /// Name of the value in the float model.
    public let value: String
    /// Name of the node of the float model that makes it.
    public let node: String
    /// The operator of this node.
    public let operatorName: String
    /// Why there is none.
    public let reason: String
}
