import Graphs
import Kernels
import Tensors
import Testing

/// Arguments that no exporter writes but a file can have: they are refused or computed, and never trap or take all memory.
@Suite struct ExtremeArgumentTests {
    private let empty = Tensor(zeros: [0], elementType: .float32)

    private func integers(_ shape: Shape, _ values: [Int64]) -> Tensor { Tensor(shape: shape, elements: values) }

    private func refuses(_ op: Operator, _ inputs: Tensor?...) {
        #expect(throws: KernelError.self) { try ReferenceKernels.evaluate(op, inputs: inputs, outputCount: 1) }
    }

    // MARK: Selection

    @Test func conditionsMayBeLongerThanTheData() throws {
        let op = Operator.selection(.compress(axis: nil))
        func condition(_ values: [Bool]) -> Tensor { Tensor(shape: [values.count], elements: values) }
        #expect(try evaluate(op, empty, condition([true])).shape == [0])
        #expect(try evaluate(op, floats([2], [1, 2]), condition([true, false, true])).floatElements == [1])
        let rows = try evaluate(.selection(.compress(axis: 0)), ramp([2, 2]), condition([false, true, true]))
        #expect(rows.floatElements == [2, 3])
        refuses(op, ramp([2]), Tensor(scalar: true))
    }

    @Test func indicesThatNameWholeTensorsAreBounded() throws {
        let gather = Operator.selection(.gatherND(batchAxes: 0))
        let none = Tensor(zeros: [2, 0], elementType: .int64)
        #expect(try evaluate(gather, floats([3], [1, 2, 3]), none).floatElements == [1, 2, 3, 1, 2, 3])
        let many = Tensor(zeros: [1 << 30, 0], elementType: .int64)
        refuses(gather, Tensor(zeros: [1 << 20], elementType: .float32), many)
        refuses(
            .selection(.scatterND(.replace)), Tensor(zeros: [1 << 20], elementType: .float32), many,
            Tensor(zeros: [0], elementType: .float32))
        let rows = try evaluate(gather, empty, Tensor(zeros: [1 << 26, 0], elementType: .int64))
        #expect(rows.shape == [1 << 26, 0])
    }

    // MARK: Arrangement

    @Test func rangesOfIntegersAreExact() throws {
        func range(_ first: Int64, _ limit: Int64, _ step: Int64) throws -> [Int64] {
            try evaluate(.arrangement(.range), Tensor(scalar: first), Tensor(scalar: limit), Tensor(scalar: step))
                .elements(as: Int64.self)
        }
        #expect(try range(1 << 53, 1 << 53 + 3, 1) == [1 << 53, 1 << 53 + 1, 1 << 53 + 2])
        #expect(try range(.max - 2, .max, 1) == [.max - 2, .max - 1])
        #expect(try range(.max, .min, .min) == [.max, -1])
        #expect(try range(.min, .max, .max) == [.min, -1, .max - 1])
        #expect(try range(0, .min, 1) == [])
        #expect(try range(5, -2, -3) == [5, 2, -1])
        #expect(throws: KernelError.self) { try range(0, 1, 0) }
        #expect(throws: KernelError.self) { try range(.min, .max, 1) }
        let unsigned = try evaluate(
            .arrangement(.range), Tensor(scalar: UInt64.max - 2), Tensor(scalar: UInt64.max), Tensor(scalar: UInt64(1)))
        #expect(unsigned.elements(as: UInt64.self) == [.max - 2, .max - 1])
    }

    @Test(arguments: [
        (Float(0), Float(1e30), Float(1)), (0, .infinity, 1), (0, 1, 0), (0, -1, 0), (.nan, 1, 1), (0, 1, .nan),
    ])
    func rangesWithoutEndAreRefused(first: Float, limit: Float, step: Float) {
        refuses(.arrangement(.range), Tensor(scalar: first), Tensor(scalar: limit), Tensor(scalar: step))
    }

    @Test func rangesAwayFromTheLimitAreEmpty() throws {
        for limit: Float in [-1e30, -.infinity] {
            let range = try evaluate(
                .arrangement(.range), Tensor(scalar: Float(0)), Tensor(scalar: limit), Tensor(scalar: Float(1)))
            #expect(range.shape == [0])
        }
    }

    @Test func extentsAreCheckedBeforeListsAreMade() throws {
        let tile = Operator.arrangement(.tile)
        refuses(tile, Tensor(zeros: [4], elementType: .float32), integers([1], [1 << 62]))
        refuses(tile, Tensor(zeros: [1], elementType: .float32), integers([1], [1 << 40]))
        let tiled = try evaluate(tile, Tensor(zeros: [0, 1], elementType: .float32), integers([2], [1, 1 << 26]))
        #expect(tiled.shape == [0, 1 << 26])
        let crop = Operator.arrangement(.centerCropOrPad(axes: nil))
        refuses(crop, ramp([1]), integers([1], [1 << 62]))
        #expect(try evaluate(crop, ramp([1, 1]), integers([2], [0, 1 << 26])).shape == [0, 1 << 26])
        #expect(try evaluate(crop, empty, integers([1], [3])).floatElements == [0, 0, 0])
        let wide = Tensor(zeros: [0, 1 << 40], elementType: .float32)
        #expect(try evaluate(crop, wide, integers([2], [1, 1])).floatElements == [0])
        let square = Tensor(zeros: [0, 1 << 20, 1 << 20], elementType: .float32)
        #expect(try evaluate(.arrangement(.triangle(isUpper: true)), square).shape == square.shape)
        let matrix = Tensor(zeros: [1 << 40, 0], elementType: .float32)
        #expect(try evaluate(.arrangement(.identityMatrix(offset: 0, elementType: nil)), matrix).shape == matrix.shape)
    }

