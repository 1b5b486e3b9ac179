internal import Tensors

/// Sums of gradients, element by element in a fixed order.
enum GradientSum {
    /// `((g0 * w0) + (g1 * w1)) + ...`, each product and each sum rounded to float32.
    static func sum(_ terms: [(gradient: Tensor, weight: Float)]) -> Tensor? {
        guard let first = terms.first else { return nil }
        var result = Tensor(zeros: first.gradient.shape, elementType: .float32)
        for (index, term) in terms.enumerated() {
            let weight = term.weight
            term.gradient.withElements(as: Float.self) { (source: Span<Float>) in
                result.withMutableElements(as: Float.self) { (target: inout MutableSpan<Float>) in
                    if index == 0 {
                        for element in target.indices { target[element] = source[element] * weight }
                    } else {
                        for element in target.indices { target[element] += source[element] * weight }
                    }
                }
            }
        }
        return result
    }

    /// Whether every element is finite.
    static func isFinite(_ tensor: Tensor) -> Bool {
        tensor.withElements(as: Float.self) { (elements: Span<Float>) in
            // A number minus itself is 0 only when it is finite.
            var sum: Float = 0
            for index in elements.indices { sum += elements[index] - elements[index] }
            return sum == 0
        }
    }
}
