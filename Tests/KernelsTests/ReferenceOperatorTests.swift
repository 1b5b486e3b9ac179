import Graphs
import Kernels
import Tensors
import Testing

/// What the operators without a fast kernel do at the edges; ordinary values are compared with ONNX Runtime elsewhere.
@Suite struct ReferenceOperatorTests {
    private func einsum(_ text: String, _ inputs: Tensor?...) throws -> Tensor {
        let equation = try #require(EinsumEquation(text))
        return try ReferenceKernels.evaluate(.algebra(.einsum(equation)), inputs: inputs, outputCount: 1)[0]
    }

    @Test func axesOfAnEllipsisAreBroadcast() throws {
        let product = try einsum("...ij,...jk->...ik", ramp([2, 1, 1, 2]), ramp([3, 2, 1]))
        #expect(product.shape == [2, 3, 1, 1])
        #expect(product.floatElements == [1, 3, 5, 3, 13, 23])
        #expect(try einsum("ij,j->i", ramp([2, 3]), floats([1], [2])).floatElements == [6, 24])
    }

    @Test func diagonalsAndScalarsAreLabelsToo() throws {
        #expect(try einsum("ii", ramp([3, 3])).floatElements == [12])
        #expect(try einsum("i,->i", ramp([3]), floats([], [2])).floatElements == [0, 2, 4])
        #expect(try einsum("ij->", Tensor(zeros: [0, 3], elementType: .float32)).floatElements == [0])
        #expect(throws: KernelError.self) { try einsum("ij,jk->ik", ramp([2, 3]), ramp([2, 3])) }
        #expect(throws: KernelError.self) { try einsum("ij->i", ramp([3])) }
    }

    @Test(arguments: ["ij->ijj", "ij->k", "i-j", "....i", "i->j->k", "i1"])
    func malformedEquationsAreNone(text: String) {
        #expect(EinsumEquation(text) == nil)
    }

