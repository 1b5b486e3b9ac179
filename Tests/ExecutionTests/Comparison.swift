import Execution
import Graphs
import Tensors
import Testing

/// Largest difference between fast and reference results, relative to the largest magnitude of the tensor: float32
/// sums of a few thousand products in another order.
let relativeTolerance: Float = 2e-5

/// The largest difference relative to the largest magnitude.
func relativeDifference(_ actual: [Float], _ expected: [Float]) -> Float {
    guard actual.count == expected.count else { return .infinity }
    let largest = expected.reduce(Float(1e-6)) { max($0, abs($1)) }
    return zip(actual, expected).reduce(Float(0)) { worst, pair in
        if pair.0 == pair.1 || (pair.0.isNaN && pair.1.isNaN) { return worst }
        let difference = abs(pair.0 - pair.1)
        return difference.isNaN ? .infinity : max(worst, difference / largest)
    }
}

/// Runs a graph on both executors and expects the same outputs; `fast` wants every step to be one of the library's.
@discardableResult
func expectAgreement(
    _ graph: Graph, _ inputs: [String: Tensor], fast: Bool = true, tolerance: Float = relativeTolerance,
    _ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation
) throws -> StepTimer {
    let expected = try ReferenceExecutor(graph).run(inputs)
    let timer = StepTimer()
    let actual = try AcceleratedExecutor(graph).run(inputs, tap: nil, timer: timer)
    for output in graph.outputs {
        let (left, right) = (try #require(actual[output.name]), try #require(expected[output.name]))
        #expect(left.shape == right.shape, comment, sourceLocation: sourceLocation)
        #expect(left.elementType == right.elementType, comment, sourceLocation: sourceLocation)
        guard left.shape == right.shape, left.elementType == right.elementType else { continue }
        if left.elementType == .float32 {
            let difference = relativeDifference(left.elements(as: Float.self), right.elements(as: Float.self))
            #expect(difference <= tolerance, comment, sourceLocation: sourceLocation)
        } else {
            #expect(left == right, comment, sourceLocation: sourceLocation)
        }
    }
    if fast {
        let slow = timer.entries.filter { $0.implementation.hasPrefix("reference") }.map(\.implementation)
        #expect(slow.isEmpty, comment, sourceLocation: sourceLocation)
    }
    return timer
}
