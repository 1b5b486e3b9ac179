import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

@Suite struct ReferenceLinearTests {
    @Test func multipliesMatrices() throws {
        let result = try evaluate(.matMul, ramp([2, 3]), ramp([3, 2]))
        #expect(result.floatElements == [10, 13, 28, 40])
        #expect(try evaluate(.matMul, ramp([3]), ramp([3])).shape == [])
        #expect(try evaluate(.matMul, ramp([3]), ramp([3])).floatElements == [5])
        #expect(try evaluate(.matMul, ramp([2, 3]), ramp([3])).floatElements == [5, 14])
        #expect(try evaluate(.matMul, ramp([3]), ramp([4, 3, 2])).shape == [4, 2])
        #expect(throws: KernelError.self) { try evaluate(.matMul, ramp([2, 3]), ramp([2, 3])) }
    }

    @Test func batchesBroadcast() throws {
        var generator = SeededGenerator(seed: 3)
        let left = noise([2, 1, 3, 5], &generator)
        let right = noise([4, 5, 2], &generator)
        let result = try evaluate(.matMul, left, right)
        #expect(result.shape == [2, 4, 3, 2])
        let (a, b) = (left.doubleElements, right.doubleElements)
        var expected: [Double] = []
        for outer in 0..<2 {
            for batch in 0..<4 {
                for row in 0..<3 {
                    for column in 0..<2 {
                        expected.append(
                            (0..<5).reduce(0) { $0 + a[(outer * 3 + row) * 5 + $1] * b[(batch * 5 + $1) * 2 + column] })
                    }
                }
            }
        }
        expectClose(result.floatElements, expected)
    }

    @Test func sumsInOrderWhateverTheBlocking() throws {
        var generator = SeededGenerator(seed: 4)
        let (rows, depth, columns) = (3, 37, 3000)
        let left = noise([rows, depth], &generator)
        let right = noise([depth, columns], &generator)
        let result = try evaluate(.matMul, left, right).floatElements
        let (a, b) = (left.floatElements, right.floatElements)
        for row in 0..<rows {
            for column in stride(from: 0, to: columns, by: 7) {
                var sum: Float = 0
                for k in 0..<depth { sum += a[row * depth + k] * b[k * columns + column] }
                #expect(result[row * columns + column] == sum)
            }
        }
    }

    @Test func integerProductsWrap() throws {
        let matrix = Tensor(shape: [1, 2], elements: [Int32.max, 2])
        let result = try evaluate(.matMul, matrix, Tensor(shape: [2, 1], elements: [Int32(2), 5]))
        #expect(result.elements(as: Int32.self) == [8])
    }

    @Test func gemmTransposesScalesAndAdds() throws {
        let attributes = GemmAttributes(alpha: 0.5, beta: 2, transposeA: true, transposeB: true)
        let result = try evaluate(.gemm(attributes), ramp([3, 2]), ramp([2, 3]), floats([2], [1, 10]))
        // A' B' = [[10, 28], [13, 40]].
        #expect(result.floatElements == [7, 34, 8.5, 40])
        #expect(throws: KernelError.self) { try evaluate(.gemm(.init()), ramp([2, 3]), ramp([3, 2]), ramp([3])) }
    }
}
