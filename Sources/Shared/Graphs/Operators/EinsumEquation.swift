/// An equation of `Einsum`, such as `bij,bjk->bik`: a term per input, and one for the result.
public struct EinsumEquation: Hashable, Sendable {
    /// What one axis of an input or of the result is called.
    public enum Label: Hashable, Sendable {
        /// A letter of the equation.
        case letter(Character)
        /// An axis that `...` stands for, counted from the last one of these.
        case unnamed(fromLast: Int)
    }

    /// Letters, and whether and where `...` stands among them.
    struct Term: Hashable, Sendable {
        var letters: [Character] = []
        /// How many letters stand before `...`.
        var ellipsis: Int?
    }

    /// The equation as it was given.
    public let text: String
    /// The terms of the inputs.
    let terms: [Term]
    /// The term of the result; `nil` when the equation gives none.
    private let result: Term?

    /// Reads an equation.
    ///
    /// - Returns: `nil` when it is malformed: other signs than letters, `...`, `,` and one `->`, or a result with a letter
    ///   twice or that no input has.
    public init?(_ text: String) {
        self.text = text
        let sides = text.filter { $0 != " " }.split(separator: "->", omittingEmptySubsequences: false)
        guard sides.count <= 2 else { return nil }
        var terms: [Term] = []
        for part in sides[0].split(separator: ",", omittingEmptySubsequences: false) {
            guard let term = Self.term(part) else { return nil }
            terms.append(term)
        }
        self.terms = terms
        guard sides.count == 2 else {
            result = nil
            return
        }
        guard let result = Self.term(sides[1]), Set(result.letters).count == result.letters.count,
            Set(result.letters).isSubset(of: terms.flatMap(\.letters))
        else { return nil }
        self.result = result
    }

    private static func term(_ text: Substring) -> Term? {
        var term = Term()
        var rest = text
        while let first = rest.first {
            if rest.hasPrefix("...") {
                guard term.ellipsis == nil else { return nil }
                term.ellipsis = term.letters.count
                rest = rest.dropFirst(3)
            } else {
                guard first.isASCII, first.isLetter else { return nil }
                term.letters.append(first)
                rest = rest.dropFirst()
            }
        }
        return term
    }

    /// The labels of the axes of inputs of these ranks, and of the result; `nil` when the ranks do not fit.
    public func labels(ofRanks ranks: [Int]) -> (inputs: [[Label]], output: [Label])? {
        guard ranks.count == terms.count else { return nil }
        var inputs: [[Label]] = []
        var unnamedCount = 0
        for (term, rank) in zip(terms, ranks) {
            let count = rank - term.letters.count
            guard term.ellipsis == nil ? count == 0 : count >= 0 else { return nil }
            inputs.append(Self.labels(term, unnamedCount: count))
            unnamedCount = max(unnamedCount, count)
        }
        if let result {
            guard unnamedCount == 0 || result.ellipsis != nil else { return nil }
            return (inputs, Self.labels(result, unnamedCount: unnamedCount))
        }
        // Without a result the axes of `...` come first, then the letters that occur once, in their order.
        let letters = terms.flatMap(\.letters)
        let once = Set(letters).filter { letter in letters.count { $0 == letter } == 1 }.sorted()
        return (inputs, Self.labels(Term(letters: once, ellipsis: 0), unnamedCount: unnamedCount))
    }

    private static func labels(_ term: Term, unnamedCount: Int) -> [Label] {
        var labels = term.letters.map { Label.letter($0) }
        if let place = term.ellipsis {
            labels.insert(contentsOf: (0..<unnamedCount).reversed().map { .unnamed(fromLast: $0) }, at: place)
        }
        return labels
    }
}
