import Foundation
import Tensors
import TestSupport
import Testing

@testable import MLU

@Suite struct DumpFormatTests {
    @Test func numbersAreThoseOfPrintfForRandomBitPatterns() {
        for seed: UInt64 in [1, 2, 3] {
            var generator = SeededGenerator(seed: seed)
            var wrong: [Double] = []
            for _ in 0..<40_000 {
                let double = Double(bitPattern: generator.next())
                let float = Double(Float(bitPattern: UInt32(truncatingIfNeeded: generator.next())))
                // Numbers as networks have them: most bit patterns are far larger or smaller.
                let usual = Double(generator.normal() * 10)
                for value in [double, float, usual] where SixDigitFormat.text(value) != printed(value) {
                    wrong.append(value)
                }
            }
            #expect(wrong.isEmpty, "seed \(seed)")
        }
    }

    private func printed(_ value: Double) -> String { String(format: "%g", value) }

    /// Whole numbers and quotients by powers of two have the halves between two texts.
    @Test func halvesGoToTheEvenDigit() {
        var generator = SeededGenerator(seed: 4)
        for _ in 0..<20_000 {
            let whole = Double(Int64(generator.next() % 100_000_000))
            for value in [whole, whole / 64, whole * 10 + 5, whole * 1000, (whole * 2 + 1) * 0x1p70]
            where SixDigitFormat.text(value) != printed(value) {
                Issue.record("\(value) is not \(SixDigitFormat.text(value))")
            }
        }
        #expect(SixDigitFormat.text(1_000_005) == "1e+06")
        #expect(SixDigitFormat.text(1_000_015) == "1.00002e+06")
        #expect(SixDigitFormat.text(999_999.5) == "1e+06")
    }

    @Test func everyPowerOfTenAndItsNeighbours() {
        for exponent in -324...308 {
            let power = Double("1e\(exponent)") ?? 0
            for value in [power.nextDown, power, power.nextUp, -power, power * 9.999995, power * 9.9999949] {
                #expect(SixDigitFormat.text(value) == printed(value))
            }
        }
    }

    @Test func numbersOfTheGuide() {
        let cases: [(Double, String)] = [
            (Double(Float(0.1)), "0.1"), (1_234_567, "1.23457e+06"), (0.00001, "1e-05"), (.nan, "nan"),
            (.infinity, "inf"), (-.infinity, "-inf"), (-6.17937, "-6.17937"), (0, "0"), (-0.0, "-0"), (100, "100"),
            (0.0001, "0.0001"), (.leastNonzeroMagnitude, "4.94066e-324"), (.greatestFiniteMagnitude, "1.79769e+308"),
        ]
        for (value, text) in cases { #expect(SixDigitFormat.text(value) == text) }
    }

    /// C98, C99: the header is the guide's, spaces included, and every value has a line.
    @Test func tensorHeaderAndValuesAreTheGuides() {
        let tensor = Tensor(shape: [2, 1, 2], elements: [-6.17937, -7.91894, 0.5, 1e-5] as [Float])
        #expect(
            DumpText.text(of: .tensor(tensor), level: 2)
                == "Tensor : Type = Float : Shape = [2, 1, 2] : Dumped = 4\n-6.17937\n-7.91894\n0.5\n1e-05\n")
    }

