public import Tensors

/// A quantized parameter of a layer.
public struct QuantizedTensor: Sendable, Hashable {
    /// The integers, of the parameters' type.
    public let values: Tensor
    /// What they stand for.
    public let parameters: QuantizationParameters

    /// Makes a quantized tensor.
    public init(values: Tensor, parameters: QuantizationParameters) {
        self.values = values
        self.parameters = parameters
    }
}

/// Why a weight cannot be quantized; the caller adds its name.
public enum WeightQuantizationError: Error, Hashable, CustomStringConvertible {
    /// The weight is not `float32`.
    case elementType(ElementType)
    /// The weight has no such axis.
    case noSuchAxis(Int, Shape)
    /// The weight has no elements.
    case empty(Shape)
    /// An element is NaN or infinite.
    case notFinite(channel: Int)
    /// The shapes of weight scales and bias do not agree.
    case biasShape(Shape, channels: Int)

    /// The reason and, where there is one, the remedy.
    public var description: String {
        switch self {
        case .elementType(let type): "the weight holds \(type) elements; only float32 weights are quantized"
        case .noSuchAxis(let axis, let shape): "a weight of shape \(shape) has no channel axis \(axis)"
        case .empty(let shape): "a weight of shape \(shape) has no elements"
        case .notFinite(let channel):
            "the weight has NaN or infinite elements in channel \(channel); repair the model or exclude its node"
        case .biasShape(let shape, let channels):
            "a bias of shape \(shape) does not fit \(channels) weight scales"
        }
    }
}

/// Quantization of weights from their own values; `QuantizationParameters.quantize` makes the integers.
public enum WeightQuantization {
    /// The smallest and the largest element of each channel; one range for the whole weight when `axis` is `nil`.
    public static func ranges(of weight: Tensor, axis: Int?) throws(WeightQuantizationError) -> [TensorRange] {
        guard weight.elementType == .float32 else { throw .elementType(weight.elementType) }
        guard let layout = ChannelLayout(shape: weight.shape, axis: axis) else {
            throw .noSuchAxis(axis ?? 0, weight.shape)
        }
        guard weight.elementCount > 0 else { throw .empty(weight.shape) }
        var minima = [Float](repeating: .infinity, count: layout.channelCount)
        var maxima = [Float](repeating: -.infinity, count: layout.channelCount)
        var isFinite = [Bool](repeating: true, count: layout.channelCount)
        weight.withElements(as: Float.self) { (elements: Span<Float>) in
            layout.forEachRun { channel, run in
                var (low, high, finite) = (minima[channel], maxima[channel], isFinite[channel])
                for index in run {
                    let value = elements[index]
                    low = value < low ? value : low
                    high = value > high ? value : high
                    finite = finite && value.isFinite
                }
                (minima[channel], maxima[channel], isFinite[channel]) = (low, high, finite)
            }
        }
        if let channel = isFinite.firstIndex(of: false) { throw .notFinite(channel: channel) }
        return zip(minima, maxima).map { TensorRange(minimum: $0, maximum: $1) }
    }

    /// The parameters that cover a weight: one scale, or one for each channel.
    ///
    /// A channel whose elements are all zero gets scale 1 and zero point 0. `axis` is the channel axis; a per-tensor scheme
    /// does not read it.
    public static func parameters(
        for weight: Tensor, scheme: QuantizationScheme, axis: Int
    ) throws(WeightQuantizationError) -> QuantizationParameters {
        switch scheme.granularity {
        case .perTensor:
            return QuantizationParameters(range: try ranges(of: weight, axis: nil)[0], scheme: scheme)
        case .perChannel:
            return QuantizationParameters(
                channelRanges: try ranges(of: weight, axis: axis), axis: axis, scheme: scheme)
        }
    }
}
