/// An extent as a sum of products of symbols, so that equal extents have equal names whatever way they were computed.
///
/// Products are expanded and terms sorted: `(N+1)*2` and `2+N*2` are both `N*2+2`. What is no polynomial is one factor
/// with the form of a call, such as `floor((H+1)/2)`. Text that is no such expression, which can only come from a file,
/// is one factor as it stands.
struct ExtentExpression: Hashable {
    /// Coefficient by product, never 0; a product is its sorted factors, and the empty product is the constant.
    private var terms: [[String]: Int]

    /// Longer expressions are not worth their name; they become unknown.
    private static let maximumLength = 200
    private static let maximumTerms = 16

    private init(terms: [[String]: Int]) {
        self.terms = terms.filter { $0.value != 0 }
    }

    /// A number.
    init(_ constant: Int) {
        self.init(terms: [[]: constant])
    }

    /// One factor.
    private init(factor: String) {
        self.init(terms: [[factor]: 1])
    }

    /// The expression that an extent stands for; `nil` when it is unknown.
    init?(_ dimension: Dimension) {
        switch dimension {
        case .fixed(let value): self.init(value)
        case .symbol(let text): self = Self.parsed(text) ?? Self(factor: text)
        case .unknown: return nil
        }
    }

    /// The value when there is no symbol in it.
    var constant: Int? {
        if terms.isEmpty { return 0 }
        return terms.count == 1 ? terms[[]] : nil
    }

    /// The extent under its canonical name.
    var dimension: Dimension {
        if let constant { return .fixed(constant) }
        // A leading minus sign would need a grammar of its own, and no extent is negative.
        guard let text = rendered, text.utf8.count <= Self.maximumLength else { return .unknown }
        return .symbol(text)
    }

    private var rendered: String? {
        let products = terms.sorted { left, right in
            // Positive terms first, the constant last, else by name.
            if left.key.isEmpty != right.key.isEmpty { return right.key.isEmpty }
            if (left.value > 0) != (right.value > 0) { return left.value > 0 }
            return left.key.lexicographicallyPrecedes(right.key)
        }
        guard let first = products.first, first.value > 0, !first.key.isEmpty else { return nil }
        var text = ""
        for (factors, coefficient) in products {
            if !text.isEmpty { text += coefficient < 0 ? "-" : "+" }
            let magnitude = String(coefficient.magnitude)
            if factors.isEmpty {
                text += magnitude
            } else {
                text += factors.joined(separator: "*") + (coefficient.magnitude == 1 ? "" : "*" + magnitude)
            }
        }
        return text
    }

    // MARK: Arithmetic; `nil` when a number overflows or the expression grows too long.

    func adding(_ other: ExtentExpression, times sign: Int = 1) -> ExtentExpression? {
        var sum = terms
        for (product, coefficient) in other.terms {
            let (scaled, overflow) = coefficient.multipliedReportingOverflow(by: sign)
            let (value, overflowToo) = sum[product, default: 0].addingReportingOverflow(scaled)
            if overflow || overflowToo { return nil }
            sum[product] = value
        }
        return sum.count <= Self.maximumTerms ? ExtentExpression(terms: sum) : nil
    }

    func multiplied(by other: ExtentExpression) -> ExtentExpression? {
        var result: [[String]: Int] = [:]
        for (left, leftCoefficient) in terms {
            for (right, rightCoefficient) in other.terms {
                let product = (left + right).sorted()
                let (scaled, overflow) = leftCoefficient.multipliedReportingOverflow(by: rightCoefficient)
                let (value, overflowToo) = result[product, default: 0].addingReportingOverflow(scaled)
                if overflow || overflowToo || product.count > Self.maximumTerms { return nil }
                result[product] = value
            }
            if result.count > Self.maximumTerms { return nil }
        }
        return ExtentExpression(terms: result)
    }

