internal import Graphs

/// Operators that pick elements by indices or conditions, and that put elements at indices.
enum SelectionFamily {
    static let imports = [
        OperatorImport("GatherElements", since: 11) { (node: inout NodeImport) throws(NodeRefusal) in
            .selection(.gatherElements(axis: try node.attributes.integer("axis") ?? 0))
        },
        OperatorImport("GatherND", since: 11) { (node: inout NodeImport) throws(NodeRefusal) in
            .selection(.gatherND(batchAxes: node.opset >= 12 ? try node.attributes.integer("batch_dims") ?? 0 : 0))
        },
        // The name that ScatterElements had before opset 11.
        OperatorImport("Scatter", since: 9, scatterElements),
        OperatorImport("ScatterElements", since: 11, scatterElements),
        OperatorImport("ScatterND", since: 11) { (node: inout NodeImport) throws(NodeRefusal) in
            .selection(.scatterND(try reduction(&node)))
        },
        OperatorImport("Compress", since: 9) { (node: inout NodeImport) throws(NodeRefusal) in
            .selection(.compress(axis: try node.attributes.integer("axis")))
        },
        OperatorImport("NonZero", since: 9, as: .selection(.nonZero)),
        OperatorImport("Unique", since: 11) { (node: inout NodeImport) throws(NodeRefusal) in
            .selection(
                .unique(
                    axis: try node.attributes.integer("axis"), isSorted: try node.attributes.flag("sorted") ?? true))
        },
    ]

    @Sendable private static func scatterElements(_ node: inout NodeImport) throws(NodeRefusal) -> Operator {
        .selection(.scatterElements(axis: try node.attributes.integer("axis") ?? 0, try reduction(&node)))
    }

    private static func reduction(_ node: inout NodeImport) throws(NodeRefusal) -> SelectionOperator.Reduction {
        guard node.opset >= 16 else { return .replace }
        let known = SelectionOperator.Reduction.allCases.map { ($0.rawValue, $0) }
        return try node.attributes.choice("reduction", from: known) ?? .replace
    }
}

extension SelectionFamily {
    static func minimumOpset(_ op: SelectionOperator) -> Int {
        switch op {
        case .scatterElements(_, let reduction), .scatterND(let reduction):
            switch reduction {
            case .replace: 13
            case .add, .multiply: 16
            case .minimum, .maximum: 18
            }
        case .gatherElements, .gatherND, .compress, .nonZero, .unique: 13
        }
    }

    static func export(_ op: SelectionOperator, to node: inout NodeExport) {
        switch op {
        case .gatherElements(let axis): node.set("axis", axis)
        case .gatherND(let batchAxes): if batchAxes != 0 { node.set("batch_dims", batchAxes) }
        case .scatterElements(let axis, let reduction):
            node.set("axis", axis)
            if reduction != .replace { node.set("reduction", reduction.rawValue) }
        case .scatterND(let reduction): if reduction != .replace { node.set("reduction", reduction.rawValue) }
        case .compress(let axis): if let axis { node.set("axis", axis) }
        case .nonZero: break
        case .unique(let axis, let isSorted):
            if let axis { node.set("axis", axis) }
            node.set("sorted", isSorted)
        }
    }
}
