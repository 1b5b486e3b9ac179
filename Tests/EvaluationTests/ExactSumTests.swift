import Evaluation
import TestSupport
import Testing

/// A sum that does not depend on the order, to the bit.
@Suite struct ExactSumTests {
    /// Arbitrary numbers of many magnitudes, with cancellation.
    private static func numbers(_ count: Int, _ generator: inout SeededGenerator) -> [Double] {
        (0..<count).map { _ in
            switch generator.next() % 8 {
            case 0: Double(bitPattern: generator.next() & 0x000f_ffff_ffff_ffff)  // subnormal
            case 1: 0
            case 2: -0.0
            default:
                Double(
                    sign: generator.next() & 1 == 0 ? .plus : .minus,
                    exponent: Int(generator.next() % 1900) - 1000,
                    significand: 1 + Double(generator.next() >> 11) * 0x1p-53)
            }
        }
    }

    @Test(arguments: 0..<10) func equalsTheSumInPlainIntegers(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var sum = ExactSum()
        var plain = PlainInteger()
        for number in Self.numbers(30, &generator) {
            sum.add(number)
            plain.add(number)
            #expect(plain.equals(sum), "seed \(seed)")
            #expect(sum.doubleValue == plain.nearestDouble, "seed \(seed)")
        }
    }

    @Test(arguments: 0..<20) func anyOrderAndAnySplitGiveTheSameWords(seed: UInt64) {
        var generator = SeededGenerator(seed: 100 + seed)
        let numbers = Self.numbers(64, &generator)
        var inOrder = ExactSum()
        for number in numbers { inOrder.add(number) }
        var shuffled = ExactSum()
        for number in numbers.shuffled(using: &generator) { shuffled.add(number) }
        #expect(inOrder == shuffled, "seed \(seed)")
        let cut = Int(generator.next() % 64)
        var (left, right) = (ExactSum(), ExactSum())
        for number in numbers[..<cut] { left.add(number) }
        for number in numbers[cut...] { right.add(number) }
        #expect(left + right == inOrder && right + left == inOrder, "seed \(seed)")
    }

    @Test func whatCancelsIsZeroAgain() {
        var sum = ExactSum()
        for number in [1e300, -1e-300, 0x1p-1074, 3.5] {
            sum.add(number)
            sum.add(-number)
        }
        #expect(sum == ExactSum() && sum.doubleValue == 0 && !sum.isNegative)
        sum.add(1e300)
        sum.add(1)
        sum.add(-1e300)
        #expect(sum.doubleValue == 1 && sum.words == [1] && sum.lowest == 0)
        sum.add(-2)
        #expect(sum.doubleValue == -1 && sum.isNegative && sum.words == [.max])
    }

    @Test func tiesGoToEven() {
        var sum = ExactSum(0x1p53)
        sum.add(1)
        #expect(sum.doubleValue == 0x1p53)
        sum.add(0x1p-1000)
        #expect(sum.doubleValue == 0x1p53 + 2)
        var negative = ExactSum(-0x1p53)
        negative.add(-1)
        #expect(negative.doubleValue == -0x1p53)
        negative.add(-0x1p-1000)
        #expect(negative.doubleValue == -0x1p53 - 2)
    }

    @Test func onlyTheOneFormIsRead() {
        #expect(ExactSum(checking: [], lowest: 0) == ExactSum())
        #expect(ExactSum(checking: [], lowest: 1) == nil)
        #expect(ExactSum(checking: [0], lowest: 0) == nil)
        #expect(ExactSum(checking: [0, 1], lowest: 0) == nil)
        #expect(ExactSum(checking: [1, 0], lowest: 0) == nil)
        #expect(ExactSum(checking: [.max, .max], lowest: 0) == nil)
        #expect(ExactSum(checking: [1 << 63, 0], lowest: 0)?.doubleValue == 0x1p63)
        #expect(ExactSum(checking: [1 << 63], lowest: 0)?.doubleValue == -0x1p63)
        #expect(ExactSum(checking: [1], lowest: 18) == nil && ExactSum(checking: [1], lowest: -18) == nil)
        #expect(ExactSum(checking: [1], lowest: .max) == nil && ExactSum(checking: [1], lowest: .min) == nil)
        #expect(ExactSum(checking: [UInt64](repeating: 1, count: 36), lowest: -17) == nil)
    }
}

/// A fixed-point number in the plainest form: one bit in each element, sign and magnitude.
private struct PlainInteger {
    private static let bits = 2400
    private static let point = 1100
    private var digits = [Int8](repeating: 0, count: bits)
    private var isNegative = false

    mutating func add(_ number: Double) {
        var other = PlainInteger()
        other.isNegative = number < 0
        let exponent = max(Int(number.exponentBitPattern), 1) - 1075
        let mantissa = number.significandBitPattern | (number.exponentBitPattern == 0 ? 0 : 1 << 52)
        for bit in 0..<53 where mantissa >> UInt64(bit) & 1 == 1 { other.digits[Self.point + exponent + bit] = 1 }
        if other.isNegative == isNegative {
            var carry: Int8 = 0
            for index in digits.indices {
                let sum = digits[index] + other.digits[index] + carry
                (digits[index], carry) = (sum & 1, sum >> 1)
            }
            return
        }
        let isLarger = !digits.reversed().lexicographicallyPrecedes(other.digits.reversed())
        let (large, small) = isLarger ? (self, other) : (other, self)
        var borrow: Int8 = 0
        for index in digits.indices {
            let difference = large.digits[index] - small.digits[index] - borrow
            (digits[index], borrow) = (difference & 1, difference < 0 ? 1 : 0)
        }
        isNegative = large.isNegative && digits.contains(1)
    }

    /// Whether the words, in two's complement, are this number.
    func equals(_ sum: ExactSum) -> Bool {
        var complement = digits
        if isNegative {
            var carry: Int8 = 1
            for index in complement.indices {
                let digit = 1 - complement[index] + carry
                (complement[index], carry) = (digit & 1, digit >> 1)
            }
        }
        let first = Self.point + 64 * sum.lowest
        return complement.indices.allSatisfy { index in
            let offset = index - first
            if offset < 0 { return complement[index] == 0 }
            guard offset / 64 < sum.words.count else { return complement[index] == (sum.isNegative ? 1 : 0) }
            return complement[index] == Int8(sum.words[offset / 64] >> UInt64(offset % 64) & 1)
        }
    }

    /// Rounded half to even at the 53rd digit.
    var nearestDouble: Double {
        guard let top = digits.lastIndex(of: 1) else { return 0 }
        // The last digit of a number below the normal ones is that of 2^-1074, and no sum has a smaller one.
        let last = max(top - 52, Self.point - 1074)
        var mantissa: UInt64 = 0
        for index in stride(from: top, through: last, by: -1) { mantissa = mantissa << 1 | UInt64(digits[index]) }
        if digits[last - 1] == 1, digits[..<(last - 1)].contains(1) || mantissa & 1 == 1 { mantissa += 1 }
        return Double(sign: isNegative ? .minus : .plus, exponent: last - Self.point, significand: Double(mantissa))
    }
}
