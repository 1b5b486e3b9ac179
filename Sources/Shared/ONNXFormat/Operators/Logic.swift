internal import Graphs

/// Comparisons, truth values and bits.
enum LogicFamily {
    static let imports =
        LogicOperator.Comparison.allCases.map {
            OperatorImport($0.rawValue, since: firstOpset[$0] ?? 7, as: .logic(.compare($0)))
        }
        + LogicOperator.Connective.allCases.map { OperatorImport($0.rawValue, as: .logic(.connect($0))) }
        + LogicOperator.Connective.allCases.map {
            OperatorImport("Bitwise\($0.rawValue)", since: 18, as: .logic(.combineBits($0)))
        }
        + [
            OperatorImport("Not", as: .logic(.not)),
            OperatorImport("BitwiseNot", since: 18, as: .logic(.complement)),
            OperatorImport("BitShift", since: 11, bitShift),
            OperatorImport("IsInf", since: 10, isInfinite),
            OperatorImport("IsNaN", since: 9, as: .logic(.isNaN)),
            OperatorImport("Where", since: 9, as: .logic(.select)),
        ]

    private static let firstOpset: [LogicOperator.Comparison: Int] = [.greaterOrEqual: 12, .lessOrEqual: 12]

    @Sendable private static func bitShift(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        let directions = LogicOperator.ShiftDirection.allCases.map { ($0.rawValue, $0) }
        guard let direction = try node.attributes.choice("direction", from: directions) else {
            throw .attribute("direction", "it is missing")
        }
        return .logic(.shiftBits(direction))
    }

    @Sendable private static func isInfinite(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        .logic(
            .isInfinite(
                negative: try node.attributes.flag("detect_negative") ?? true,
                positive: try node.attributes.flag("detect_positive") ?? true))
    }
}

extension LogicFamily {
    static func minimumOpset(_ op: LogicOperator) -> Int {
        switch op {
        case .combineBits, .complement: 18
        case .compare, .connect, .not, .shiftBits, .isInfinite, .isNaN, .select: 13
        }
    }

    static func export(_ op: LogicOperator, to node: inout NodeExport) {
        switch op {
        case .shiftBits(let direction): node.set("direction", direction.rawValue)
        case .isInfinite(let negative, let positive):
            node.set("detect_negative", negative)
            node.set("detect_positive", positive)
        case .compare, .connect, .not, .combineBits, .complement, .isNaN, .select: break
        }
    }
}
