import Graphs
import Tensors
import Testing

/// Attributes and constants that no exporter writes: a shape rule refuses them, and neither traps nor takes all memory.
@Suite struct HostileExtentTests {
    private func float(_ dimensions: Dimension...) -> InferredValue {
        InferredValue(TensorType(elementType: .float32, dimensions: dimensions))
    }

    private func integers(_ values: Int...) -> InferredValue {
        InferredValue(Tensor(shape: [values.count], elements: values.map(Int64.init)))
    }

    private func infer(_ op: Operator, _ inputs: InferredValue?...) throws -> [Dimension]? {
        try op.inferOutputTypes(inputs: inputs, outputCount: 1)[0].type.dimensions
    }

    @Test(arguments: [Int.min, -1, 0, Int.max]) func windowsAreRefused(part: Int) {
        for attributes in [
            PoolingAttributes(kernelShape: [part, 1]), PoolingAttributes(kernelShape: [1, 1], strides: [part, 1]),
            PoolingAttributes(kernelShape: [2, 1], dilations: [part, 1]),
        ] where attributes.strides.first != Int.max {
            #expect(throws: ShapeRuleError.self, "\(attributes)") { try infer(.maxPool(attributes), float(1, 1, 4, 4)) }
        }
    }

    @Test func padsCannotOverflow() throws {
        let window = PoolingAttributes(
            kernelShape: [2], strides: [2], padding: .explicit(before: [Int.max], after: [Int.max]), ceilMode: true)
        #expect(try infer(.averagePool(window), float(1, 1, 4)) == [1, 1, .unknown])
    }

    @Test func negativeAndImpossibleResultsAreRefused() {
        let refused: [(Operator, [InferredValue?])] = [
            (.arrangement(.tile), [float(2), integers(-1)]),
            (.arrangement(.tile), [float(2, 2), integers(1 << 40, 1 << 40)]),
            (.ranking(.top(axis: 0, isLargest: true)), [float(4), integers(-2)]),
            (.signal(.window(.hann, isPeriodic: true, elementType: .float32)), [integers(-5)]),
            (.constantOfShape(value: Tensor(scalar: Float(0))), [integers(1 << 40, 1 << 40)]),
            (.expand, [float(1), integers(Int.max)]),
            (.signal(.fourierTransform(isInverse: true, isOneSided: true)), [float(1, 0, 2)]),
        ]
        for (op, inputs) in refused {
            #expect(throws: ShapeRuleError.self, "\(op)") { try op.inferOutputTypes(inputs: inputs, outputCount: 1) }
        }
    }

    @Test func blocksOfAnySizeAreRefused() {
        for size in [Int.min, -1] {
            let attributes = DequantizeLinearAttributes(axis: 0, blockSize: size)
            let data = InferredValue(TensorType(elementType: .int8, dimensions: [4, 2]))
            #expect(throws: Never.self) { try infer(.dequantizeLinear(attributes), data, float("N", 2)) }
        }
    }

    @Test(arguments: [(Int.min, Int.max, 1), (0, Int.min, -1), (Int.max, Int.min, Int.min), (0, 1, Int.max)])
    func rangesCannotOverflow(start: Int, limit: Int, step: Int) {
        let scalars = [start, limit, step].map { InferredValue(Tensor(scalar: Int64($0))) }
        _ = try? infer(.arrangement(.range), scalars[0], scalars[1], scalars[2])
    }

    @Test func theLengthOfARangeOfNumbersIsKnown() throws {
        let scalars = [Float(1), 2.6, 0.5].map { InferredValue(Tensor(scalar: $0)) }
        #expect(try infer(.arrangement(.range), scalars[0], scalars[1], scalars[2]) == [4])
    }

    @Test func emptyTensorsOfManyRowsAreNotWalked() throws {
        let empty = InferredValue(Tensor(zeros: [1 << 26, 0], elementType: .int64))
        #expect(try infer(.slice, empty, integers(0), integers(1 << 40), integers(0)) == [.fixed(1 << 26), 0])
        #expect(try infer(.transpose(permutation: [1, 0]), empty) == [0, .fixed(1 << 26)])
        #expect(try infer(.arrangement(.tile), empty, integers(1, 5)) == [.fixed(1 << 26), 0])
    }
}
