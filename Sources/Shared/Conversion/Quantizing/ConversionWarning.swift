/// Something that the converter did and that can cost accuracy or speed.
public enum ConversionWarning: Sendable, Hashable {
    /// The bias of a quantized node stays in floating point.
    case floatBias(node: String, bias: String, reason: String)
    /// Scales of a weight were raised so that the bias fits 32 bits.
    case raisedWeightScale(weight: String, bias: String, channels: Int, largestRatio: Double)
    /// Elements of a bias saturate at the ends of the 32-bit range.
    case saturatedBias(bias: String, elements: Int)
    /// Other nodes read the same constant in another form, so it is stored more than once.
    case duplicatedConstant(initializer: String, copy: String, node: String)
}

extension ConversionWarning: CustomStringConvertible {
    /// The thing, what was done and what it means.
    public var description: String {
        switch self {
        case .floatBias(let node, let bias, let reason):
            "The bias '\(bias)' of node '\(node)' stays in floating point: \(reason)"
        case .raisedWeightScale(let weight, let bias, let channels, let ratio):
            "\(channels) scale(s) of weight '\(weight)' were raised, by a factor of at most \(ratio), so that the bias "
                + "'\(bias)' fits 32 bits; those channels lose precision"
        case .saturatedBias(let bias, let elements):
            "\(elements) element(s) of the bias '\(bias)' saturate at 32 bits"
        case .duplicatedConstant(let initializer, let copy, let node):
            "The constant '\(initializer)' is stored once more as '\(copy)', because node '\(node)' needs another form"
        }
    }
}
