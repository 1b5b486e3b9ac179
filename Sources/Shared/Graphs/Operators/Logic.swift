internal import Tensors

/// Comparisons, truth values and bits.
public enum LogicOperator: Hashable, Sendable {
    /// Two numbers or truth values to a truth value, with NumPy broadcasting.
    case compare(Comparison)
    /// Two truth values to one, with NumPy broadcasting.
    case connect(Connective)
    /// The other truth value.
    case not
    /// Two integers of one type, bit by bit, with NumPy broadcasting.
    case combineBits(Connective)
    /// All bits of an integer turned.
    case complement
    /// Unsigned integers moved by as many bits as the second input says, with NumPy broadcasting; beyond the width 0.
    case shiftBits(ShiftDirection)
    /// Whether an element is infinite of one of these signs.
    case isInfinite(negative: Bool, positive: Bool)
    /// Whether an element is not a number.
    case isNaN
    /// Inputs: condition, X, Y; the element of X where the condition is true, that of Y elsewhere, with NumPy broadcasting.
    case select

    /// What two elements are compared for; every comparison with NaN is false.
    public enum Comparison: String, Hashable, Sendable, CaseIterable {
        case equal = "Equal"
        case greater = "Greater"
        case greaterOrEqual = "GreaterOrEqual"
        case less = "Less"
        case lessOrEqual = "LessOrEqual"
    }

    /// A function of two truth values or bits.
    public enum Connective: String, Hashable, Sendable, CaseIterable {
        case and = "And"
        case or = "Or"
        case exclusiveOr = "Xor"
    }

    /// Where bits move.
    public enum ShiftDirection: String, Hashable, Sendable, CaseIterable {
        case left = "LEFT"
        case right = "RIGHT"
    }
}

extension LogicOperator {
    /// The name of the operator in ONNX.
    var name: String {
        switch self {
        case .compare(let comparison): comparison.rawValue
        case .connect(let connective): connective.rawValue
        case .not: "Not"
        case .combineBits(let connective): "Bitwise\(connective.rawValue)"
        case .complement: "BitwiseNot"
        case .shiftBits: "BitShift"
        case .isInfinite: "IsInf"
        case .isNaN: "IsNaN"
        case .select: "Where"
        }
    }

    var signature: OperatorSignature {
        switch self {
        case .not, .complement, .isInfinite, .isNaN: OperatorSignature(inputs: 1)
        case .compare, .connect, .combineBits, .shiftBits: OperatorSignature(inputs: 2)
        case .select: OperatorSignature(inputs: 3)
        }
    }
}

extension ShapeRule {
    func logic(_ op: LogicOperator) throws(ShapeRuleError) -> [InferredValue] {
        let first = try required(0)
        switch op {
        case .not, .isInfinite, .isNaN:
            return [InferredValue(TensorType(elementType: .bool, dimensions: first.type.dimensions))]
        case .complement: return try sameAsInput()
        case .compare(let comparison):
            return [try pair(of: .bool, ElementArithmetic.compare(comparison))]
        case .connect(let connective):
            return [try pair(of: .bool, ElementArithmetic.connect(connective))]
        case .combineBits, .shiftBits: return [try pair(of: first.type.elementType, nil)]
        case .select: return [try selection()]
        }
    }

    private func pair(
        of type: ElementType, _ combine: ((InferredValue.Element, InferredValue.Element) -> InferredValue.Element)?
    ) throws(ShapeRuleError) -> InferredValue {
        let (left, right) = (try required(0), try required(1))
        let dimensions = try broadcast(left.type.dimensions, right.type.dimensions)
        let elements = combine.flatMap { ElementArithmetic.broadcast(left, right, $0) }
        return InferredValue(TensorType(elementType: type, dimensions: dimensions), elements: elements)
    }

    private func selection() throws(ShapeRuleError) -> InferredValue {
        let (condition, left, right) = (try required(0), try required(1), try required(2))
        let dimensions = try broadcast(
            condition.type.dimensions, try broadcast(left.type.dimensions, right.type.dimensions))
        let type = TensorType(elementType: left.type.elementType, dimensions: dimensions)
        guard let chosen = condition.elements, let first = left.elements, let second = right.elements,
            let count = type.shape?.elementCount,
            [chosen, first, second].allSatisfy({ [1, count].contains($0.count) })
        else { return InferredValue(type) }
        let elements = (0..<count).map { index in
            let (a, b) = (first[first.count == 1 ? 0 : index], second[second.count == 1 ? 0 : index])
            if a == b { return a }
            guard let isTrue = chosen[chosen.count == 1 ? 0 : index].fixedInteger else { return .integer(.unknown) }
            return isTrue != 0 ? a : b
        }
        return InferredValue(type, elements: elements)
    }
}

extension ElementArithmetic {
    /// Compares elements; extents are at least 0, so that exporters' comparisons of them with -1 have an answer.
    fileprivate static func compare(_ comparison: LogicOperator.Comparison) -> (Element, Element) -> Element {
        { left, right in
            guard case .integer(let first) = left, case .integer(let second) = right else { return .integer(.unknown) }
            let holds: Bool?
            if let a = first.fixedValue, let b = second.fixedValue {
                holds = comparison.holds(a, b)
            } else if let b = second.fixedValue, b < 0, first.isExtent {
                holds = comparison.holds(0, -1)
            } else if let a = first.fixedValue, a < 0, second.isExtent {
                holds = comparison.holds(-1, 0)
            } else if first == second, first.isExtent {
                holds = comparison.holds(0, 0)
            } else {
                holds = nil
            }
            return .integer(holds.map { .fixed($0 ? 1 : 0) } ?? .unknown)
        }
    }

    fileprivate static func connect(_ connective: LogicOperator.Connective) -> (Element, Element) -> Element {
        { left, right in
            guard let a = left.fixedInteger, let b = right.fixedInteger else { return .integer(.unknown) }
            return .integer(.fixed(connective.combine(a != 0, b != 0) ? 1 : 0))
        }
    }
}

extension Dimension {
    /// Whether it is a symbol that names an extent, and no difference of symbols, which may be negative.
    fileprivate var isExtent: Bool {
        guard case .symbol(let name) = self else { return false }
        return !name.contains("-")
    }
}

extension LogicOperator.Comparison {
    /// Whether it holds.
    public func holds<Value: Comparable>(_ left: Value, _ right: Value) -> Bool {
        switch self {
        case .equal: left == right
        case .greater: left > right
        case .greaterOrEqual: left >= right
        case .less: left < right
        case .lessOrEqual: left <= right
        }
    }
}

extension LogicOperator.Connective {
    /// The combination of two truth values.
    public func combine(_ left: Bool, _ right: Bool) -> Bool {
        switch self {
        case .and: left && right
        case .or: left || right
        case .exclusiveOr: left != right
        }
    }

    /// The combination of two integers bit by bit.
    public func combine<Value: FixedWidthInteger>(_ left: Value, _ right: Value) -> Value {
        switch self {
        case .and: left & right
        case .or: left | right
        case .exclusiveOr: left ^ right
        }
    }
}
