/// The exact sum of any number of doubles: adding in any order, or adding parts, gives the same value and the same words.
///
/// A fixed-point number in two's complement, `words[i]` with the weight 2^(64 (lowest + i)), with no word more than the value
/// needs. Sums of squares of `Float` take two to five words.
public struct ExactSum: Sendable, Hashable {
    /// The words, the least significant first; empty for zero.
    ///
    /// The first is not 0, the last not the mere sign of the one before.
    public private(set) var words: [UInt64] = []
    /// Position of the first word: its weight is 2^(64 lowest); 0 for zero.
    public private(set) var lowest = 0

    /// Positions that words can have: from the smallest double to 2^64 times the largest, and a sign.
    static let positions = -17...17

    /// Zero.
    public init() {}

    /// The value of a double.
    ///
    /// - Precondition: The number is finite.
    public init(_ value: Double) {
        precondition(value.isFinite, "An exact sum holds finite numbers, not \(value)")
        let exponent = max(Int(value.exponentBitPattern), 1) - 1075
        let hidden: UInt64 = value.exponentBitPattern == 0 ? 0 : 1 << 52
        let mantissa = value.significandBitPattern | hidden
        // Rounds down, also below zero.
        lowest = exponent >> 6
        let shift = UInt64(exponent & 63)
        words = [mantissa << shift, shift == 0 ? 0 : mantissa >> (64 - shift), 0]
        if value.sign == .minus { negate() }
        normalize()
    }

    /// Takes words from a file.
    ///
    /// - Returns: `nil` unless they are in the one form that a value has, and in range.
    public init?(checking words: [UInt64], lowest: Int) {
        guard words.count <= Self.positions.count else { return nil }
        guard words.isEmpty || Self.positions.contains(lowest) && Self.positions.contains(lowest + words.count - 1)
        else {
            return nil
        }
        self.words = words
        self.lowest = lowest
        normalize()
        guard self.words == words, self.lowest == lowest else { return nil }
    }

    /// Whether the value is below zero.
    public var isNegative: Bool { (words.last ?? 0) >> 63 == 1 }

    /// Whether the value is zero.
    public var isZero: Bool { words.isEmpty }

    /// Adds a number.
    ///
    /// - Precondition: The number is finite.
    public mutating func add(_ value: Double) {
        self += ExactSum(value)
    }

    /// Adds another sum.
    public static func += (left: inout ExactSum, right: ExactSum) {
        left = left + right
    }

    /// The sum of two sums.
    public static func + (left: ExactSum, right: ExactSum) -> ExactSum {
        if left.isZero { return right }
        if right.isZero { return left }
        let lowest = min(left.lowest, right.lowest)
        // One word more than the longer one takes the carry.
        let end = max(left.lowest + left.words.count, right.lowest + right.words.count) + 1
        var result = ExactSum()
        result.lowest = lowest
        result.words.reserveCapacity(end - lowest)
        var carry: UInt64 = 0
        for position in lowest..<end {
            let (partial, first) = left.word(at: position).addingReportingOverflow(right.word(at: position))
            let (sum, second) = partial.addingReportingOverflow(carry)
            carry = first || second ? 1 : 0
            result.words.append(sum)
        }
        result.normalize()
        return result
    }

    /// The word at a position, with zeros below the value and copies of its sign above.
    private func word(at position: Int) -> UInt64 {
        let index = position - lowest
        if index < 0 { return 0 }
        return index < words.count ? words[index] : (isNegative ? .max : 0)
    }

    /// The two's complement of the words as they are.
    private mutating func negate() {
        var carry = true
        for index in words.indices {
            let (sum, overflow) = (~words[index]).addingReportingOverflow(carry ? 1 : 0)
            words[index] = sum
            carry = overflow
        }
    }

    /// Drops the words that the value does not need.
    private mutating func normalize() {
        while let last = words.last {
            let before = words.count > 1 ? words[words.count - 2] : 0
            let sign: UInt64 = words.count > 1 && before >> 63 == 1 ? .max : 0
            guard last == sign else { break }
            words.removeLast()
        }
        let zeros = words.firstIndex { $0 != 0 } ?? words.count
        words.removeFirst(zeros)
        lowest = words.isEmpty ? 0 : lowest + zeros
    }

    /// The nearest double; of two equally near ones the even one.
    ///
    /// Infinite when the value exceeds the doubles. Below the smallest normal double it is rounded twice.
    public var doubleValue: Double {
        guard !isZero else { return 0 }
        var magnitude = self
        if isNegative {
            magnitude.words.append(.max)
            magnitude.negate()
        }
        let digits = magnitude.words
        guard let top = digits.lastIndex(where: { $0 != 0 }) else { return 0 }
        let shift = UInt64(digits[top].leadingZeroBitCount)
        let below = top > 0 ? digits[top - 1] : 0
        var bits = shift == 0 ? digits[top] : digits[top] << shift | below >> (64 - shift)
        // What is cut off decides only whether a tie is one, and 64 bits leave room to note that in the last.
        let cut = (shift == 0 ? below : below << shift) != 0 || digits[..<max(top - 1, 0)].contains { $0 != 0 }
        if cut { bits |= 1 }
        let exponent = 64 * (lowest + top) - Int(shift)
        return Double(sign: isNegative ? .minus : .plus, exponent: exponent, significand: Double(bits))
    }
}
