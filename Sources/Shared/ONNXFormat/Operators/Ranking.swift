internal import Graphs

/// Where elements stand among those of their axis.
enum RankingFamily {
    static let imports = [
        OperatorImport("ArgMax") { (node: inout NodeImport) throws(NodeRefusal) in try extreme(&node, isMaximum: true)
        },
        OperatorImport("ArgMin") { (node: inout NodeImport) throws(NodeRefusal) in try extreme(&node, isMaximum: false)
        },
        OperatorImport("TopK", top),
        OperatorImport("CumSum", since: 11) { (node: inout NodeImport) throws(NodeRefusal) in
            try cumulative(&node, isProduct: false)
        },
        OperatorImport("CumProd", since: 26) { (node: inout NodeImport) throws(NodeRefusal) in
            try cumulative(&node, isProduct: true)
        },
    ]

    private static func extreme(_ node: inout NodeImport, isMaximum: Bool) throws(NodeRefusal) -> Operator {
        .ranking(
            .extremePosition(
                isMaximum: isMaximum, axis: try node.attributes.integer("axis") ?? 0,
                keepsAxis: try node.attributes.flag("keepdims") ?? true,
                selectsLast: node.opset >= 12 ? try node.attributes.flag("select_last_index") ?? false : false))
    }

    @Sendable private static func top(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        let axis = try node.attributes.integer("axis") ?? -1
        if node.opset < 10 {
            guard let count = try node.attributes.integer("k") else { throw .attribute("k", "it is missing") }
            node.setInput(1, role: "k", toIntegers: [count])
        }
        guard node.opset >= 11 else { return .ranking(.top(axis: axis, isLargest: true)) }
        // Sorted results are one of the orders that `sorted = 0` leaves open.
        _ = try node.attributes.flag("sorted")
        return .ranking(.top(axis: axis, isLargest: try node.attributes.flag("largest") ?? true))
    }

    private static func cumulative(_ node: inout NodeImport, isProduct: Bool) throws(NodeRefusal) -> Operator {
        .ranking(
            .cumulative(
                isProduct: isProduct, isExclusive: try node.attributes.flag("exclusive") ?? false,
                isReverse: try node.attributes.flag("reverse") ?? false))
    }
}

extension RankingFamily {
    static func minimumOpset(_ op: RankingOperator) -> Int {
        if case .cumulative(isProduct: true, _, _) = op { 26 } else { 13 }
    }

    static func export(_ op: RankingOperator, to node: inout NodeExport) {
        switch op {
        case .extremePosition(_, let axis, let keepsAxis, let selectsLast):
            node.set("axis", axis)
            node.set("keepdims", keepsAxis)
            if selectsLast { node.set("select_last_index", true) }
        case .top(let axis, let isLargest):
            node.set("axis", axis)
            node.set("largest", isLargest)
        case .cumulative(_, let isExclusive, let isReverse):
            node.set("exclusive", isExclusive)
            node.set("reverse", isReverse)
        }
    }
}
