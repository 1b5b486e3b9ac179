internal import Tensors

extension ShapeRule {
    func control(_ op: ControlOperator) throws(ShapeRuleError) -> [InferredValue] {
        let captured = Array(inputs.dropFirst(op.inputCount))
        switch op {
        case .conditional(let then, let otherwise):
            let first = outputs(ofBranch: then, captured)
            let second = outputs(ofBranch: otherwise, captured)
            guard first.count == second.count else {
                throw ShapeRuleError("the branches have \(first.count) and \(second.count) outputs")
            }
            var merged: [InferredValue] = []
            for (left, right) in zip(first, second) { merged.append(InferredValue(try common(left.type, right.type))) }
            return merged
        case .loop(let body, let carriedCount):
            let counter = InferredValue(TensorType(elementType: .int64, dimensions: []))
            let condition = InferredValue(TensorType(elementType: .bool, dimensions: []))
            let results = try repeated(body, states: carriedCount, skipping: 1) { states in
                [counter, condition] + states + captured
            }
            let count = optional(0)?.elements?.first?.fixedInteger
            // A condition may end it before.
            let steps: Dimension = optional(1) == nil && count == 0 ? 0 : .unknown
            return results.states + results.rest.map { Self.stacked($0.type, steps, axis: 0) }
        case .scan(let attributes): return try scan(attributes, captured)
        }
    }

    private func scan(
        _ attributes: ScanAttributes, _ captured: [InferredValue?]
    ) throws(ShapeRuleError) -> [InferredValue] {
        var steps = Dimension.unknown
        var elements: [InferredValue] = []
        for (index, axis) in attributes.inputAxes.enumerated() {
            var type = try required(attributes.stateCount + index).type
            if let rank = type.dimensions?.count {
                let position = try self.axis(axis, rank: rank)
                if let extent = type.dimensions?.remove(at: position) {
                    steps = try unified(steps, extent, "lengths of the sequences")
                }
            }
            elements.append(InferredValue(type))
        }
        let results = try repeated(attributes.body, states: attributes.stateCount, skipping: 0) { states in
            states + elements + captured
        }
        return results.states
            + zip(results.rest, attributes.outputAxes).map { Self.stacked($0.type, steps, axis: $1) }
    }

    /// The types of what is carried from one run of a body to the next, once they no longer change, and of its other outputs.
    ///
    /// `skipping` outputs of the body stand before the carried ones. Extents that change from run to run are unknown.
    private func repeated(
        _ body: Graph, states count: Int, skipping: Int,
        inputs arguments: ([InferredValue?]) -> [InferredValue?]
    ) throws(ShapeRuleError) -> (states: [InferredValue], rest: [InferredValue]) {
        let first = skipping == 1 ? 2 : 0
        var types: [TensorType] = []
        for index in 0..<count { types.append(try required(first + index).type) }
        var passes = 0
        while true {
            let results = try outputs(of: body, arguments(types.map { InferredValue($0) }))
            guard results.count >= skipping + count else {
                throw ShapeRuleError("its body has \(results.count) outputs for \(count) carried values")
            }
            let carried = results[skipping..<skipping + count]
            var next: [TensorType] = []
            for (type, result) in zip(types, carried) { next.append(try common(type, result.type)) }
            if next == types {
                return (next.map { InferredValue($0) }, Array(results[(skipping + count)...]))
            }
            // Loops within loops multiply their passes, so there are few: if types still change, no rank is known.
            passes += 1
            types =
                passes < Self.maximumPasses
                ? next : next.map { TensorType(elementType: $0.elementType, dimensions: nil) }
        }
    }

    /// Most passes through the body of a loop in which types may change.
    private static var maximumPasses: Int { 8 }

    /// What two values have in common; each step of it forgets an extent or a rank, so repeating it comes to an end.
    private func common(_ left: TensorType, _ right: TensorType) throws(ShapeRuleError) -> TensorType {
        guard left.elementType == right.elementType else {
            throw ShapeRuleError("a value is once \(left.elementType) and once \(right.elementType)")
        }
        guard let first = left.dimensions, let second = right.dimensions, first.count == second.count else {
            return TensorType(elementType: left.elementType, dimensions: nil)
        }
        return TensorType(
            elementType: left.elementType, dimensions: zip(first, second).map { $0 == $1 ? $0 : .unknown })
    }

    private static func stacked(_ element: TensorType, _ steps: Dimension, axis: Int) -> InferredValue {
        guard var dimensions = element.dimensions else { return InferredValue(element) }
        let position = axis < 0 ? axis + dimensions.count + 1 : axis
        if (0...dimensions.count).contains(position) { dimensions.insert(steps, at: position) }
        return InferredValue(TensorType(elementType: element.elementType, dimensions: dimensions))
    }

    /// A branch that does not fit what is known about the values that it reads is one that is never taken; what it declares
    /// says nothing about the extents that the other one gives.
    private func outputs(ofBranch branch: Graph, _ captured: [InferredValue?]) -> [InferredValue] {
        if let outputs = try? outputs(of: branch, captured) { return outputs }
        return branch.outputs.map {
            InferredValue(TensorType(elementType: $0.type.elementType, dimensions: nil))
        }
    }

    private func outputs(
        of body: Graph, _ arguments: [InferredValue?]
    ) throws(ShapeRuleError) -> [InferredValue] {
        do {
            return try ShapeInference.inferOutputs(of: body, arguments: arguments)
        } catch {
            throw ShapeRuleError("in its graph '\(body.name)': \(error)")
        }
    }
}

extension ShapeInference {
    /// What follows for the outputs of a graph inside a node.
    ///
    /// - Parameters:
    ///   - body: A graph in topological order.
    ///   - arguments: What is known about the graph's inputs, in order; `nil` is a value of the type that the graph declares.
    /// - Returns: One value for each output of the graph.
    /// - Throws: `ShapeInferenceError`; it names the node, its operator and the types of its inputs.
    public static func inferOutputs(
        of body: Graph, arguments: [InferredValue?]
    ) throws(ShapeInferenceError) -> [InferredValue] {
        var values = body.initializers.mapValues { InferredValue($0) }
        for (index, input) in body.inputs.enumerated() {
            values[input.name] = (index < arguments.count ? arguments[index] : nil) ?? InferredValue(input.type)
        }
        for node in body.nodes {
            for (name, value) in zip(node.outputs, try inferOutputs(of: node, values: values)) where !name.isEmpty {
                values[name] = value
            }
        }
        return body.outputs.map { values[$0.name] ?? InferredValue($0.type) }
    }
}
