import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

/// The fast loops of QuantizeLinear and DequantizeLinear against their formulas, to the bit.
@Suite struct QuantizationLoopsTests {
    /// Numbers of all magnitudes, ties, and what is no number.
    private static func numbers(_ count: Int, scale: Float, _ generator: inout SeededGenerator) -> [Float] {
        (0..<count).map { index in
            switch generator.next() % 10 {
            case 0: [Float.nan, .infinity, -.infinity, 0, -0.0, .greatestFiniteMagnitude][index % 6]
            case 1: Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))
            case 2, 3: (Float(Int(generator.next() % 1024)) - 512 + 0.5) * scale
            case 4: (Float(Int(generator.next() % 140_000)) - 70_000 + 0.5) * scale
            default: generator.normal() * 100 * scale
            }
        }
    }

    private static func check<Stored: FixedWidthInteger & TensorElement>(_ type: Stored.Type, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let isPerChannel = seed % 2 == 1
        let shape: Shape = [3, 5, 21]
        let channels = isPerChannel ? 5 : 1
        let scales = (0..<channels).map { _ in abs(generator.normal()) * 0.1 + 1e-4 }
        let zeroPoints = (0..<channels).map { _ in Stored(truncatingIfNeeded: generator.next()) }
        let values = numbers(shape.elementCount, scale: scales[0], &generator)
        let parameterShape: Shape = isPerChannel ? [5] : []
        let scale = Tensor(shape: parameterShape, elements: scales)
        let zeroPoint = Tensor(shape: parameterShape, elements: zeroPoints)
        let quantized = try evaluate(
            .quantizeLinear(QuantizeLinearAttributes(axis: 1)), floats(shape, values), scale, zeroPoint)
        let integers = quantized.elements(as: Stored.self)
        for index in values.indices {
            let channel = isPerChannel ? index / 21 % 5 : 0
            let rounded = (values[index] / scales[channel]).rounded(.toNearestOrEven) + Float(zeroPoints[channel])
            let expected =
                rounded >= Float(Stored.max) ? Stored.max : rounded >= Float(Stored.min) ? Stored(rounded) : Stored.min
            #expect(integers[index] == expected, "seed \(seed), \(values[index]) / \(scales[channel])")
        }
        let dequantized = try evaluate(
            .dequantizeLinear(DequantizeLinearAttributes(axis: 1)), quantized, scale, zeroPoint)
        for (index, value) in dequantized.floatElements.enumerated() {
            let channel = isPerChannel ? index / 21 % 5 : 0
            let expected = Float(Int64(integers[index]) - Int64(zeroPoints[channel])) * scales[channel]
            #expect(value == expected, "seed \(seed), \(integers[index])")
        }
    }

    @Test(arguments: 0..<12) func eachTypeFollowsTheFormula(seed: UInt64) throws {
        try Self.check(Int8.self, seed: seed)
        try Self.check(UInt8.self, seed: seed)
        try Self.check(Int16.self, seed: seed)
        try Self.check(UInt16.self, seed: seed)
    }

    @Test func nothingIsQuantizedToNothing() throws {
        let empty = try evaluate(
            .quantizeLinear(QuantizeLinearAttributes(axis: 1)), floats([0, 3], []), Tensor(scalar: Float(1)),
            Tensor(scalar: UInt8(3)))
        #expect(empty.elementType == .uint8 && empty.shape == [0, 3])
    }
}
