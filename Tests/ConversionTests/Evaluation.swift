import Conversion
import Execution
import Graphs
import Quantization
import Tensors
import TestSupport

/// Remembers the smallest and the largest element of each observed value.
final class RangeTap: TensorTap {
    private(set) var ranges: [String: ClosedRange<Float>] = [:]

    func observe(_ value: String, elements: Span<Float>) {
        for index in elements.indices {
            let element = elements[index]
            let old = ranges[value] ?? element...element
            ranges[value] = min(old.lowerBound, element)...max(old.upperBound, element)
        }
    }
}

/// The graph's outputs for an input `x`.
func evaluate(
    _ graph: Graph, _ input: Tensor, tap: RangeTap? = nil, observing: [String] = []
) throws -> [String: Tensor] {
    try ReferenceExecutor(graph, observing: observing).run(["x": input], tap: tap)
}

/// Normally distributed elements.
func randomTensor(_ shape: Shape, seed: UInt64) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in generator.normal() })
}

/// The largest difference of two float tensors, relative to the largest magnitude of the first.
func relativeDifference(_ first: Tensor, _ second: Tensor) -> Float {
    let (first, second) = (first.elements(as: Float.self), second.elements(as: Float.self))
    guard first.count == second.count else { return .infinity }
    let magnitude = first.reduce(Float.leastNormalMagnitude) { max($0, abs($1)) }
    return zip(first, second).reduce(0) { max($0, abs($1.0 - $1.1)) } / magnitude
}

extension QuantizationPlan {
    /// The graph quantized with the ranges that the observed tensors have for one input.
    func calibrated(with input: Tensor) throws -> ConvertedModel {
        let tap = RangeTap()
        _ = try evaluate(graph, input, tap: tap, observing: observedTensors)
        let parameters = tap.ranges.mapValues {
            QuantizationParameters(
                range: TensorRange(minimum: $0.lowerBound, maximum: $0.upperBound), scheme: options.activations)
        }
        return try quantize(parameters)
    }
}