    @Test func remaindersTakeASign() throws {
        let (left, right) = (floats([4], [-5, 5, -6, 5]), floats([4], [3, -3, 3, .infinity]))
        let ofDividend = try evaluate(.algebra(.remainder(hasSignOfDividend: true)), left, right).floatElements
        #expect(ofDividend == [-2, 2, 0, 5] && ofDividend.map(\.sign) == [.minus, .plus, .minus, .plus])
        let ofDivisor = try evaluate(.algebra(.remainder(hasSignOfDividend: false)), left, right).floatElements
        #expect(ofDivisor == [1, -1, 0, 5])
        let zero = Tensor(shape: [1], elements: [Int32(0)])
        #expect(throws: KernelError.self) { try evaluate(.algebra(.remainder(hasSignOfDividend: false)), zero, zero) }
        let smallest = Tensor(shape: [1], elements: [Int64.min])
        let minusOne = Tensor(shape: [1], elements: [Int64(-1)])
        #expect(
            try evaluate(.algebra(.remainder(hasSignOfDividend: true)), smallest, minusOne).elements(as: Int64.self)
                == [0])
    }

    @Test func determinantsOfSingularMatricesAreZero() throws {
        #expect(try evaluate(.algebra(.determinant), floats([2, 2], [1, 2, 2, 4])).floatElements == [0])
        #expect(try evaluate(.algebra(.determinant), floats([2, 2], [0, 2, 3, 0])).floatElements == [-6])
        #expect(throws: KernelError.self) { try evaluate(.algebra(.determinant), ramp([2, 3])) }
    }

    @Test func linesOfZerosHaveNoDirection() throws {
        let op = Operator.normalization(.norm(axis: 1, order: 2))
        #expect(try evaluate(op, floats([2, 2], [0, 0, 3, 4])).floatElements == [0, 0, 0.6, 0.8])
    }

    @Test func groupsMustDivideTheChannels() throws {
        let op = Operator.normalization(.group(count: 2, epsilon: 0, scalesGroups: false))
        #expect(throws: KernelError.self) { try evaluate(op, ramp([1, 3, 4]), ramp([3]), ramp([3])) }
        #expect(throws: KernelError.self) { try evaluate(op, ramp([1, 4, 4]), ramp([2]), ramp([2])) }
    }

    @Test func positionsOutsideTheResultAreRefused() throws {
        let op = Operator.pooling(.inverseOfMaximum(kernelShape: [2], strides: [2], before: [], after: []))
        let places = Tensor(shape: [1, 1, 2], elements: [Int64(0), 4])
        #expect(throws: KernelError.self) { try evaluate(op, ramp([1, 1, 2]), places) }
    }

    @Test func classesThatDoNotExistAreRefusedUnlessIgnored() throws {
        let (scores, classes) = (floats([2, 2], [0, 0, -1, -3]), Tensor(shape: [2], elements: [Int64(-7), 1]))
        #expect(throws: KernelError.self) {
            try evaluate(.loss(.negativeLogLikelihood(.mean, ignoredClass: nil)), scores, classes)
        }
        let ignoring = Operator.loss(.negativeLogLikelihood(.mean, ignoredClass: -7))
        #expect(try evaluate(ignoring, scores, classes).floatElements == [3])
        #expect(
            try evaluate(.loss(.crossEntropy(.none, ignoredClass: -7)), scores, classes).floatElements[0] == 0)
    }

    @Test func sumsOfIntegersWrapLikeInt32() throws {
        // 2^31 / 255^2 products reach the limit of int32.
        let count = 33_100
        let ones = Tensor(shape: [1, count], elements: [UInt8](repeating: 255, count: count))
        let result = try evaluate(.integer(.matMul), ones, ones.reshaped(to: [count, 1]))
        #expect(result.elements(as: Int32.self) == [Int32(truncatingIfNeeded: count * 255 * 255)])
    }

    @Test func certainProbabilityOfASignedSoftmaxSaturates() throws {
        let data = Tensor(shape: [1, 2], elements: [Int8(127), -128])
        let op = Operator.quantized(.softmax(axis: 1, overFollowingAxes: false))
        let result = try evaluate(
            op, data, Tensor(scalar: Float(1)), nil, Tensor(scalar: Float(1) / 256), Tensor(scalar: Int8(-128)))
        #expect(result.elements(as: Int8.self) == [127, -128])
    }

    @Test func blocksMayEndEarly() throws {
        let data = Tensor(shape: [2, 3], elements: [Int8(1), 2, 3, 4, 5, 6])
        let op = Operator.dequantizeLinear(DequantizeLinearAttributes(axis: 1, blockSize: 2))
        let zeros = Tensor(shape: [2, 2], elements: [Int8(0), 1, 0, 2])
        #expect(
            try evaluate(op, data, floats([2, 2], [1, 10, 2, 20]), zeros).floatElements == [1, 2, 20, 8, 10, 80])
        #expect(throws: KernelError.self) { try evaluate(op, data, floats([2, 3], [1, 1, 1, 1, 1, 1]), nil) }
    }

    @Test func emptyRunsOfNewReductions() throws {
        let empty = Tensor(zeros: [2, 0], elementType: .float32)
        func reduce(_ function: ReductionFunction) throws -> [Float] {
            try evaluate(.reduce(.init(function: function, keepsAxes: false)), empty, integers([1])).floatElements
        }
        #expect(try reduce(.product) == [1, 1])
        #expect(try reduce(.l1Norm) == [0, 0])
        #expect(try reduce(.logarithmOfSum) == [-.infinity, -.infinity])
        #expect(try reduce(.logarithmOfSumOfExponentials) == [-.infinity, -.infinity])
        let large = try evaluate(
            .reduce(.init(function: .logarithmOfSumOfExponentials, keepsAxes: false)), floats([2], [1000, 1000]), nil)
        #expect(large.floatElements == [1000.6932])
    }
}
