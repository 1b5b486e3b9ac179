/// Attributes of `LSTM`, `GRU` and `RNN`.
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

extension ShapeRule {
    /// `stateCount` is 2 for an LSTM (hidden and cell state) and 1 for a GRU or RNN.
    func recurrent(_ attributes: RecurrentAttributes, stateCount: Int) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        let directions: Dimension = attributes.direction == .bidirectional ? 2 : 1
        let hidden = Dimension.fixed(attributes.hiddenSize)
        let dimensions = data.type.dimensions ?? [.unknown, .unknown, .unknown]
        guard dimensions.count == 3 else {
            throw ShapeRuleError("the data has rank \(dimensions.count), not 3")
        }
        if let weight = try required(1).type.dimensions {
            guard weight.count == 3 else { throw ShapeRuleError("input 1 has rank \(weight.count), not 3") }
            _ = try unified(weight[0], directions, "directions of input 1")
            _ = try unified(weight[2], dimensions[2], "features of the data and of input 1")
        }
        if let weight = try required(2).type.dimensions {
            guard weight.count == 3 else { throw ShapeRuleError("input 2 has rank \(weight.count), not 3") }
            _ = try unified(weight[0], directions, "directions of input 2")
            _ = try unified(weight[2], hidden, "hidden size of input 2")
        }
        let batch = attributes.batchFirst ? dimensions[0] : dimensions[1]
        let steps = attributes.batchFirst ? dimensions[1] : dimensions[0]
        let sequence = attributes.batchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden]
        let state = attributes.batchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
        return outputs(like: data, dimensions: sequence)
            + (0..<stateCount).flatMap { _ in outputs(like: data, dimensions: state) }
    }
}
