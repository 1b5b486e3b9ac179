import Graphs
import Kernels
import Tensors
import Testing

/// Attributes and constants that no exporter writes: a kernel refuses them, and neither traps nor takes all memory.
@Suite struct HostileArgumentTests {
    private func scalar(_ value: Int64) -> Tensor { Tensor(scalar: value) }

    @Test(arguments: [
        (Int64.min, Int64.max, Int64(1)), (0, .max, 1), (.max, .min, -1), (0, 1 << 40, 1), (0, 1, 0),
    ])
    func rangesThatAreTooLongAreRefused(start: Int64, limit: Int64, step: Int64) {
        #expect(throws: KernelError.self) {
            try evaluate(.arrangement(.range), scalar(start), scalar(limit), scalar(step))
        }
    }

    @Test func rangesAtTheEndsOfTheirTypeAreExact() throws {
        let result = try evaluate(.arrangement(.range), scalar(.max - 2048), scalar(.max), scalar(1024))
        #expect(result.elements(as: Int64.self) == [.max - 2048, .max - 1024])
        #expect(throws: KernelError.self) {
            try evaluate(
                .arrangement(.range), Tensor(scalar: Double(0)), Tensor(scalar: 1e300), Tensor(scalar: Double(1)))
        }
    }

    @Test func tilesAreRefusedOrEmpty() throws {
        #expect(throws: KernelError.self) { try evaluate(.arrangement(.tile), ramp([3]), integers([.max])) }
        let empty = floats([0], [])
        #expect(try evaluate(.arrangement(.tile), empty, integers([.max])).elementCount == 0)
    }

    @Test func blocksAreRefused() {
        let data = ramp([1, 4, 2, 2])
        for size in [Int.max, 1 << 33, 0, -2] {
            let toSpace = Operator.arrangement(.depthToSpace(blockSize: size, blocksFirst: true))
            #expect(throws: KernelError.self) { try evaluate(toSpace, data) }
            #expect(throws: KernelError.self) { try evaluate(.arrangement(.spaceToDepth(blockSize: size)), data) }
        }
    }

    @Test func croppingToAnyExtentIsRefused() throws {
        let op = Operator.arrangement(.centerCropOrPad(axes: [0]))
        #expect(throws: KernelError.self) { try evaluate(op, ramp([3]), integers([1 << 50])) }
        #expect(try evaluate(op, ramp([4]), integers([2])).floatElements == [1, 2])
        #expect(try evaluate(op, ramp([1]), integers([3])).floatElements == [0, 0, 0])
    }

    @Test func anEmptyAxisHasNoFirstElement() throws {
        let condition = Tensor(shape: [1], elements: [true])
        let result = try evaluate(.selection(.compress(axis: 0)), floats([0, 2], []), condition)
        #expect(result.shape == [0, 2])
    }

    @Test func regionsBeyondAllNumbersEndAtTheImage() throws {
        let op = Operator.vision(.maximumRegionPool(height: 1, width: 1, scale: .greatestFiniteMagnitude))
        let result = try evaluate(op, ramp([1, 1, 2, 2]), floats([1, 5], [0, 0, 0, 1e8, 1e8]))
        #expect(result.shape == [1, 1, 1, 1])
    }

    /// Bands far above the highest frequency take no more time than others.
    @Test(.timeLimit(.minutes(1))) func melBandsAboveTheSpectrumAreEmpty() throws {
        let result = try evaluate(
            .signal(.melWeights(elementType: .float32)), integers([4]), integers([8]), integers([1]),
            Tensor(scalar: Float(1e8)), Tensor(scalar: Float(1e9)))
        #expect(result.shape == [5, 4])
        #expect(result.floatElements.allSatisfy { $0 == 0 })
    }
}
