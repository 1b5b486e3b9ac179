public import Tensors

/// Quantization and dequantization as the simulated device does them: `round` is half away from zero.
public enum MLUQuantization {
    /// The largest quantized magnitude that a scale aims at, `qmax`: 127 or 32767.
    static func largest(_ elementType: ElementType) -> Int { elementType == .int8 ? 127 : 32767 }

    /// `clamp(round(x * scale))`: the product is rounded to float32; NaN gives 0.
    ///
    /// - Returns: A number within -128...127 for `int8`, -32768...32767 for `int16`.
    public static func quantized(_ value: Float, scale: Float, elementType: ElementType) -> Int32 {
        let rounded = (value * scale).rounded(.toNearestOrAwayFromZero)
        if rounded.isNaN { return 0 }
        let highest = Float(largest(elementType))
        return Int32(min(max(rounded, -highest - 1), highest))
    }

    /// Quantizes elements with one scale.
    ///
    /// - Parameters:
    ///   - tensor: float32.
    ///   - scale: Finite and above 0.
    ///   - elementType: `int8` or `int16`.
    /// - Returns: Integers of that type.
    /// - Precondition: The types are these.
    public static func quantized(_ tensor: Tensor, scale: Float, elementType: ElementType) -> Tensor {
        quantized(tensor, elementType: elementType) { _ in scale }
    }

    /// Quantizes weights whose outermost axis is the output channel.
    ///
    /// - Precondition: `weight` is float32, and `scales` has a scale for each channel.
    public static func quantized(weight: Tensor, scales: MLUScales) -> Tensor {
        let row = max(weight.elementCount / max(weight.shape[0], 1), 1)
        return quantized(weight, elementType: scales.elementType) { scales.weight(channel: $0 / row) }
    }

    private static func quantized(
        _ tensor: Tensor, elementType: ElementType, scale: (_ index: Int) -> Float
    ) -> Tensor {
        precondition(elementType == .int8 || elementType == .int16, "The device has no \(elementType) arithmetic")
        return tensor.withElements(as: Float.self) { values in
            var results: [Int32] = []
            results.reserveCapacity(values.count)
            for index in values.indices {
                results.append(quantized(values[index], scale: scale(index), elementType: elementType))
            }
            return Tensor(shape: tensor.shape, elements: results).converted(to: elementType)
        }
    }

    /// The real number behind an exact sum of products of one output channel.
    ///
    /// int8: `Float(sum) * Float(1 / (input scale * weight scale))`. int16:
    /// `Float(Double(sum) / (input scale * weight scale))`. The product of the scales is exact in `Double`.
    public static func dequantized(_ sum: Int64, scales: MLUScales, channel: Int) -> Float {
        scales.elementType == .int8
            ? Float(sum) * scales.dequantizationFactor(channel: channel)
            : Float(Double(sum) / scales.scaleProduct(channel: channel))
    }

    /// The real numbers behind exact sums, with the bias added in float32.
    ///
    /// - Parameters:
    ///   - sums: int64.
    ///   - scales: The module's.
    ///   - bias: float32 [M] or `nil`.
    ///   - channelAxis: The axis of `sums` along which the M output channels lie.
    /// - Returns: float32 of the shape of `sums`.
    public static func dequantized(
        _ sums: Tensor, scales: MLUScales, bias: Tensor?, channelAxis: Int
    ) -> Tensor {
        let inner = sums.shape.dimensions[(channelAxis + 1)...].reduce(1, *)
        let channels = sums.shape[channelAxis]
        let terms = bias?.elements(as: Float.self)
        return sums.withElements(as: Int64.self) { values in
            var results: [Float] = []
            results.reserveCapacity(values.count)
            for index in values.indices {
                let channel = index / inner % channels
                let value = dequantized(values[index], scales: scales, channel: channel)
                results.append(terms.map { value + $0[channel] } ?? value)
            }
            return Tensor(shape: sums.shape, elements: results)
        }
    }

    /// What a firstconv module does before quantization: `(pixel - mean) / std`, two roundings.
    ///
    /// - Parameters:
    ///   - pixels: float32 [N, C, spatial...].
    ///   - mean: One number for each of the C channels.
    ///   - std: The same, above 0.
    /// - Returns: float32 of the same shape.
    public static func normalized(_ pixels: Tensor, mean: [Float], std: [Float]) -> Tensor {
        let inner = pixels.shape.dimensions[2...].reduce(1, *)
        return pixels.withElements(as: Float.self) { values in
            var results: [Float] = []
            results.reserveCapacity(values.count)
            for index in values.indices {
                let channel = index / inner % mean.count
                results.append((values[index] - mean[channel]) / std[channel])
            }
            return Tensor(shape: pixels.shape, elements: results)
        }
    }
}
