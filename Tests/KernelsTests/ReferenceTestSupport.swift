import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

/// The first output of a reference kernel.
func evaluate(_ op: Operator, _ inputs: Tensor?...) throws -> Tensor {
    try #require(try ReferenceKernels.evaluate(op, inputs: inputs, outputCount: 1).first)
}

func floats(_ shape: Shape, _ values: [Float]) -> Tensor { Tensor(shape: shape, elements: values) }

func integers(_ values: [Int64]) -> Tensor { Tensor(shape: [values.count], elements: values) }

/// Counts from 0 in steps of 1.
func ramp(_ shape: Shape) -> Tensor { floats(shape, (0..<shape.elementCount).map { Float($0) }) }

/// Normal noise.
func noise(_ shape: Shape, _ generator: inout SeededGenerator) -> Tensor {
    var values: [Float] = []
    for _ in 0..<shape.elementCount { values.append(generator.normal()) }
    return floats(shape, values)
}

extension Tensor {
    var floatElements: [Float] { elements(as: Float.self) }
    var doubleElements: [Double] { elements(as: Float.self).map(Double.init) }
}

/// Whether all elements agree within a tolerance relative to the larger of 1 and the expected value.
func expectClose(
    _ actual: [Float], _ expected: [Double], tolerance: Double = 1e-5, _ note: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    guard actual.count == expected.count else {
        Issue.record("\(actual.count) elements, expected \(expected.count) \(note)", sourceLocation: sourceLocation)
        return
    }
    for index in actual.indices {
        let difference = (Double(actual[index]) - expected[index]).magnitude
        guard difference <= tolerance * max(1, expected[index].magnitude) else {
            Issue.record(
                "element \(index) is \(actual[index]), expected \(expected[index]) \(note)",
                sourceLocation: sourceLocation)
            return
        }
    }
}
