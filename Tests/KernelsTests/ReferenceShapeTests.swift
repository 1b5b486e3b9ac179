import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

@Suite struct ReferenceShapeTests {
    @Test func reshapeInfersAndCopiesExtents() throws {
        #expect(try evaluate(.reshape(allowZero: false), ramp([2, 3, 4]), integers([0, -1])).shape == [2, 12])
        #expect(throws: KernelError.self) {
            try evaluate(.reshape(allowZero: false), ramp([2, 3]), integers([4, -1]))
        }
        #expect(throws: KernelError.self) {
            try evaluate(.reshape(allowZero: false), ramp([2, 3]), integers([-1, -1]))
        }
    }

    @Test func transposingWithTheInversePermutationIsIdentity() throws {
        for type in ElementType.allCases {
            let data = try evaluate(.cast(CastAttributes(to: type)), ramp([2, 3, 4, 5]))
            let moved = try evaluate(.transpose(permutation: [2, 0, 3, 1]), data)
            #expect(moved.shape == [4, 2, 5, 3])
            #expect(try evaluate(.transpose(permutation: [1, 3, 0, 2]), moved) == data, "\(type)")
        }
    }

    @Test func joiningWhatWasSplitIsIdentity() throws {
        for axis in -3..<3 {
            let data = ramp([7, 5, 6])
            let count = 3
            let parts = try ReferenceKernels.evaluate(
                .split(axis: axis, outputCount: count), inputs: [data], outputCount: count)
            let joined = try ReferenceKernels.evaluate(.concat(axis: axis), inputs: parts, outputCount: 1)
            #expect(joined == [data], "axis \(axis)")
        }
    }

    @Test func slicesForwardAndBackward() throws {
        func slice(_ start: Int64, _ end: Int64, _ step: Int64) throws -> [Float] {
            try evaluate(.slice, ramp([6]), integers([start]), integers([end]), integers([0]), integers([step]))
                .floatElements
        }
        #expect(try slice(1, 4, 1) == [1, 2, 3])
        #expect(try slice(-2, .max, 1) == [4, 5])
        #expect(try slice(0, .max, 4) == [0, 4])
        #expect(try slice(-1, .min, -2) == [5, 3, 1])
        #expect(try slice(10, -10, -1) == [5, 4, 3, 2, 1, 0])
        #expect(try slice(3, 1, 1) == [])
        #expect(try slice(0, .max, .max) == [0])
        #expect(try slice(5, .min, .min) == [5])
        #expect(throws: KernelError.self) { try slice(0, 3, 0) }
    }

    @Test func padsInEveryMode() throws {
        func pad(_ mode: PaddingMode, _ pads: [Int64]) throws -> [Float] {
            try evaluate(.pad(mode), ramp([4]), integers(pads), mode == .constant ? floats([], [9]) : nil).floatElements
        }
        #expect(try pad(.constant, [2, 1]) == [9, 9, 0, 1, 2, 3, 9])
        #expect(try pad(.edge, [2, 1]) == [0, 0, 0, 1, 2, 3, 3])
        #expect(try pad(.reflect, [2, 1]) == [2, 1, 0, 1, 2, 3, 2])
        #expect(try pad(.wrap, [2, 1]) == [2, 3, 0, 1, 2, 3, 0])
        #expect(try pad(.constant, [-1, 1]) == [1, 2, 3, 9])
        #expect(try pad(.constant, [-1, -2]) == [1])
        #expect(throws: KernelError.self) { try pad(.constant, [-3, -2]) }
        #expect(throws: KernelError.self) { try pad(.constant, [.max, 1]) }
        #expect(throws: KernelError.self) { try pad(.constant, [1 << 40, 0]) }
    }

    @Test func padsOnlyTheNamedAxes() throws {
        let result = try evaluate(.pad(.constant), ramp([2, 2]), integers([1, 0]), nil, integers([-1]))
        #expect(result.shape == [2, 3])
        #expect(result.floatElements == [0, 0, 1, 0, 2, 3])
    }

    @Test func gathersWithNegativeIndices() throws {
        let result = try evaluate(
            .gather(axis: 1), ramp([2, 3, 2]), Tensor(shape: [1, 2], elements: [Int64(-1), 0]))
        #expect(result.shape == [2, 1, 2, 2])
        #expect(result.floatElements == [4, 5, 0, 1, 10, 11, 6, 7])
        #expect(throws: KernelError.self) { try evaluate(.gather(axis: 0), ramp([3]), integers([3])) }
        #expect(throws: KernelError.self) { try evaluate(.gather(axis: 0), ramp([3]), integers([.min])) }
    }

    @Test func expandsSqueezesAndUnsqueezes() throws {
        #expect(
            try evaluate(.expand, ramp([3, 1]), integers([2, 1, 2])).floatElements == [
                0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2,
            ])
        #expect(try evaluate(.squeeze, ramp([1, 3, 1])).shape == [3])
        #expect(try evaluate(.squeeze, ramp([1, 3, 1]), integers([-1])).shape == [1, 3])
        #expect(try evaluate(.unsqueeze, ramp([2, 3]), integers([-1, 0])).shape == [1, 2, 3, 1])
        #expect(throws: KernelError.self) { try evaluate(.squeeze, ramp([1, 3]), integers([1])) }
        #expect(throws: KernelError.self) { try evaluate(.expand, ramp([3]), integers([1 << 40, 3])) }
    }

    @Test func describesAndFillsShapes() throws {
        #expect(try evaluate(.shape(start: -2, end: nil), ramp([2, 3, 4])) == integers([3, 4]))
        #expect(try evaluate(.shape(start: 1, end: -1), ramp([2, 3, 4])) == integers([3]))
        let filled = try evaluate(.constantOfShape(value: integers([7])), integers([2, 2]))
        #expect(filled == Tensor(shape: [2, 2], elements: [Int64](repeating: 7, count: 4)))
        #expect(throws: KernelError.self) {
            try evaluate(.constantOfShape(value: integers([7])), integers([1 << 31, 1 << 31]))
        }
    }

    @Test func absurdEmptyShapesAreNoTrap() throws {
        let empty = Tensor(zeros: [0, 1 << 29, 1 << 29], elementType: .float32)
        #expect(throws: KernelError.self) { try evaluate(.transpose(permutation: nil), empty) }
        #expect(throws: KernelError.self) { try evaluate(.reduce(.init(function: .sum)), empty, integers([0])) }
    }
}