    /// The quotient when the division is exact for all values of the symbols, as far as that can be seen.
    func dividedExactly(by other: ExtentExpression) -> ExtentExpression? {
        if self == other { return ExtentExpression(1) }
        guard other.terms.count == 1, let (divisor, divisorCoefficient) = other.terms.first else { return nil }
        var result: [[String]: Int] = [:]
        for (product, coefficient) in terms {
            let (quotient, overflow) = coefficient.dividedReportingOverflow(by: divisorCoefficient)
            guard !overflow, quotient * divisorCoefficient == coefficient else { return nil }
            var rest = product
            for factor in divisor {
                guard let position = rest.firstIndex(of: factor) else { return nil }
                rest.remove(at: position)
            }
            result[rest] = quotient
        }
        return ExtentExpression(terms: result)
    }

    /// The quotient rounded down; `divisor` is positive.
    func dividedRoundingDown(by divisor: Int) -> ExtentExpression? {
        guard divisor > 0 else { return nil }
        // What divides evenly leaves the floor: floor((2*H+3)/2) is H+1.
        var whole: [[String]: Int] = [:]
        var rest: [[String]: Int] = [:]
        for (product, coefficient) in terms {
            var quotient = coefficient / divisor
            if coefficient % divisor < 0 { quotient -= 1 }
            whole[product] = quotient
            // The product can lie below the smallest integer, the difference is a remainder.
            rest[product] = coefficient &- quotient &* divisor
        }
        let remainder = ExtentExpression(terms: rest)
        if let constant = remainder.constant, constant < divisor { return ExtentExpression(terms: whole) }
        guard let text = remainder.rendered else { return nil }
        let inner = remainder.terms.count > 1 ? "(\(text))" : text
        return ExtentExpression(factor: "floor(\(inner)/\(divisor))").adding(ExtentExpression(terms: whole))
    }

    /// A factor with the form of a call, such as `max(N-2,0)`.
    static func call(_ function: String, _ first: ExtentExpression, _ second: Int) -> ExtentExpression? {
        guard let text = first.rendered else { return nil }
        return ExtentExpression(factor: "\(function)(\(text),\(second))")
    }

    // MARK: Reading

    /// Reads a sum of products of numbers, names and calls; `nil` when the text is something else.
    private static func parsed(_ text: String) -> ExtentExpression? {
        var scanner = ExtentScanner(text)
        var sum: ExtentExpression? = ExtentExpression(0)
        var sign = 1
        repeat {
            guard var product = scanner.factor().map(expression(ofFactor:)) else { return nil }
            while scanner.skip("*") {
                guard let next = scanner.factor().map(expression(ofFactor:)),
                    let longer = product.multiplied(by: next)
                else { return nil }
                product = longer
            }
            sum = sum?.adding(product, times: sign)
            if scanner.isAtEnd { return sum }
            if scanner.skip("+") {
                sign = 1
            } else if scanner.skip("-") {
                sign = -1
            } else {
                return nil
            }
        } while true
    }

    private static func expression(ofFactor text: Substring) -> ExtentExpression {
        Int(text).map(ExtentExpression.init) ?? ExtentExpression(factor: String(text))
    }
}

/// Cuts the text of an extent into factors.
private struct ExtentScanner {
    private var rest: Substring

    init(_ text: String) {
        rest = Substring(text)
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func skip(_ character: Character) -> Bool {
        guard rest.first == character else { return false }
        rest.removeFirst()
        return true
    }

    /// A number, a name, or a name with balanced parentheses after it.
    mutating func factor() -> Substring? {
        let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." || $0 == ":" }
        guard !name.isEmpty else { return nil }
        var end = name.endIndex
        if end < rest.endIndex, rest[end] == "(" {
            var depth = 0
            repeat {
                guard end < rest.endIndex else { return nil }
                if rest[end] == "(" { depth += 1 }
                if rest[end] == ")" { depth -= 1 }
                end = rest.index(after: end)
            } while depth > 0
        }
        let factor = rest[..<end]
        rest = rest[end...]
        return factor
    }
}
