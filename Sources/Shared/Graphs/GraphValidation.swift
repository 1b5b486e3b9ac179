extension Graph {
    /// Checks that every value has one producer, every read is defined and comes after its producer, every node has a
    /// unique name and as many inputs and outputs as its operator wants.
    public func validate() throws(GraphValidationError) {
        try checkNodeNames()
        try checkArities()
        for body in nodes.flatMap(\.bodies) { try body.validate() }
        let positions = try producerPositions()
        for (position, node) in nodes.enumerated() {
            for name in node.inputs where !name.isEmpty {
                guard let producer = positions[name] else {
                    throw .undefinedValue(value: name, node: node.name)
                }
                guard producer < position else {
                    throw .notInTopologicalOrder(node: node.name, value: name, producer: nodes[producer].name)
                }
            }
        }
        for output in outputs where positions[output.name] == nil {
            throw .undefinedOutput(value: output.name)
        }
    }

    private func checkNodeNames() throws(GraphValidationError) {
        var names: Set<String> = []
        for (position, node) in nodes.enumerated() {
            if node.name.isEmpty { throw .emptyNodeName(position: position, operatorName: node.op.name) }
            if !names.insert(node.name).inserted { throw .duplicateNodeName(name: node.name) }
        }
    }

    private func checkArities() throws(GraphValidationError) {
        for node in nodes {
            if let reason = node.arityProblem {
                throw .wrongArity(node: node.name, operatorName: node.op.name, reason: reason)
            }
        }
    }

    /// The position of the node that produces each value, -1 for inputs and initializers.
    private func producerPositions() throws(GraphValidationError) -> [String: Int] {
        var positions: [String: Int] = [:]
        var descriptions: [String: String] = [:]
        func add(_ value: String, at position: Int, description: String) throws(GraphValidationError) {
            if let first = descriptions.updateValue(description, forKey: value) {
                throw .duplicateProducer(value: value, first: first, second: description)
            }
            positions[value] = position
        }
        for input in inputs { try add(input.name, at: -1, description: "a graph input") }
        for name in initializers.keys.sorted() { try add(name, at: -1, description: "an initializer") }
        for (position, node) in nodes.enumerated() {
            for name in node.outputs where !name.isEmpty {
                try add(name, at: position, description: "node '\(node.name)'")
            }
        }
        return positions
    }

    /// The same graph with its nodes in topological order; nodes keep their relative order where they can, so that a
    /// sorted graph stays as it is.
    ///
    /// - Throws: `GraphValidationError.cycle`, `.duplicateProducer` or `.undefinedValue`.
    public func topologicallySorted() throws(GraphValidationError) -> Graph {
        let positions = try producerPositions()
        var order: [Int] = []
        order.reserveCapacity(nodes.count)
        var marks = [VisitMark](repeating: .unvisited, count: nodes.count)
        // Depth first with an explicit stack: a chain of a million nodes must not exhaust the thread's stack.
        var stack: [(position: Int, nextInput: Int)] = []
        for root in nodes.indices where marks[root] == .unvisited {
            stack.append((root, 0))
            marks[root] = .open
            while let top = stack.last {
                let node = nodes[top.position]
                guard top.nextInput < node.inputs.count else {
                    marks[top.position] = .done
                    order.append(top.position)
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].nextInput += 1
                let name = node.inputs[top.nextInput]
                if name.isEmpty { continue }
                guard let producer = positions[name] else { throw .undefinedValue(value: name, node: node.name) }
                if producer < 0 || marks[producer] == .done { continue }
                if marks[producer] == .open {
                    let start = stack.firstIndex { $0.position == producer } ?? 0
                    throw .cycle(nodes: stack[start...].map { nodes[$0.position].name })
                }
                marks[producer] = .open
                stack.append((producer, 0))
            }
        }
        var sorted = self
        sorted.nodes = order.map { nodes[$0] }
        return sorted
    }

    /// The same graph without nodes and initializers that no graph output needs; graph inputs stay.
    public func removingUnusedNodes() -> Graph {
        let index = GraphIndex(self)
        var needed: Set<Int> = []
        var usedInitializers: Set<String> = []
        var pending = outputs.map(\.name)
        while let value = pending.popLast() {
            switch index.producer(of: value) {
            case .node(let position, _):
                if needed.insert(position).inserted {
                    pending.append(contentsOf: nodes[position].inputs.filter { !$0.isEmpty })
                }
            case .initializer: usedInitializers.insert(value)
            case .input, nil: break
            }
        }
        var result = self
        result.nodes = nodes.indices.filter(needed.contains).map { nodes[$0] }
        result.initializers = initializers.filter { usedInitializers.contains($0.key) }
        return result
    }
}

private enum VisitMark {
    case unvisited
    case open
    case done
}

extension Node {
    /// What is wrong with the number of inputs or outputs, as the end of a sentence about the node; `nil` when nothing.
    public var arityProblem: String? {
        let signature = op.signature
        if case .control(let control) = op, let problem = control.problem(inputCount: inputs.count) { return problem }
        for index in 0..<signature.requiredInputs where input(index) == nil {
            return "lacks input \(index); the operator needs \(signature.requiredInputs)"
        }
        if let maximum = signature.maximumInputs, inputs.count > maximum {
            return "has \(inputs.count) inputs; the operator takes at most \(maximum)"
        }
        if case .variadic = op, inputs.contains("") { return "has an absent input among its variadic inputs" }
        if case .concat = op, inputs.contains("") { return "has an absent input among its variadic inputs" }
        guard outputs.contains(where: { !$0.isEmpty }) else { return "has no output" }
        if let maximum = signature.maximumOutputs, outputs.count > maximum {
            return "has \(outputs.count) outputs; the operator has at most \(maximum)"
        }
        return nil
    }
}
