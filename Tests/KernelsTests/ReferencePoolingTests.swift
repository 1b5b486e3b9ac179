import Graphs
import Kernels
import Tensors
import Testing

@Suite struct ReferencePoolingTests {
    @Test func averagesWithAndWithoutPadding() throws {
        var attributes = PoolingAttributes(kernelShape: [2], padding: .explicit(before: [1], after: [1]))
        let data = floats([1, 1, 3], [2, 4, 6])
        #expect(try evaluate(.averagePool(attributes), data).floatElements == [2, 3, 5, 6])
        attributes.countIncludesPadding = true
        #expect(try evaluate(.averagePool(attributes), data).floatElements == [1, 3, 5, 3])
    }

    @Test func ceilModeDropsWindowsThatStartInTheTrailingPadding() throws {
        let attributes = PoolingAttributes(
            kernelShape: [2], strides: [3], padding: .explicit(before: [0], after: [1]), ceilMode: true)
        // Room 6 + 1 - 2 = 5: two more strides by rounding up would start at 6, which is padding.
        #expect(try evaluate(.maxPool(attributes), ramp([1, 1, 6])).floatElements == [1, 4])
    }

    @Test func partialWindowsCountOnlyWhatIsThere() throws {
        let attributes = PoolingAttributes(
            kernelShape: [3], strides: [2], padding: .explicit(before: [1], after: [1]), ceilMode: true,
            countIncludesPadding: true)
        // Extent 4 padded to 6; windows at -1, 1 and 3: the last holds one element and one padding.
        #expect(
            try evaluate(.averagePool(attributes), floats([1, 1, 4], [3, 3, 6, 8])).floatElements == [2, 17 / 3, 4])
    }

    @Test func numbersTheMaxima() throws {
        let data = floats([1, 2, 2, 3], [0, 5, 1, 4, 2, 3, 9, 8, 7, 6, 5, 4])
        var attributes = PoolingAttributes(kernelShape: [2, 2])
        let rows = try ReferenceKernels.evaluate(.maxPool(attributes), inputs: [data], outputCount: 2)
        #expect(rows[0].floatElements == [5, 5, 9, 8])
        #expect(rows[1].elements(as: Int64.self) == [1, 1, 6, 7])
        attributes.columnMajorIndices = true
        let columns = try ReferenceKernels.evaluate(.maxPool(attributes), inputs: [data], outputCount: 2)
        #expect(columns[1].elements(as: Int64.self) == [2, 2, 6, 8])
    }

    @Test func dilationSpreadsTheWindow() throws {
        let attributes = PoolingAttributes(kernelShape: [2], dilations: [2])
        #expect(try evaluate(.maxPool(attributes), floats([1, 1, 4], [9, 1, 2, 8])).floatElements == [9, 8])
    }

    @Test func poolsGlobally() throws {
        #expect(try evaluate(.globalAveragePool, ramp([1, 2, 2, 2])).floatElements == [1.5, 5.5])
        #expect(try evaluate(.globalMaxPool, ramp([1, 2, 2, 2])).shape == [1, 2, 1, 1])
        #expect(throws: KernelError.self) { try evaluate(.globalAveragePool, ramp([2])) }
    }

    @Test func refusesAWindowLargerThanTheData() {
        #expect(throws: KernelError.self) { try evaluate(.maxPool(.init(kernelShape: [9])), ramp([1, 1, 4])) }
        #expect(throws: KernelError.self) { try evaluate(.maxPool(.init(kernelShape: [2, 2])), ramp([1, 1, 4])) }
    }
}
