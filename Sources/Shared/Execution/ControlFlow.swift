import Graphs
import Kernels
import Tensors

/// Runs the graphs inside of a node, again and again where the node says so.
struct ControlFlow {
    private let op: ControlOperator
    private let name: String
    /// One for each graph of the operator.
    private let executors: [ReferenceExecutor]

    /// Prepares the graphs of a node; `observed` are names of values anywhere in the model.
    init(
        _ op: ControlOperator, name: String, observing observed: Set<String>, arithmetic: MLUArithmetic
    ) throws(ExecutionError) {
        self.op = op
        self.name = name
        var executors: [ReferenceExecutor] = []
        for body in op.bodies.map(\.graph) {
            // What comes from outside was observed there.
            let own = op.values(of: body).intersection(observed)
            executors.append(try ReferenceExecutor(body, observing: own, arithmetic: arithmetic))
        }
        self.executors = executors
    }

    /// The node's outputs.
    ///
    /// - Parameters:
    ///   - inputs: The node's inputs in order; `nil` is an absent optional input.
    ///   - tap: Receives the observed values of every run of a graph.
    /// - Returns: One tensor for each output of the operator.
    /// - Throws: `ExecutionError`, naming the node of the graph inside that fails, or this one.
    func run(_ inputs: [Tensor?], tap: (any TensorTap)?) throws(ExecutionError) -> [Tensor] {
        let captured = Array(inputs.dropFirst(op.inputCount))
        switch op {
        case .conditional:
            let condition = try truth(of: inputs[0]) ?? false
            return try run(condition ? 0 : 1, captured, tap)
        case .loop(let body, let carriedCount):
            return try loop(body, carriedCount, inputs, captured, tap)
        case .scan(let attributes):
            return try scan(attributes, inputs, captured, tap)
        }
    }

    private func loop(
        _ body: Graph, _ carriedCount: Int, _ inputs: [Tensor?], _ captured: [Tensor?], _ tap: (any TensorTap)?
    ) throws(ExecutionError) -> [Tensor] {
        let limit = try integer(inputs[0]) ?? .max
        var condition = try truth(of: inputs[1]) ?? true
        var carried = Array(inputs[2..<2 + carriedCount])
        var parts = [[Tensor]](repeating: [], count: body.outputs.count - 1 - carriedCount)
        var iteration: Int64 = 0
        while condition && iteration < limit {
            let head = [Tensor(scalar: iteration), Tensor(scalar: condition)]
            let results = try run(0, head + carried + captured, tap)
            condition = try truth(of: results[0]) ?? true
            carried = Array(results[1..<1 + carriedCount])
            for (index, part) in results[(1 + carriedCount)...].enumerated() { parts[index].append(part) }
            iteration += 1
        }
        var outputs = carried.compactMap { $0 }
        guard outputs.count == carriedCount else { throw failure(.missingInput(index: 2)) }
        for (index, list) in parts.enumerated() {
            outputs.append(
                try stacked(list, axis: 0, reversed: false, type: body.outputs[1 + carriedCount + index].type))
        }
        return outputs
    }

    private func scan(
        _ attributes: ScanAttributes, _ inputs: [Tensor?], _ captured: [Tensor?], _ tap: (any TensorTap)?
    ) throws(ExecutionError) -> [Tensor] {
        var states = Array(inputs.prefix(attributes.stateCount))
        var sequences: [[Tensor]] = []
        var first = states.map { $0.map { InferredValue($0) } }
        for (index, axis) in attributes.inputAxes.enumerated() {
            guard let sequence = inputs[attributes.stateCount + index] else {
                throw failure(.missingInput(index: attributes.stateCount + index))
            }
            let (type, elements) = try elements(of: sequence, axis: axis)
            first.append(InferredValue(type))
            sequences.append(attributes.reversesInputs[index] ? elements.reversed() : elements)
        }
        let count = sequences.first?.count ?? 0
        guard sequences.allSatisfy({ $0.count == count }) else {
            throw failure(.shapeMismatch("its sequences have the lengths \(sequences.map(\.count))"))
        }
        let body = attributes.body
        var parts = [[Tensor]](repeating: [], count: body.outputs.count - attributes.stateCount)
        for step in 0..<count {
            let results = try run(0, states + sequences.map { $0[step] } + captured, tap)
            states = Array(results.prefix(attributes.stateCount))
            for (index, part) in results.dropFirst(attributes.stateCount).enumerated() { parts[index].append(part) }
        }
        var outputs = states.compactMap { $0 }
        first += captured.map { $0.map { InferredValue($0) } }
        let types = count > 0 ? body.outputs.map(\.type) : outputTypes(of: body, first)
        for (index, list) in parts.enumerated() {
            outputs.append(
                try stacked(
                    list, axis: attributes.outputAxes[index], reversed: attributes.reversesOutputs[index],
                    type: types[attributes.stateCount + index]))
        }
        return outputs
    }

