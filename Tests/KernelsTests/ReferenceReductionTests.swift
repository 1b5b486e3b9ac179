import Graphs
import Kernels
import Tensors
import Testing

@Suite struct ReferenceReductionTests {
    private func reduce(_ function: ReductionFunction, _ data: Tensor, _ axes: [Int64]?) throws -> Tensor {
        try evaluate(.reduce(.init(function: function, keepsAxes: false)), data, axes.map(integers))
    }

    @Test func reducesNamedAxes() throws {
        #expect(try reduce(.sum, ramp([2, 3]), [0]).floatElements == [3, 5, 7])
        #expect(try reduce(.mean, ramp([2, 3]), [-1]).floatElements == [1, 4])
        #expect(try reduce(.maximum, ramp([2, 3, 2]), [2, 0]).floatElements == [7, 9, 11])
        #expect(try reduce(.minimum, ramp([2, 3]), nil).floatElements == [0])
        #expect(try reduce(.l2Norm, floats([2], [3, 4]), nil).floatElements == [5])
        #expect(try reduce(.sumOfSquares, floats([2], [3, 4]), nil).floatElements == [25])
        #expect(throws: KernelError.self) { try reduce(.sum, ramp([2, 3]), [0, -2]) }
        #expect(throws: KernelError.self) { try reduce(.sum, ramp([2, 3]), [2]) }
    }

    @Test func keepsAxesAndMayLeaveEverything() throws {
        #expect(try evaluate(.reduce(.init(function: .sum)), ramp([2, 3]), integers([1])).shape == [2, 1])
        let untouched = try evaluate(
            .reduce(.init(function: .sum, emptyAxesMeansNone: true)), ramp([2, 3]), integers([]))
        #expect(untouched == ramp([2, 3]))
    }

    @Test func emptyRunsGiveTheNeutralElement() throws {
        let empty = Tensor(zeros: [2, 0], elementType: .float32)
        #expect(try reduce(.sum, empty, [1]).floatElements == [0, 0])
        #expect(try reduce(.maximum, empty, [1]).floatElements == [-.infinity, -.infinity])
        let bytes = Tensor(zeros: [1, 0], elementType: .uint8)
        #expect(try reduce(.minimum, bytes, [1]).elements(as: UInt8.self) == [255])
        let wide = Tensor(zeros: [1, 0], elementType: .uint64)
        #expect(try reduce(.minimum, wide, [1]).elements(as: UInt64.self) == [.max])
        let signed = Tensor(zeros: [1, 0], elementType: .int64)
        #expect(try reduce(.maximum, signed, [1]).elements(as: Int64.self) == [.min])
    }

    @Test func integersAndBooleansKeepTheirType() throws {
        let numbers = Tensor(shape: [3], elements: [Int32.max, 1, 1])
        #expect(try reduce(.sum, numbers, nil).elements(as: Int32.self) == [.min + 1])
        let flags = Tensor(shape: [2, 2], elements: [true, false, true, true])
        #expect(try reduce(.minimum, flags, [1]).elements(as: Bool.self) == [false, true])
    }
}
