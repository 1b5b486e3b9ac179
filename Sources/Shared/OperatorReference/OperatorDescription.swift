public import Tensors

/// What Tare does with an operator of ONNX.
public struct OperatorDescription: Encodable, Hashable, Sendable {
    /// Domain of the operator; empty for ONNX's own.
    public let domain: String
    /// Name of the operator.
    public let name: String
    /// The first and the last version of its domain in which it is read; `nil` where the domain has only one.
    public let opsets: [Int]?
    /// The element types that its data may have.
    public let elementTypes: [ElementType]
    /// Names of the operators of the graph that the importer makes of it, each once, in their order; none for a constant.
    public let operators: [String]
    /// How it is computed.
    public let kernel: Kernel
    /// How it is quantized by default, in words.
    public let quantization: String

    /// How an operator is computed.
    public struct Kernel: Encodable, Hashable, Sendable {
        /// The element types with a fast kernel for all that it consists of.
        public let fast: [ElementType]
        /// The element types with a fast kernel for a part of it.
        public let partlyFast: [ElementType]
        /// Whether only constant weights and other parameters make it fast.
        public let needsConstantParameters: Bool
    }

    /// The versions, for example `7 to 26`.
    public var opsetText: String {
        guard let opsets, opsets.count == 2 else { return "any" }
        return opsets[0] == opsets[1] ? "\(opsets[0])" : "\(opsets[0]) to \(opsets[1])"
    }

    /// The types, with names for groups of them.
    public var elementTypeText: String { ElementTypeGroup.text(elementTypes) }

    /// What it is in the graph, when that is something else.
    public var operatorText: String {
        if operators == [name] { return "" }
        return operators.isEmpty ? "a constant" : operators.joined(separator: ", ")
    }

    /// The kernel in words.
    public var kernelText: String {
        func text(_ word: String, _ types: [ElementType]) -> String? {
            if types.isEmpty { return nil }
            let condition = kernel.needsConstantParameters ? " with constant parameters" : ""
            return "\(word)\(condition): " + (types == elementTypes ? "all its types" : ElementTypeGroup.text(types))
        }
        if operators.isEmpty { return "none" }
        let parts = [text("fast", kernel.fast), text("partly fast", kernel.partlyFast)].compactMap { $0 }
        return parts.isEmpty ? "plain" : parts.joined(separator: "; ")
    }
}

/// Names for sets of element types.
public enum ElementTypeGroup: String, CaseIterable, Sendable {
    case all
    case numbers
    case floats
    case integers

    /// The types.
    public var types: [ElementType] {
        ElementType.allCases.filter { type in
            switch self {
            case .all: true
            case .numbers: type != .bool
            case .floats: type.isFloatingPoint
            case .integers: type != .bool && !type.isFloatingPoint
            }
        }
    }

    /// The types, as few names as possible.
    static func text(_ types: [ElementType]) -> String {
        var rest = types
        var names: [String] = []
        for group in allCases where Set(group.types).isSubset(of: rest) {
            names.append(group.rawValue)
            rest.removeAll(where: group.types.contains)
        }
        return (names + rest.map(\.rawValue)).joined(separator: ", ")
    }
}
