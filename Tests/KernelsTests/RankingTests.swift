import Graphs
import Kernels
import Tensors
import Testing

/// Orders of elements: NaN, zeros, integers beyond the precision of floating point, and lists where one number is wanted.
@Suite struct RankingTests {
    private func position(_ values: [Float], isMaximum: Bool, selectsLast: Bool) throws -> Int64 {
        let op = RankingOperator.extremePosition(
            isMaximum: isMaximum, axis: 0, keepsAxis: true, selectsLast: selectsLast)
        return try evaluate(.ranking(op), floats([values.count], values)).elements(as: Int64.self)[0]
    }

    @Test func firstExtremeIsNaN() throws {
        for isMaximum in [false, true] {
            #expect(try position([1, .nan, 2], isMaximum: isMaximum, selectsLast: false) == 1)
            #expect(try position([2, 1, .nan], isMaximum: isMaximum, selectsLast: false) == 2)
            #expect(try position([0, .nan, .nan], isMaximum: isMaximum, selectsLast: false) == 1)
        }
        #expect(try position([2, 1, 1, 2], isMaximum: false, selectsLast: false) == 1)
        #expect(try position([1, 2, 2, 1], isMaximum: true, selectsLast: false) == 1)
    }

    /// Values that ONNX Runtime 1.31 gives.
    @Test func lastExtremeIsComparedAsTheRuntimeDoes() throws {
        let cases: [(values: [Float], smallest: Int64, largest: Int64)] = [
            ([1, .nan, 2], 0, 2), ([.nan, 1, 2], 0, 0), ([2, 1, .nan], 1, 0), ([1, .nan, .nan, 0], 3, 0),
            ([2, 1, 1, 2], 2, 3),
        ]
        for (values, smallest, largest) in cases {
            #expect(try position(values, isMaximum: false, selectsLast: true) == smallest)
            #expect(try position(values, isMaximum: true, selectsLast: true) == largest)
        }
    }

    @Test func sortedValuesEndOrBeginWithNaN() throws {
        func top(_ values: [Float], isLargest: Bool) throws -> [Int64] {
            let op = Operator.ranking(.top(axis: 0, isLargest: isLargest))
            let results = try ReferenceKernels.evaluate(
                op, inputs: [floats([values.count], values), integers([Int64(values.count)])], outputCount: 2)
            return results[1].elements(as: Int64.self)
        }
        for values: [Float] in [[3, .nan, 1], [5, .nan, 3, .nan, 4, 1], [.nan, 3, 1], [3, 1, .nan]] {
            let ascending = values.indices.sorted { (values[$0].order, $0) < (values[$1].order, $1) }
            #expect(try top(values, isLargest: false) == ascending.map(Int64.init))
            let descending = values.indices.sorted { (-values[$0].order, $0) < (-values[$1].order, $1) }
            #expect(try top(values, isLargest: true) == descending.map(Int64.init))
        }
    }

    @Test func oneNumberIsWantedWhereOneIsRead() throws {
        let list = integers([1, 2])
        #expect(throws: KernelError.self) { try evaluate(.ranking(.top(axis: 0, isLargest: true)), ramp([3]), list) }
        let sum = Operator.ranking(.cumulative(isProduct: false, isExclusive: false, isReverse: false))
        #expect(throws: KernelError.self) { try evaluate(sum, ramp([3]), integers([0, 0])) }
        #expect(throws: KernelError.self) {
            try evaluate(.signal(.window(.hann, isPeriodic: true, elementType: .float32)), list)
        }
    }

    @Test func linesOfEmptyTensorsAreNotListed() throws {
        let data = Tensor(zeros: [1 << 40, 0], elementType: .float32)
        let results = try ReferenceKernels.evaluate(
            .ranking(.top(axis: 1, isLargest: true)), inputs: [data, integers([0])], outputCount: 2)
        #expect(results.map(\.shape) == [data.shape, data.shape])
    }

    // MARK: Unique

    private func unique(_ data: Tensor, axis: Int? = nil, isSorted: Bool = true) throws -> [Tensor] {
        try ReferenceKernels.evaluate(
            .selection(.unique(axis: axis, isSorted: isSorted)), inputs: [data], outputCount: 4)
    }

    @Test func integersAreToldApartInAllTheirBits() throws {
        let large = Int64(1) << 53
        let signed = try unique(integers([large, large + 1, large]))
        #expect(signed[0].elements(as: Int64.self) == [large, large + 1])
        #expect(signed.dropFirst().map { $0.elements(as: Int64.self) } == [[0, 1], [0, 1, 0], [2, 1]])
        let unsigned = try unique(Tensor(shape: [3], elements: [UInt64.max, .max - 1, 3]))
        #expect(unsigned[0].elements(as: UInt64.self) == [3, .max - 1, .max])
    }

    @Test func numbersThatAreNoneAreOneAndLast() throws {
        let data = floats([6], [3, .nan, 1, .nan, -0.0, 0])
        let sorted = try unique(data)
        #expect(sorted[0].floatElements.dropLast() == [0, 1, 3] && sorted[0].floatElements[3].isNaN)
        #expect(sorted[0].floatElements[0].sign == .minus)
        #expect(
            sorted.dropFirst().map { $0.elements(as: Int64.self) } == [
                [4, 2, 0, 1], [2, 3, 1, 3, 0, 0], [2, 1, 1, 2],
            ])
        let inOrder = try unique(data, isSorted: false)
        #expect(inOrder[1].elements(as: Int64.self) == [0, 1, 2, 4])
        #expect(inOrder[2].elements(as: Int64.self) == [0, 1, 2, 1, 3, 3])
    }

    @Test func rowsAreComparedFromTheFirstColumn() throws {
        let data = floats([4, 2], [.nan, 1, 0, 2, .nan, 1, 0, 1])
        let rows = try unique(data, axis: 0)
        #expect(rows[1].elements(as: Int64.self) == [3, 1, 0])
        #expect(rows[2].elements(as: Int64.self) == [2, 1, 2, 0])
        #expect(rows[0].floatElements.prefix(4) == [0, 1, 0, 2])
        let columns = try unique(Tensor(shape: [2, 3], elements: [true, false, true, false, true, false]), axis: 1)
        #expect(columns[0].elements(as: Bool.self) == [false, true, true, false])
        #expect(columns[3].elements(as: Int64.self) == [1, 2])
    }

    @Test func emptyEntriesAreEqual() throws {
        let entries = try unique(Tensor(zeros: [3, 0], elementType: .float32), axis: 0)
        #expect(entries.map(\.shape) == [[1, 0], [1], [3], [1]])
        #expect(entries[3].elements(as: Int64.self) == [3])
        #expect(throws: KernelError.self) { try unique(Tensor(zeros: [1 << 40, 0], elementType: .float32), axis: 0) }
    }
}

extension Float {
    /// Where the value stands among finite ones: NaN is the largest.
    fileprivate var order: Float { isNaN ? .infinity : self }
}
