internal import Graphs

/// The `Reduce...` operators.
enum ReductionFamily {
    static let imports = ReductionFunction.allCases.map { function in
        OperatorImport(function.name) { (node: inout NodeImport) throws(NodeRefusal) -> Operator in
            try reduction(&node, function)
        }
    }

    /// The first opset in which the axes are an input.
    static func axesAreInput(since function: ReductionFunction) -> Int {
        function == .sum ? 13 : 18
    }

    private static func reduction(
        _ node: inout NodeImport, _ function: ReductionFunction
    ) throws(NodeRefusal) -> Operator {
        let keepsAxes = try node.attributes.flag("keepdims") ?? true
        var emptyAxesMeansNone = false
        if node.opset >= axesAreInput(since: function) {
            emptyAxesMeansNone = try node.attributes.flag("noop_with_empty_axes") ?? false
        } else if let axes = try node.attributes.integers("axes") {
            node.setInput(1, role: "axes", toIntegers: axes)
        }
        return .reduce(
            ReductionAttributes(function: function, keepsAxes: keepsAxes, emptyAxesMeansNone: emptyAxesMeansNone))
    }
}

extension ReductionFamily {
    /// That no axes mean no reduction can be said only where the axes are an input.
    static func minimumOpset(_ attributes: ReductionAttributes) -> Int {
        attributes.emptyAxesMeansNone ? max(13, axesAreInput(since: attributes.function)) : 13
    }

    static func export(_ attributes: ReductionAttributes, to node: inout NodeExport) throws(ONNXExportError) {
        node.set("keepdims", attributes.keepsAxes)
        if node.opset >= axesAreInput(since: attributes.function) {
            if attributes.emptyAxesMeansNone { node.set("noop_with_empty_axes", true) }
        } else if let axes = try node.takeIntegers(input: 1), !axes.isEmpty {
            node.set("axes", axes)
        }
    }
}