    @Test func everyElementTypeHasItsNameAndItsValues() {
        let cases: [(Tensor, String, String)] = [
            (Tensor(shape: [2], elements: [1.5, -2] as [Double]), "Double", "1.5\n-2\n"),
            (Tensor(shape: [2], elements: [1.5, -2] as [Float16]), "Half", "1.5\n-2\n"),
            (Tensor(shape: [1], elements: [BFloat16(3)]), "BFloat16", "3\n"),
            (Tensor(shape: [2], elements: [-128, 127] as [Int8]), "Char", "-128\n127\n"),
            (Tensor(shape: [1], elements: [255] as [UInt8]), "Byte", "255\n"),
            (Tensor(shape: [1], elements: [-32768] as [Int16]), "Short", "-32768\n"),
            (Tensor(shape: [2], elements: [7, -1_234_567] as [Int32]), "Int", "7\n-1.23457e+06\n"),
            (
                Tensor(shape: [2], elements: [.min, 1_234_567_890_123] as [Int64]), "Long",
                "-9223372036854775808\n1234567890123\n"
            ),
            (Tensor(shape: [1], elements: [UInt64.max]), "UInt64", "18446744073709551615\n"),
            (Tensor(shape: [1], elements: [65535] as [UInt16]), "UInt16", "65535\n"),
            (Tensor(shape: [1], elements: [65536] as [UInt32]), "UInt32", "65536\n"),
            (Tensor(shape: [2], elements: [true, false]), "Bool", "1\n0\n"),
        ]
        for (tensor, type, lines) in cases {
            #expect(
                DumpText.text(of: .tensor(tensor), level: 2)
                    == "Tensor : Type = \(type) : Shape = \(tensor.shape) : Dumped = \(tensor.elementCount)\n\(lines)")
        }
        #expect(Set(cases.map { $0.0.elementType }).union([.float32]) == Set(ElementType.allCases))
    }

    /// C91, C92, C93.
    @Test func levelsWriteTenValuesTheSumOrAll() {
        let tensor = Tensor(shape: [3, 4], elements: (0..<12).map { Float($0) - 2 })
        func text(_ level: DumpLevel) -> [Substring] {
            DumpText.text(of: .tensor(tensor), level: level).split(separator: "\n")
        }
        #expect(text(0).first == "Tensor : Type = Float : Shape = [3, 4] : Dumped = 10")
        #expect(text(0).dropFirst() == ["-2", "-1", "0", "1", "2", "3", "4", "5", "6", "7"])
        #expect(text(1) == ["Tensor : Type = Float : Shape = [3, 4] : Dumped = 1", "48"])
        #expect(text(2).count == 13)
        // Any other number is the whole tensor.
        #expect(text(7) == text(2) && text(-1) == text(2))
        #expect(
            DumpText.text(of: .tensor(Tensor(shape: [3], elements: [1, 2, 3] as [Float])), level: 0)
                == "Tensor : Type = Float : Shape = [3] : Dumped = 3\n1\n2\n3\n")
    }

    @Test func sumsOfWholeNumbersAreExact() {
        let long = Tensor(shape: [3], elements: [.min, .min, 1] as [Int64])
        #expect(DumpText.text(of: .tensor(long), level: 1).hasSuffix("\n18446744073709551617\n"))
        let int = Tensor(shape: [2], elements: [.min, 16_777_217] as [Int32])
        #expect(DumpText.text(of: .tensor(int), level: 1).hasSuffix("\n2164260865\n"))
    }

    @Test func scalarTensorsKeepTheirValueAndEmptyOnesHaveNone() {
        #expect(
            DumpText.text(of: .tensor(Tensor(scalar: Float(2.5))), level: 0)
                == "Tensor : Type = Float : Shape = [] : Dumped = 1\n2.5\n")
        let empty = Tensor(shape: [0, 3], elements: [] as [Float])
        #expect(DumpText.text(of: .tensor(empty), level: 2) == "Tensor : Type = Empty\n")
        #expect(DumpText.text(of: .undefinedTensor, level: 2) == "Tensor : Type = Empty\n")
    }

    /// C100.
    @Test func argumentsThatAreNoTensors() {
        let cases: [(OperatorValue, String)] = [
            (.scalar(.boolean(true)), "Scalar : Type = bool\n1\n"),
            (.scalar(.integer(-3)), "Scalar : Type = int\n-3\n"),
            (.scalar(.real(0.1)), "Scalar : Type = float\n0.1\n"), (.plain(.boolean(false)), "0\n"),
            (.plain(.integer(.max)), "9223372036854775807\n"), (.plain(.real(1e-5)), "1e-05\n"),
            (.text("mean"), "mean\n"),
            (.sequence(.list, [.plain(.integer(1)), .plain(.integer(2))]), "List : Size = 2\n1\n2\n"),
            (.sequence(.vector, []), "Vector : Size = 0\n"),
            (
                .sequence(.tensorList, [.tensor(Tensor(scalar: Int64(4))), .undefinedTensor]),
                "TensorList : Size = 2\nTensor : Type = Long : Shape = [] : Dumped = 1\n4\nTensor : Type = Empty\n"
            ),
            (.optional(nil), "Optional : None\n"),
            (.optional(.scalar(.integer(1))), "Optional : \nScalar : Type = int\n1\n"),
            (.generator(seed: 42, device: "cpu"), "Generator : \n42\ncpu\n"),
        ]
        for (value, text) in cases { #expect(DumpText.text(of: value, level: 2) == text) }
    }

    /// Text longer than the buffer comes out in one piece, and every number where it belongs.
    @Test func longTensorsPassThroughTheBuffer() {
        let count = 300_000
        let tensor = Tensor(shape: [count], elements: (0..<count).map { Float($0) * 0.001 - 100 })
        let lines = DumpText.text(of: .tensor(tensor), level: 2).split(separator: "\n").dropFirst()
        #expect(lines.count == count)
        let expected = (0..<count).map { String(format: "%g", Float($0) * 0.001 - 100) }
        #expect(lines.elementsEqual(expected) { $0 == $1 })
        let long = Tensor(shape: [count], elements: (0..<count).map { Int64($0) * 1_000_000_007 })
        #expect(
            DumpText.text(of: .tensor(long), level: 2).split(separator: "\n").dropFirst()
                .elementsEqual((0..<count).map { "\($0 * 1_000_000_007)" }) { $0 == $1 })
    }
}