    // MARK: Vision and signals

    @Test func cornersFarOutsideOfAnImageAreClamped() throws {
        func pool(_ scale: Float, _ region: [Float]) throws -> [Float] {
            try evaluate(
                .vision(.maximumRegionPool(height: 1, width: 1, scale: scale)), ramp([1, 1, 2, 2]),
                floats([1, 5], region)
            ).floatElements
        }
        #expect(try pool(1e20, [0, 0, 0, 1, 1]) == [3])
        #expect(try pool(1e38, [0, -1e8, -1e8, 1e8, 1e8]) == [3])
        #expect(try pool(1e20, [0, 1, 1, 2, 2]) == [0])
        for scale: Float in [.nan, .infinity] {
            #expect(throws: KernelError.self) { try pool(scale, [0, 0, 0, 1, 1]) }
        }
    }

    @Test func samplesOfRegionsAreHonouredOrRefused() throws {
        func align(_ samples: Int, _ region: [Float]) throws -> Float {
            let op = RegionAlignAttributes(
                height: 1, width: 1, averages: true, samplingRatio: samples, scale: 1, pixelsHaveHalfCenters: true)
            return try evaluate(
                .vision(.regionAlign(op)), ramp([1, 1, 1, 10]), floats([1, 4], region), integers([1], [0])
            ).floatElements[0]
        }
        // What ONNX Runtime gives.
        #expect(try align(500, [0, 0, 5, 1]) == 2.025)
        // A region of 1000 pixels has 1000 samples, of which those from 0 to 9 and one at 10 are not 0.
        #expect(try align(0, [-500, 0, 500, 1]) == 0.054)
        #expect(throws: KernelError.self) { try align(1 << 40, [0, 0, 5, 1]) }
        #expect(throws: KernelError.self) { try align(0, [0, 0, 1e30, 1]) }
        #expect(try align(2, [.nan, 0, 5, 1]) == 0)
    }

    @Test func gridsOfNegativeSizeAreRefused() throws {
        let op = Operator.vision(.affineGrid(alignsCorners: false))
        refuses(op, Tensor(zeros: [1, 2, 3], elementType: .float32), integers([4], [-1, 3, 4, 4]))
        refuses(op, Tensor(zeros: [1, 2, 3], elementType: .float32), integers([4], [1, 3, -4, -4]))
        let grid = try evaluate(
            op, Tensor(zeros: [0, 2, 3], elementType: .float32), integers([4], [0, 3, 1 << 25, 1]))
        #expect(grid.shape == [0, 1 << 25, 1, 2])
    }

    @Test func framesLongerThanTheSignalAreRefused() throws {
        let op = Operator.signal(.shortTimeFourierTransform(isOneSided: true))
        let step = Tensor(scalar: Int64(2))
        refuses(op, Tensor(zeros: [1, 0, 1], elementType: .float32), step, floats([1], [1]))
        refuses(op, Tensor(zeros: [1, 3, 1], elementType: .float32), step, floats([4], [1, 1, 1, 1]))
        #expect(try evaluate(op, ramp([1, 4, 1]), step, floats([2], [1, 1])).shape == [1, 2, 2, 2])
    }

    /// As in ONNX Runtime 1.31, in all modes: a point at infinity or without a place lies at the first bound of the image.
    @Test(arguments: [Float.infinity, -.infinity, .nan, 1e30])
    func pointsWithoutAPlaceAreAtTheFirstBound(coordinate: Float) throws {
        func sample(_ padding: GridSampleAttributes.Padding, _ x: Float, alignsCorners: Bool = false) throws -> Float {
            try evaluate(
                .vision(.gridSample(.init(mode: .linear, padding: padding, alignsCorners: alignsCorners))),
                floats([1, 1, 3, 3], [1, 2, 4, 8, 16, 32, 64, 128, 256]), floats([1, 1, 1, 2], [x, 0])
            ).floatElements[0]
        }
        #expect(try sample(.zeros, coordinate) == 4)
        #expect(try sample(.zeros, coordinate, alignsCorners: true) == 8)
        #expect(try sample(.border, coordinate) == 8)
        #expect(try sample(.reflection, coordinate) == 8)
        // Points that are only far away lie beyond the border.
        #expect(try sample(.zeros, 1e5) == 0)
        #expect(try sample(.border, 1e5) == 32)
    }
}
