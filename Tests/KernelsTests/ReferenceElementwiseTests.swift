import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

@Suite struct ReferenceElementwiseTests {
    @Test func integersWrap() throws {
        let left = Tensor(shape: [3], elements: [Int8(127), -128, 100])
        let right = Tensor(shape: [3], elements: [Int8(1), -1, 2])
        #expect(try evaluate(.binary(.add), left, right).elements(as: Int8.self) == [-128, 127, 102])
        #expect(try evaluate(.binary(.multiply), left, right).elements(as: Int8.self) == [127, -128, -56])
        #expect(try evaluate(.binary(.divide), left, right).elements(as: Int8.self) == [127, -128, 50])
        let unsigned = Tensor(shape: [1], elements: [UInt64(3)])
        let larger = Tensor(shape: [1], elements: [UInt64(5)])
        #expect(try evaluate(.binary(.subtract), unsigned, larger).elements(as: UInt64.self) == [.max - 1])
        #expect(throws: KernelError.self) { try evaluate(.binary(.divide), left, Tensor(scalar: Int8(0))) }
    }

    @Test func shapesBroadcast() throws {
        let result = try evaluate(.binary(.add), ramp([2, 1, 3]), floats([2, 1], [10, 20]))
        #expect(result.shape == [2, 2, 3])
        #expect(result.floatElements == [10, 11, 12, 20, 21, 22, 13, 14, 15, 23, 24, 25])
        #expect(throws: KernelError.self) { try evaluate(.binary(.add), ramp([2]), ramp([3])) }
        #expect(throws: KernelError.self) { try evaluate(.binary(.parametricRelu), ramp([2]), ramp([2, 2])) }
    }

    @Test func powersKeepTheTypeOfTheBase() throws {
        let base = Tensor(shape: [3], elements: [Int32(2), -3, 7])
        #expect(try evaluate(.binary(.power), base, integers([10, 3, 0])).elements(as: Int32.self) == [1024, -27, 1])
        #expect(try evaluate(.binary(.power), base, floats([1], [0.5])).elements(as: Int32.self).first == 1)
        #expect(try evaluate(.binary(.power), floats([1], [2]), integers([-2])).floatElements == [0.25])
    }

    @Test func castsAsOnnxRuntimeDoes() throws {
        let data = floats([8], [1.9, -1.9, 128, 255.5, -300, 70000, .nan, 5e9])
        func cast<T: TensorElement>(_ type: T.Type) throws -> [T] {
            try evaluate(.cast(CastAttributes(to: T.elementType)), data).elements(as: type)
        }
        #expect(try cast(Int8.self) == [1, -1, -128, -1, -44, 112, 0, 0])
        #expect(try cast(UInt8.self) == [1, 255, 128, 255, 212, 112, 0, 0])
        #expect(try cast(UInt16.self) == [1, 65535, 128, 255, 65236, 4464, 0, 0])
        #expect(try cast(Int32.self) == [1, -1, 128, 255, -300, 70000, .min, .min])
        #expect(try cast(UInt32.self) == [1, 4_294_967_295, 128, 255, 4_294_966_996, 70000, 0, 705_032_704])
        #expect(try cast(Int64.self) == [1, -1, 128, 255, -300, 70000, .min, 5_000_000_000])
        #expect(try cast(UInt64.self)[1] == .max)
        #expect(try cast(Bool.self) == [Bool](repeating: true, count: 8))
        let half = try evaluate(.cast(CastAttributes(to: .float16)), integers([2049, 65519, 65520]))
        #expect(half.elements(as: Float16.self) == [2048, 65504, .infinity])
        let double = Tensor(scalar: 1 + 0x1p-11 + 0x1p-40)
        #expect(try evaluate(.cast(CastAttributes(to: .float16)), double).elements(as: Float16.self) == [1])
    }