    /// The types of what a body would give for values of which nothing but the type may be known.
    private func outputTypes(of body: Graph, _ arguments: [InferredValue?]) -> [TensorType] {
        let declared = body.outputs.map(\.type)
        // A body that does not fit the values that it never gets says nothing about its results.
        guard let inferred = try? ShapeInference.inferOutputs(of: body, arguments: arguments) else { return declared }
        return zip(inferred, declared).map { $0.type.completed(by: $1) }
    }

    private func run(
        _ index: Int, _ arguments: [Tensor?], _ tap: (any TensorTap)?
    ) throws(ExecutionError) -> [Tensor] {
        let executor = executors[index]
        var inputs: [String: Tensor] = [:]
        for (input, tensor) in zip(executor.graph.inputs, arguments) { inputs[input.name] = tensor }
        let results = try executor.run(inputs, tap: tap)
        return executor.graph.outputs.compactMap { results[$0.name] }
    }

    // MARK: Tensors

    private func failure(_ reason: KernelError) -> ExecutionError {
        .node(name: name, operatorName: Operator.control(op).name, reason: reason)
    }

    private func truth(of tensor: Tensor?) throws(ExecutionError) -> Bool? {
        guard let tensor else { return nil }
        guard tensor.elementType == .bool, tensor.elementCount == 1 else {
            throw failure(.shapeMismatch("its condition is \(TensorType(tensor)), not one bool"))
        }
        return tensor.elements(as: Bool.self)[0]
    }

    private func integer(_ tensor: Tensor?) throws(ExecutionError) -> Int64? {
        guard let tensor else { return nil }
        guard tensor.elementType == .int64, tensor.elementCount == 1 else {
            throw failure(.shapeMismatch("its number of iterations is \(TensorType(tensor)), not one int64"))
        }
        return tensor.elements(as: Int64.self)[0]
    }

    /// The parts of a tensor along an axis, without that axis, and their type.
    private func elements(
        of tensor: Tensor, axis: Int
    ) throws(ExecutionError) -> (type: TensorType, parts: [Tensor]) {
        let shape = tensor.shape
        let position = axis < 0 ? axis + shape.rank : axis
        guard (0..<shape.rank).contains(position) else {
            throw failure(.shapeMismatch("axis \(axis) is outside a sequence of shape \(shape)"))
        }
        let rest = Shape(shape.dimensions.enumerated().filter { $0.offset != position }.map(\.element))
        let strides = shape.rowMajorStrides
        let kept = strides.indices.filter { $0 != position }.map { strides[$0] }
        let parts = (0..<shape[position]).map { index in
            ElementMoves.gather(tensor, shape: rest, strides: kept, offset: index * strides[position])
        }
        return (TensorType(elementType: tensor.elementType, shape: rest), parts)
    }

    /// Tensors of one shape along a new axis; without any, extents that are not known are 0.
    private func stacked(
        _ parts: [Tensor], axis: Int, reversed: Bool, type: TensorType
    ) throws(ExecutionError) -> Tensor {
        let element = parts.first?.shape.dimensions ?? (type.dimensions ?? []).map { $0.fixedValue ?? 0 }
        guard parts.allSatisfy({ $0.shape.dimensions == element && $0.elementType == type.elementType }) else {
            throw failure(.shapeMismatch("the parts of a scan output differ in shape or type"))
        }
        let position = axis < 0 ? axis + element.count + 1 : axis
        guard (0...element.count).contains(position) else {
            throw failure(.shapeMismatch("axis \(axis) is outside a scan output of shape \(element)"))
        }
        guard !parts.isEmpty else {
            var extents = element
            extents.insert(0, at: position)
            guard let shape = Shape(checking: extents) else {
                throw failure(.shapeMismatch("a scan output of shape \(extents) is impossible"))
            }
            return Tensor(zeros: shape, elementType: type.elementType)
        }
        let rows = (reversed ? parts.reversed() : parts).map { $0.reshaped(to: Shape([1] + element)) }
        let joined = Tensor(joining: rows)
        // The new axis is outermost so far.
        var order = Array(1..<element.count + 1)
        order.insert(0, at: position)
        let strides = joined.shape.rowMajorStrides
        return ElementMoves.gather(
            joined, shape: Shape(order.map { joined.shape[$0] }), strides: order.map { strides[$0] }, offset: 0)
    }
}

extension ControlOperator {
    /// Names of the values that one of the graphs gets for each run or that its nodes, or graphs inside of them, make.
    fileprivate func values(of body: Graph) -> Set<String> {
        body.ownValues.union(body.inputs.prefix(formalCount).map(\.name))
    }
}

extension Node {
    /// Names of the values that belong to the graphs inside the node.
    var bodyValues: Set<String> {
        guard case .control(let op) = op else { return [] }
        return op.bodies.reduce(into: []) { $0.formUnion(op.values(of: $1.graph)) }
    }
}

extension Graph {
    /// Names of the values that nodes of the graph, or of graphs inside of them, make or get for each run.
    var ownValues: Set<String> {
        var names = Set(nodes.flatMap(\.outputs)).union(initializers.keys)
        names.remove("")
        for node in nodes { names.formUnion(node.bodyValues) }
        return names
    }
}
