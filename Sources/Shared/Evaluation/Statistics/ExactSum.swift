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
        let (low, high, sign, position) = Self.words(of: value)
        words = [low, high, sign]
        lowest = position
        normalize()
    }

    /// A double in two's complement: its two words, the word that all above them are, and the position of the first.
    private static func words(of value: Double) -> (low: UInt64, high: UInt64, sign: UInt64, position: Int) {
        precondition(value.isFinite, "An exact sum holds finite numbers, not \(value)")
        let exponent = max(Int(value.exponentBitPattern), 1) - 1075
        let hidden: UInt64 = value.exponentBitPattern == 0 ? 0 : 1 << 52
        let mantissa = value.significandBitPattern | hidden
        let shift = UInt64(exponent & 63)
        let low = mantissa << shift
        let high = shift == 0 ? 0 : mantissa >> (64 - shift)
        // Rounds down, also below zero.
        let position = exponent >> 6
        guard value.sign == .minus, mantissa != 0 else { return (low, high, 0, position) }
        return (~low &+ 1, low == 0 ? ~high &+ 1 : ~high, .max, position)
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
        let (low, high, sign, position) = Self.words(of: value)
        if low == 0, high == 0 { return }
        // In place, since this happens four times for each layer and sample.
        if words.isEmpty { lowest = position }
        while position < lowest {
            words.insert(0, at: 0)
            lowest -= 1
        }
        let start = position - lowest
        let last: UInt64 = isNegative ? .max : 0
        // One word more than the longer one takes the carry.
        while words.count < start + 3 { words.append(last) }
        words.append(last)
        var carry = false
        for index in start..<words.count {
            let word = index == start ? low : index == start + 1 ? high : sign
            let (partial, first) = words[index].addingReportingOverflow(word)
            let (sum, second) = partial.addingReportingOverflow(carry ? 1 : 0)
            words[index] = sum
            carry = first || second
        }
        normalize()
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
        if zeros > 0 { words.removeFirst(zeros) }
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
