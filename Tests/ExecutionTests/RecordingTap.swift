import Execution
import Tensors

/// Keeps what it observes, in the order in which it came.
final class RecordingTap: TensorTap {
    private(set) var elements: [String: [Float]] = [:]
    private(set) var calls: [String: Int] = [:]

    func observe(_ value: String, elements: Span<Float>) {
        calls[value, default: 0] += 1
        for index in elements.indices { self.elements[value, default: []].append(elements[index]) }
    }
}
