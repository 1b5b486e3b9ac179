public import Tensors

/// The scales of a module of the simulated device, checked, as the device computes with them.
///
/// A quantized number is `round(x * scale)`.
public struct MLUScales: Hashable, Sendable {
    /// `int8` or `int16`.
    public let elementType: ElementType
    /// Whether each output channel has a weight scale of its own.
    public let isPerChannel: Bool
    /// Scale of the input.
    public let input: Float
    /// One scale for all weights, or one for each output channel.
    public let weights: [Float]
    /// The steps behind the scales, when the arithmetic is `MLUArithmetic.positions`.
    public let positions: MLUPositions?

    /// Reads and checks the parameters `scale` and `quantized_mode`.
    ///
    /// - Parameters:
    ///   - scale: float32: [input, weight], or per channel [input, 0, weight of each output channel].
    ///   - mode: int32, one element: 1 int8, 2 int16, 3 int8 per channel, 4 int16 per channel.
    ///   - channelCount: Number of output channels.
    ///   - arithmetic: Whether the scales are used as they are.
    /// - Throws: `KernelError` that names the parameter when the mode is none of these, the number of scales does not fit,
    ///   or a scale (or a factor that follows from it) is not finite and above 0.
    public init(
        scale: Tensor, mode: Tensor, channelCount: Int, arithmetic: MLUArithmetic
    ) throws(KernelError) {
        guard mode.elementType == .int32, mode.elementCount == 1 else {
            throw .invalidArgument("quantized_mode is \(mode.elementType)\(mode.shape); it must be one int32")
        }
        let code = mode.elements(as: Int32.self)[0]
        guard (1...4).contains(code) else {
            throw .invalidArgument(
                "quantized_mode is \(code); it must be 1 (int8), 2 (int16), 3 (int8 per channel) or 4 (int16 per channel)"
            )
        }
        guard scale.elementType == .float32, scale.shape.rank == 1 else {
            throw .invalidArgument("scale is \(scale.elementType)\(scale.shape); it must be a list of float32")
        }
        let values = scale.elements(as: Float.self)
        let isPerChannel = code >= 3
        let expected = isPerChannel ? channelCount + 2 : 2
        guard values.count == expected else {
            throw .invalidArgument(
                "scale has \(values.count) elements; quantized_mode \(code) with \(channelCount) output channels takes "
                    + "\(expected)")
        }
        let stored = Array(values[(isPerChannel ? 2 : 1)...])
        try Self.check([values[0]], "the input scale")
        try Self.check(stored, isPerChannel ? "the weight scale of output channel" : "the weight scale")
        self.elementType = code == 1 || code == 3 ? .int8 : .int16
        self.isPerChannel = isPerChannel
        switch arithmetic {
        case .exact:
            positions = nil
            input = values[0]
            weights = stored
        case .positions:
            let positions = MLUPositions(
                input: values[0], weights: stored, isPerChannel: isPerChannel, elementType: elementType)
            self.positions = positions
            input = Float(sign: .plus, exponent: -positions.input, significand: 1)
            // The library divides channels by 2^common * scale, so a channel's step is exactly the stored one.
            weights =
                isPerChannel ? stored : [Float(sign: .plus, exponent: -positions.common, significand: 1)]
            try Self.check([input], "the power of two in place of the input scale")
            try Self.check([weights[0]], "the power of two in place of the weight scale")
        }
        try Self.check(
            weights.indices.map { dequantizationFactor(channel: $0) },
            "the reciprocal of both scales of output channel",
            allowingZero: true)
    }

    /// The scale of an output channel's weights.
    public func weight(channel: Int) -> Float {
        weights[isPerChannel ? channel : 0]
    }

    /// By what an int8 accumulator of an output channel is multiplied: `1 / (input * weight)`, rounded once.
    public func dequantizationFactor(channel: Int) -> Float {
        Float(1 / scaleProduct(channel: channel))
    }

    /// By what an int16 accumulator of an output channel is divided: `input * weight`, which is exact.
    public func scaleProduct(channel: Int) -> Double {
        Double(input) * Double(weight(channel: channel))
    }

    private static func check(_ scales: [Float], _ name: String, allowingZero: Bool = false) throws(KernelError) {
        for (index, scale) in scales.enumerated() {
            if scale.isFinite, scale > 0 || (allowingZero && scale == 0) { continue }
            let which = name.hasSuffix("channel") ? "\(name) \(index)" : name
            throw .invalidArgument("\(which) is \(scale); it must be finite and above 0")
        }
    }
}