    @Test func everyTypeSurvivesAWideningCastAndBack() throws {
        let bytes = Tensor(shape: [4], elements: [UInt8(0), 1, 100, 127])
        for type in ElementType.allCases where type != .bool {
            let there = try evaluate(.cast(CastAttributes(to: type)), bytes)
            #expect(try evaluate(.cast(CastAttributes(to: .uint8)), there) == bytes, "\(type)")
        }
    }

    @Test func notANumberWinsMinimumAndMaximum() throws {
        let left = floats([3], [.nan, 1, 2])
        let right = floats([3], [1, .nan, 3])
        let least = try evaluate(.variadic(.minimum), left, right).floatElements
        let largest = try evaluate(.variadic(.maximum), left, right).floatElements
        #expect(least[0].isNaN && least[1].isNaN && least[2] == 2)
        #expect(largest[0].isNaN && largest[1].isNaN && largest[2] == 3)
        #expect(try evaluate(.variadic(.mean), ramp([2]), ramp([2]), floats([2], [3, 4])).floatElements == [1, 2])
    }

    @Test func clipsWithEitherBound() throws {
        let data = Tensor(shape: [4], elements: [Int8(-5), 0, 5, 100])
        #expect(try evaluate(.clip, data, nil, Tensor(scalar: Int8(3))).elements(as: Int8.self) == [-5, 0, 3, 3])
        #expect(
            try evaluate(.clip, data, Tensor(scalar: Int8(4)), Tensor(scalar: Int8(2))).elements(as: Int8.self) == [
                2, 2, 2, 2,
            ])
        #expect(throws: KernelError.self) { try evaluate(.clip, data, Tensor(scalar: Float(4))) }
    }

    /// Expected values from mpmath-free closed forms, to six digits.
    @Test func functionsHaveTheirKnownValues() throws {
        let expected: [(UnaryFunction, [Double])] = [
            (.absolute, [2, 0.5, 0, 1.5]), (.negate, [2, 0.5, 0, -1.5]), (.relu, [0, 0, 0, 1.5]),
            (.leakyRelu(slope: 0.1), [-0.2, -0.05, 0, 1.5]),
            (.elu(alpha: 2), [-1.7293294, -0.7869387, 0, 1.5]),
            (.sigmoid, [0.1192029, 0.3775407, 0.5, 0.8175745]),
            (.hardSigmoid(alpha: 0.2, beta: 0.5), [0.1, 0.4, 0.5, 0.8]),
            (.hardSwish, [-0.3333333, -0.2083333, 0, 1.125]), (.tanh, [-0.9640276, -0.4621172, 0, 0.9051483]),
            (.exp, [0.1353353, 0.6065307, 1, 4.4816891]), (.erf, [-0.9953223, -0.5204999, 0, 0.9661051]),
            (.softplus, [0.1269280, 0.4740770, 0.6931472, 1.7014133]), (.floor, [-2, -1, 0, 1]),
            (.ceil, [-2, 0, 0, 2]), (.round, [-2, 0, 0, 2]),
            (.gelu(tanhApproximation: false), [-0.0455003, -0.1542688, 0, 1.3997892]),
            (.gelu(tanhApproximation: true), [-0.0454023, -0.1542860, 0, 1.3995716]),
        ]
        for (function, values) in expected {
            let result = try evaluate(.unary(function), floats([4], [-2, -0.5, 0, 1.5]))
            expectClose(result.floatElements, values, tolerance: 2e-6, "\(function)")
        }
        #expect(try evaluate(.unary(.softplus), floats([1], [1000])).floatElements == [1000])
        #expect(throws: KernelError.self) { try evaluate(.unary(.exp), integers([1])) }
    }

    @Test func halfPrecisionIsRoundedOnce() throws {
        let half = Tensor(shape: [2], elements: [Float16(1), 2048])
        let sum = try evaluate(.binary(.add), half, Tensor(scalar: Float16(1)))
        #expect(sum.elements(as: Float16.self) == [2, 2048])
        let brain = Tensor(shape: [1], elements: [BFloat16(Float(1.5))])
        #expect(try evaluate(.binary(.multiply), brain, brain).elements(as: BFloat16.self) == [BFloat16(Float(2.25))])
    }
}
