extension Dimension {
    /// The sum; unknown when either is or when it overflows.
    static func + (left: Dimension, right: Dimension) -> Dimension {
        combine(left, right, { $0.addingReportingOverflow($1) }, { $0.adding($1) })
    }

    /// The difference, which may be negative for elements of a shape computation.
    static func - (left: Dimension, right: Dimension) -> Dimension {
        combine(left, right, { $0.subtractingReportingOverflow($1) }, { $0.adding($1, times: -1) })
    }

    /// The product; unknown when either is or when it overflows.
    static func * (left: Dimension, right: Dimension) -> Dimension {
        combine(left, right, { $0.multipliedReportingOverflow(by: $1) }, { $0.multiplied(by: $1) })
    }

    private static func combine(
        _ left: Dimension, _ right: Dimension, _ numbers: (Int, Int) -> (partialValue: Int, overflow: Bool),
        _ expressions: (ExtentExpression, ExtentExpression) -> ExtentExpression?
    ) -> Dimension {
        if case .fixed(let first) = left, case .fixed(let second) = right {
            let (value, overflow) = numbers(first, second)
            return overflow ? .unknown : .fixed(value)
        }
        guard let first = ExtentExpression(left), let second = ExtentExpression(right) else { return .unknown }
        return expressions(first, second)?.dimension ?? .unknown
    }

    /// The quotient rounded down, for a positive divisor.
    func dividedRoundingDown(by divisor: Int) -> Dimension {
        guard divisor > 0 else { return .unknown }
        if case .fixed(let value) = self {
            return .fixed(value >= 0 ? value / divisor : -((-(value + 1)) / divisor) - 1)
        }
        return ExtentExpression(self)?.dividedRoundingDown(by: divisor)?.dimension ?? .unknown
    }

    /// The quotient rounded up, for a positive divisor.
    func dividedRoundingUp(by divisor: Int) -> Dimension {
        guard divisor > 0 else { return .unknown }
        return (self + .fixed(divisor - 1)).dividedRoundingDown(by: divisor)
    }

    /// The quotient when it is exact for all values of the symbols; else unknown.
    func dividedExactly(by divisor: Dimension) -> Dimension {
        guard let first = ExtentExpression(self), let second = ExtentExpression(divisor), second.constant != 0 else {
            return .unknown
        }
        return first.dividedExactly(by: second)?.dimension ?? .unknown
    }

    /// The larger of the extent and a number.
    func atLeast(_ bound: Int) -> Dimension {
        if case .fixed(let value) = self { return .fixed(max(value, bound)) }
        guard let expression = ExtentExpression(self) else { return .unknown }
        return ExtentExpression.call("max", expression, bound)?.dimension ?? .unknown
    }

    /// The smaller of the extent and a number.
    func atMost(_ bound: Int) -> Dimension {
        if case .fixed(let value) = self { return .fixed(min(value, bound)) }
        guard let expression = ExtentExpression(self) else { return .unknown }
        return ExtentExpression.call("min", expression, bound)?.dimension ?? .unknown
    }
}
