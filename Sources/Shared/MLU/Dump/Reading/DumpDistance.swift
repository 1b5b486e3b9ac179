/// The distance between two sequences of values, collected pair by pair.
struct DumpDistance {
    private(set) var count = 0
    private(set) var maximumAbsoluteError = 0.0
    private(set) var notANumberMismatches = 0
    private var squaredDifference = 0.0
    private var squaredReference = 0.0
    private var squaredOther = 0.0
    private var product = 0.0

    /// Adds a pair.
    mutating func add(_ reference: Double, _ other: Double) {
        count += 1
        // Equal infinities and pairs without numbers do not differ, and have no place in a norm.
        if reference.isNaN || other.isNaN {
            if reference.isNaN != other.isNaN { notANumberMismatches += 1 }
            return
        }
        if reference == other, reference.isInfinite { return }
        let difference = (reference - other).magnitude
        maximumAbsoluteError = max(maximumAbsoluteError, difference)
        squaredDifference += difference * difference
        guard reference.isFinite, other.isFinite else { return }
        squaredReference += reference * reference
        squaredOther += other * other
        product += reference * other
    }

    /// Norm of the difference by the norm of the reference.
    var relativeL2: Double {
        if squaredDifference == 0 { return 0 }
        if squaredDifference == .infinity { return .infinity }
        return squaredReference == 0 ? .infinity : (squaredDifference / squaredReference).squareRoot()
    }

    /// Cosine of the angle between the two; 1 for two zeros, 0 when only one is zero.
    var cosine: Double {
        if squaredReference == 0 || squaredOther == 0 { return squaredReference == squaredOther ? 1 : 0 }
        return product / (squaredReference.squareRoot() * squaredOther.squareRoot())
    }
}
