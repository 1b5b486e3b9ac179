/// A value of a `qconfig_spec` dictionary as a Python program or a job file writes it.
public enum MLUSpecificationValue: Sendable, Hashable {
    /// `None`.
    case none
    case boolean(Bool)
    case integer(Int)
    case real(Double)
    case text(String)
    /// A list or tuple.
    case list([MLUSpecificationValue])

    /// The name of the value's Python type.
    var typeName: String {
        switch self {
        case .none: "None"
        case .boolean: "bool"
        case .integer: "int"
        case .real: "float"
        case .text: "str"
        case .list: "list"
        }
    }
}

extension MLUSpecificationValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral
{
    /// Makes `None`.
    public init(nilLiteral: ()) { self = .none }
    /// Makes a truth value.
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
    /// Makes an integer.
    public init(integerLiteral value: Int) { self = .integer(value) }
    /// Makes a number.
    public init(floatLiteral value: Double) { self = .real(value) }
    /// Makes a text.
    public init(stringLiteral value: String) { self = .text(value) }
    /// Makes a list.
    public init(arrayLiteral elements: MLUSpecificationValue...) { self = .list(elements) }
}

extension MLUQuantizationSpecification {
    /// The keys of a dictionary form, in the guide's order, then those of its software and of Tare.
    public static let keys = [
        "use_avg", "data_scale", "firstconv", "mean", "std", "per_channel", "method", "iteration", "averaging",
    ]

    /// Makes a specification of the dictionary form; a missing key has its default.
    ///
    /// - Throws: `MLUConversionError.invalidOption` for an unknown key, a value of another type, or one out of range.
    public init(_ dictionary: [String: MLUSpecificationValue]) throws(MLUConversionError) {
        self.init()
        for (key, value) in dictionary.sorted(by: { $0.key < $1.key }) {
            switch key {
            case "use_avg": usesAverage = try Self.boolean(value, key)
            case "data_scale": dataScale = try Self.number(value, key)
            case "firstconv": firstConvolution = try Self.boolean(value, key)
            case "mean": mean = try Self.numbers(value, key)
            case "std": std = try Self.numbers(value, key)
            case "per_channel": isPerChannel = try Self.boolean(value, key)
            case "method": method = try Self.choice(value, key)
            case "iteration": iteration = try Self.count(value, key)
            case "averaging": averaging = try Self.choice(value, key)
            default:
                throw .invalidOption(
                    key: key, reason: "qconfig_spec has no such key; it has \(Self.keys.joined(separator: ", "))")
            }
        }
        try validate()
    }

    private static func wrongType(_ key: String, _ value: MLUSpecificationValue, _ wanted: String) -> MLUConversionError
    {
        .invalidOption(key: key, reason: "it is of type \(value.typeName); use \(wanted)")
    }

    private static func boolean(_ value: MLUSpecificationValue, _ key: String) throws(MLUConversionError) -> Bool {
        guard case .boolean(let result) = value else { throw wrongType(key, value, "True or False") }
        return result
    }

    private static func number(_ value: MLUSpecificationValue, _ key: String) throws(MLUConversionError) -> Double {
        switch value {
        case .integer(let number): return Double(number)
        case .real(let number): return number
        case .none, .boolean, .text, .list: throw wrongType(key, value, "a number")
        }
    }

    private static func numbers(
        _ value: MLUSpecificationValue, _ key: String
    ) throws(MLUConversionError) -> [Double]? {
        switch value {
        case .none: return nil
        case .list(let values):
            var result: [Double] = []
            for value in values { result.append(try number(value, key)) }
            return result
        case .boolean, .integer, .real, .text: throw wrongType(key, value, "a list of numbers or None")
        }
    }

    private static func count(_ value: MLUSpecificationValue, _ key: String) throws(MLUConversionError) -> Int? {
        switch value {
        case .none: return nil
        case .integer(let number): return number
        case .boolean, .real, .text, .list: throw wrongType(key, value, "an integer or None")
        }
    }

    private static func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ value: MLUSpecificationValue, _ key: String
    ) throws(MLUConversionError) -> Choice {
        guard case .text(let text) = value else { throw wrongType(key, value, "a text") }
        guard let choice = Choice(rawValue: text) else {
            throw .invalidOption(
                key: key,
                reason: "'\(text)' is unknown; use \(Choice.allCases.map(\.rawValue).joined(separator: " or "))")
        }
        return choice
    }
}
