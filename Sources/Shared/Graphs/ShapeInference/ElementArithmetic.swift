internal import Tensors

/// Elementwise functions on elements of shape computations; what is not known stays unknown.
enum ElementArithmetic {
    typealias Element = InferredValue.Element

    private static let unknown = Element.integer(.unknown)

    /// Combines the elements of two values when they are equally many or one value is a scalar.
    static func broadcast(
        _ left: InferredValue, _ right: InferredValue, _ combine: (Element, Element) -> Element
    ) -> [Element]? {
        guard let first = left.elements, let second = right.elements,
            let leftRank = left.type.dimensions?.count, let rightRank = right.type.dimensions?.count
        else { return nil }
        if first.count == 1, leftRank <= rightRank { return second.map { combine(first[0], $0) } }
        if second.count == 1, rightRank <= leftRank { return first.map { combine($0, second[0]) } }
        guard left.type.dimensions == right.type.dimensions, first.count == second.count else { return nil }
        return zip(first, second).map(combine)
    }

    static func unary(_ function: UnaryFunction, _ element: Element) -> Element {
        switch (function, element) {
        case (.negate, .integer(let value)): .integer(.fixed(0) - value)
        case (.absolute, .integer(.fixed(let value))): value == Int.min ? unknown : .integer(.fixed(abs(value)))
        case (.relu, .integer(.fixed(let value))): .integer(.fixed(max(value, 0)))
        case (.negate, .real(let value)): .real(-value)
        case (.absolute, .real(let value)): .real(abs(value))
        case (.floor, .real(let value)): .real(value.rounded(.down))
        case (.ceil, .real(let value)): .real(value.rounded(.up))
        case (.round, .real(let value)): .real(value.rounded(.toNearestOrEven))
        default: unknown
        }
    }

    static func binary(_ function: BinaryFunction, _ left: Element, _ right: Element) -> Element {
        switch (left, right) {
        case (.integer(let first), .integer(let second)): .integer(integer(function, first, second))
        case (.real(let first), .real(let second)): real(function, first, second)
        default: unknown
        }
    }

    private static func integer(_ function: BinaryFunction, _ left: Dimension, _ right: Dimension) -> Dimension {
        switch function {
        case .add: return left + right
        case .subtract: return left - right
        case .multiply: return left * right
        case .divide:
            if let first = left.fixedValue, let second = right.fixedValue {
                // Integer division truncates.
                guard second != 0 else { return .unknown }
                let (quotient, overflow) = first.dividedReportingOverflow(by: second)
                return overflow ? .unknown : .fixed(quotient)
            }
            // Extents are not negative, so rounding down is truncating.
            if let second = right.fixedValue, second > 0 { return left.dividedRoundingDown(by: second) }
            return left.dividedExactly(by: right)
        case .power, .parametricRelu: return .unknown
        }
    }

    private static func real(_ function: BinaryFunction, _ left: Double, _ right: Double) -> Element {
        // In the precision of the operator, which is float32 in all shape computations that exporters write.
        switch function {
        case .add: .real(Double(Float(left) + Float(right)))
        case .subtract: .real(Double(Float(left) - Float(right)))
        case .multiply: .real(Double(Float(left) * Float(right)))
        case .divide: .real(Double(Float(left) / Float(right)))
        case .power, .parametricRelu: unknown
        }
    }

    static func variadic(_ function: VariadicFunction, _ left: Element, _ right: Element) -> Element {
        switch function {
        case .sum: return binary(.add, left, right)
        case .mean: return unknown
        case .minimum, .maximum:
            if left == right { return left }
            guard let first = left.fixedInteger, let second = right.fixedInteger else { return unknown }
            return .integer(.fixed(function == .minimum ? min(first, second) : max(first, second)))
        }
    }

    static func cast(_ element: Element, to type: ElementType) -> Element {
        switch element {
        case .integer(let extent):
            if type == .bool || type == .float16 || type == .bfloat16 { return unknown }
            guard type.isFloatingPoint else { return fits(extent, type) ? element : unknown }
            guard let value = extent.fixedValue else { return unknown }
            return .real(type == .float32 ? Double(Float(value)) : Double(value))
        case .real(let value):
            switch type {
            case .float32: return .real(Double(Float(value)))
            case .float64: return element
            case .int64, .int32:
                guard let integer = Int(exactly: value.rounded(.towardZero)), fits(.fixed(integer), type) else {
                    return unknown
                }
                return .integer(.fixed(integer))
            default: return unknown
            }
        }
    }

    /// Symbols are extents, which are taken to fit the 32-bit integers that exporters cast them to.
    private static func fits(_ extent: Dimension, _ type: ElementType) -> Bool {
        guard let value = extent.fixedValue else { return type == .int64 || type == .int32 }
        switch type {
        case .int64: return true
        case .int32: return Int32(exactly: value) != nil
        case .int16: return Int16(exactly: value) != nil
        case .int8: return Int8(exactly: value) != nil
        case .uint8: return UInt8(exactly: value) != nil
        case .uint16: return UInt16(exactly: value) != nil
        case .uint32: return UInt32(exactly: value) != nil
        case .uint64: return value >= 0
        case .float32, .float16, .bfloat16, .float64, .bool: return false
        }
    }
}
