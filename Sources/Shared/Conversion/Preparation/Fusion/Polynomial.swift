import Graphs

/// A polynomial of a value x and of the gate of an activation.
struct Polynomial {
    /// x^x * gate^gate.
    struct Powers: Hashable {
        let x: Int
        let gate: Int
    }

    /// The coefficients; none is 0.
    private(set) var terms: [Powers: Double]

    init(_ terms: [Powers: Double]) { self.terms = terms.filter { $0.value != 0 } }

    /// A number.
    init(_ number: Double) { self.init([Powers(x: 0, gate: 0): number]) }

    /// The number that it is; `nil` when it depends on x or the gate.
    var number: Double? {
        if terms.isEmpty { return 0 }
        return terms.count == 1 ? terms[Powers(x: 0, gate: 0)] : nil
    }

    func adding(_ other: Polynomial, times factor: Double = 1) -> Polynomial {
        Polynomial(terms.merging(other.terms.mapValues { $0 * factor }) { $0 + $1 })
    }

    /// The product; `nil` when its powers are beyond those of any activation.
    func multiplied(by other: Polynomial) -> Polynomial? {
        var product: [Powers: Double] = [:]
        for (left, factor) in terms {
            for (right, other) in other.terms {
                let powers = Powers(x: left.x + right.x, gate: left.gate + right.gate)
                guard powers.x <= 4, powers.gate <= 1 else { return nil }
                product[powers, default: 0] += factor * other
            }
        }
        return Polynomial(product)
    }

    /// Whether it has these terms and no others.
    func isNear(_ expected: [Powers: Double]) -> Bool {
        terms.count == expected.count
            && expected.allSatisfy { powers, value in terms[powers].map { FusionSource.isNear($0, value) } ?? false }
    }
}

/// Reads sums and products of a value and the gate as a polynomial.
struct PolynomialReader {
    private let source: FusionSource
    private let x: String
    private let gate: String?
    /// Positions of the nodes that were read.
    private(set) var nodes: Set<Int> = []

    init(_ source: FusionSource, x: String, gate: String?) {
        self.source = source
        self.x = x
        self.gate = gate
    }

    /// The polynomial that a value is; `nil` when it is none.
    mutating func polynomial(_ value: String, depth: Int = 0) -> Polynomial? {
        if value == x { return Polynomial([.init(x: 1, gate: 0): 1]) }
        if value == gate { return Polynomial([.init(x: 0, gate: 1): 1]) }
        if let number = source.scalar(value) { return Polynomial(number) }
        guard depth < 8, let position = source.index.producingNode(of: value) else { return nil }
        let node = source.graph.nodes[position]
        guard case .binary(let function) = node.op, let left = polynomial(node.inputs[0], depth: depth + 1),
            let right = polynomial(node.inputs[1], depth: depth + 1)
        else { return nil }
        nodes.insert(position)
        switch function {
        case .add: return left.adding(right)
        case .subtract: return left.adding(right, times: -1)
        case .multiply: return left.multiplied(by: right)
        case .divide:
            guard let divisor = right.number, divisor != 0 else { return nil }
            return left.multiplied(by: Polynomial(1 / divisor))
        case .power:
            guard let exponent = right.number, let power = Int(exactly: exponent), (1...4).contains(power) else {
                return nil
            }
            var product: Polynomial? = left
            for _ in 1..<power { product = product?.multiplied(by: left) }
            return product
        case .parametricRelu: return nil
        }
    }
}
