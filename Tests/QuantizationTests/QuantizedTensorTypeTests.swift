import Quantization
import Tensors
import TestSupport
import Testing

/// Kinds of quantized tensors, and casts to, from and between them.
@Suite struct QuantizedTensorTypeTests {
    private func integers(_ type: QuantizedTensorType, _ values: [Float]) throws -> [Float] {
        let tensor = try type.quantize(Tensor(shape: [values.count], elements: values))
        switch tensor.elementType {
        case .uint8: return tensor.elements(as: UInt8.self).map { Float($0) }
        case .int32: return tensor.elements(as: Int32.self).map { Float($0) }
        default: return tensor.elements(as: Int8.self).map { Float($0) }
        }
    }

    @Test func castsRoundHalfAwayFromZeroAsMegEngineDoes() throws {
        let golden = try MegEngineGoldens.load().roundHalfAway
        #expect(try integers(QuantizedTensorType(.qint8, scale: 1), golden.x) == golden.toQint8Scale1)
        #expect(try integers(QuantizedTensorType(.qint4, scale: 1), golden.x) == golden.toQint4Scale1)
        #expect(try integers(QuantizedTensorType(.qint32, scale: 1), golden.x) == golden.toQint32Scale1)
        #expect(
            try integers(QuantizedTensorType(.quint8, scale: 1, zeroPoint: 10), golden.x)
                == golden.toQuint8Scale1Zp10)
        // The result of rounding alone: a grid of step 1 that is wide enough.
        let round = FakeQuantizer(FakeQuantSpecification(dtype: .qint32), parameter: 1)
        #expect(golden.x.map { round($0) } == golden.round)
    }

    /// Case 32 of semantics.md 5.2.
    @Test func unsignedKindsNeedAnIntegerZeroPointInRange() throws {
        for (dtype, zeroPoint) in [
            (QuantDtype.quint8, Float(0.233)), (.quint8, 777), (.quint8, -1), (.quint4, 18), (.quint4, -1),
            (.quint4, .nan),
        ] {
            let error = #expect(throws: QuantDtypeError.self) {
                try QuantizedTensorType(dtype, scale: 0.02, zeroPoint: zeroPoint)
            }
            #expect(error?.description.contains("0...\(dtype.maximum)") == true)
        }
        #expect(throws: QuantDtypeError.missingZeroPoint(.quint8)) { try QuantizedTensorType(.quint8, scale: 0.05) }
        let type = try QuantizedTensorType(.quint4, scale: 0.25, zeroPoint: 15)
        #expect((type.dtype, type.scale, type.zeroPoint) == (.quint4, 0.25, 15))
    }

    @Test func signedKindsHaveNoZeroPointAndTrainingKindsNoTensors() throws {
        for dtype in QuantDtype.allCases where !dtype.isUnsigned && dtype != .qint2 {
            #expect(throws: QuantDtypeError.unexpectedZeroPoint(dtype, 1)) {
                try QuantizedTensorType(dtype, scale: 0.5, zeroPoint: 1)
            }
            _ = try QuantizedTensorType(dtype, scale: 0.5)
        }
        for dtype in [QuantDtype.qint2, .quint2] {
            #expect(throws: QuantDtypeError.onlyForTraining(dtype)) { try QuantizedTensorType(dtype, scale: 0.5) }
        }
        for scale in [Float(0), -1, .nan, .infinity] {
            #expect(throws: QuantDtypeError.self) { try QuantizedTensorType(.qint8, scale: scale) }
        }
        // So an asymmetric observer of signed integers can be trained with, but not converted.
        #expect(throws: QuantDtypeError.self) { try QuantizedTensorType(QParams(.qint8, scale: 0.5, zeroPoint: 3)) }
    }

    @Test func whatIsNoNumberOrTooLargeBecomesAnEndOfTheRange() throws {
        let values: [Float] = [.nan, .infinity, -.infinity, 3e9, -3e9]
        #expect(try integers(QuantizedTensorType(.qint8, scale: 1), values) == [-128, 127, -128, 127, -128])
        #expect(try integers(QuantizedTensorType(.qint8Narrow, scale: 1), values) == [-127, 127, -127, 127, -127])
        #expect(try integers(QuantizedTensorType(.quint4, scale: 1, zeroPoint: 3), values) == [0, 15, 0, 15, 0])
        #expect(try integers(QuantizedTensorType(.qint1, scale: 1), values) == [0, 1, 0, 1, 0])
        let wide = try QuantizedTensorType(.qint32, scale: 1).quantize(Tensor(shape: [5], elements: values))
        #expect(wide.elements(as: Int32.self) == [.min, .max, .min, .max, .min])
    }

    /// Case 33 of semantics.md 5.2: no exact halves, so every rounding agrees.
    @Test(arguments: 0..<8) func castsFollowTheFormula(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let values = (0..<27).map { _ in Float(generator.next() >> 40) * 0x1p-24 * 5 - 1 }
        let tensor = Tensor(shape: [3, 3, 3], elements: values)
        for (dtype, zeroPoint) in [
            (QuantDtype.qint1, Float?.none), (.quint4, 5), (.qint4, nil), (.quint8, 135), (.qint8, nil),
        ] {
            let type = try QuantizedTensorType(dtype, scale: 0.01, zeroPoint: zeroPoint)
            let quantized = try type.quantize(tensor)
            #expect(quantized.shape == tensor.shape && quantized.elementType == type.elementType)
            let real = try type.dequantize(quantized).elements(as: Float.self)
            for (value, result) in zip(values, real) {
                let zero = Double(zeroPoint ?? 0)
                let integer = (Double(value) / 0.01).rounded() + zero
                let clipped = min(max(integer, Double(dtype.minimum)), Double(dtype.maximum))
                #expect(abs(Double(result) - (clipped - zero) * 0.01) < 1e-6, "seed \(seed), \(dtype), \(value)")
            }
        }
    }

    @Test func requantizingUsesTheRatioOfTheScales() throws {
        let source = try QuantizedTensorType(.qint8, scale: 0.5)
        let target = try QuantizedTensorType(.qint8, scale: 0.75)
        let tensor = Tensor(shape: [5], elements: [Int8(-3), 1, -1, 127, -128])
        #expect(try target.requantize(tensor, from: source).elements(as: Int8.self) == [-2, 1, -1, 85, -85])
        let unsigned = try QuantizedTensorType(.quint8, scale: 0.25, zeroPoint: 100)
        #expect(try unsigned.requantize(tensor, from: source).elements(as: UInt8.self) == [94, 102, 98, 255, 0])
        #expect(throws: QuantizationError.elementType(.int8, expected: .uint8)) {
            try target.requantize(tensor, from: unsigned)
        }
        let halves = Tensor(shape: [4], elements: [Int8(1), -1, 5, -5])
        let double = try QuantizedTensorType(.qint8, scale: 1)
        #expect(try double.requantize(halves, from: source).elements(as: Int8.self) == [1, -1, 3, -3])
        // Sums of products of two tensors, near the ends of 32 bits.
        let sums = try QuantizedTensorType(.qint32, scale: 0.001)
        let wide = Tensor(shape: [4], elements: [Int32.max, .min, 16_777_217, 500])
        let back = try QuantizedTensorType(.qint32, scale: 0.001).requantize(wide, from: sums)
        #expect(back == wide)
        #expect(try source.requantize(wide, from: sums).elements(as: Int8.self) == [127, -128, 127, 1])
    }
}
