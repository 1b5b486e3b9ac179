/// Attributes of `LSTM` and `GRU`.
///
/// Inputs: X [T, N, I], W, R, B, sequence lengths, initial state(s), peepholes (LSTM); the layout is that of ONNX.
public struct RecurrentAttributes: Hashable, Sendable {
    /// Order in which the steps are taken.
    public enum Direction: String, Hashable, Sendable, CaseIterable {
        case forward
        case reverse
        case bidirectional
    }

    /// Size of the hidden state.
    public var hiddenSize: Int
    /// Order of the steps.
    public var direction: Direction
    /// Names of the gate activations as ONNX spells them; empty means the defaults.
    public var activations: [String]
    /// Parameters of the activations, in the order of ONNX.
    public var activationAlphas: [Float]
    /// Parameters of the activations, in the order of ONNX.
    public var activationBetas: [Float]
    /// Clipping threshold of the gate inputs.
    public var clip: Float?
    /// LSTM: whether input and forget gate are coupled.
    public var couplesInputAndForget: Bool
    /// GRU: whether the reset gate is applied after the linear transformation.
    public var linearBeforeReset: Bool
    /// Whether the batch is the outermost axis (`layout` 1).
    public var batchFirst: Bool

    /// Makes attributes; the defaults are those of ONNX.
    public init(
        hiddenSize: Int, direction: Direction = .forward, activations: [String] = [], activationAlphas: [Float] = [],
        activationBetas: [Float] = [], clip: Float? = nil, couplesInputAndForget: Bool = false,
        linearBeforeReset: Bool = false, batchFirst: Bool = false
    ) {
        self.hiddenSize = hiddenSize
        self.direction = direction
        self.activations = activations
        self.activationAlphas = activationAlphas
        self.activationBetas = activationBetas
        self.clip = clip
        self.couplesInputAndForget = couplesInputAndForget
        self.linearBeforeReset = linearBeforeReset
        self.batchFirst = batchFirst
    }
}
