import Graphs

/// Activations that multiply a value with a function of itself.
extension FusionSource {
    /// The gate of an activation: the node that makes it and what it computes.
    private struct Gate {
        let position: Int
        let argument: String
        let value: String
        let function: Function

        enum Function {
            case erf
            case tanh
            case sigmoid
            /// Limits between two numbers.
            case limits(Double, Double)
            case hardSigmoid(Double, Double)
        }
    }

    /// The activation whose gate is the node.
    func gatedActivation(at position: Int) -> FusedOperator? {
        guard let gate = gate(at: position) else { return nil }
        for x in sources(of: gate.argument) {
            var inner = PolynomialReader(self, x: x, gate: nil)
            guard let argument = inner.polynomial(gate.argument) else { continue }
            // The result lies a few sums and products behind the gate.
            var value = gate.value
            for _ in 0..<5 {
                guard let reader = index.soleReader(of: value) ?? onlyNode(reading: value),
                    let output = graph.nodes[reader.node].outputs.first
                else { break }
                value = output
                var outer = PolynomialReader(self, x: x, gate: gate.value)
                guard let result = outer.polynomial(value) else { break }
                guard let op = activation(gate.function, argument, result), isAlike(value, x) else { continue }
                return FusedOperator(
                    op: op, nodes: inner.nodes.union(outer.nodes).union([gate.position]), inputs: [x])
            }
        }
        return nil
    }

    private func gate(at position: Int) -> Gate? {
        let node = graph.nodes[position]
        guard let argument = node.input(0), let value = node.outputs.first else { return nil }
        func gate(_ function: Gate.Function) -> Gate {
            Gate(position: position, argument: argument, value: value, function: function)
        }
        switch node.op {
        case .unary(.erf): return gate(.erf)
        case .unary(.tanh): return gate(.tanh)
        case .unary(.sigmoid): return gate(.sigmoid)
        case .unary(.hardSigmoid(let alpha, let beta)): return gate(.hardSigmoid(Double(alpha), Double(beta)))
        case .clip:
            guard let lower = node.input(1).flatMap(scalar), let upper = node.input(2).flatMap(scalar) else {
                return nil
            }
            return gate(.limits(lower, upper))
        default: return nil
        }
    }

    /// The node that reads a value, when it reads it more than once and nobody else does.
    private func onlyNode(reading value: String) -> NodeInput? {
        let readers = index.readers(of: value)
        guard let first = readers.first, !index.isGraphOutput(value), readers.allSatisfy({ $0.node == first.node })
        else { return nil }
        return first
    }

    /// What a gate's argument may be a polynomial of: itself and what it is computed from, nearest first.
    private func sources(of argument: String) -> [String] {
        var found = [argument]
        var next = 0
        while next < found.count, found.count < 12 {
            defer { next += 1 }
            guard let producer = index.producingNode(of: found[next]) else { continue }
            switch graph.nodes[producer].op {
            case .binary:
                for input in graph.nodes[producer].inputs
                where graph.initializers[input] == nil && !found.contains(input) {
                    found.append(input)
                }
            default: break
            }
        }
        return found
    }

    /// The operator with this gate, argument and result, as polynomials of x and of the gate.
    private func activation(
        _ function: Gate.Function, _ argument: Polynomial, _ result: Polynomial
    ) -> Operator? {
        let halves = Polynomial([.init(x: 1, gate: 0): 0.5, .init(x: 1, gate: 1): 0.5])
        let product = Polynomial([.init(x: 1, gate: 1): 1])
        switch function {
        case .erf:
            let isGelu = argument.isNear([.init(x: 1, gate: 0): 0.5.squareRoot()]) && result.isNear(halves.terms)
            return isGelu ? .unary(.gelu(tanhApproximation: false)) : nil
        case .tanh:
            let root = (2 / Double.pi).squareRoot()
            let isGelu =
                argument.isNear([.init(x: 1, gate: 0): root, .init(x: 3, gate: 0): root * 0.044715])
                && result.isNear(halves.terms)
            return isGelu ? .unary(.gelu(tanhApproximation: true)) : nil
        case .sigmoid:
            guard argument.terms.count == 1, let alpha = argument.terms[.init(x: 1, gate: 0)],
                result.isNear(product.terms)
            else { return nil }
            return .element(.swish(alpha: Float(alpha)))
        case .limits(let lower, let upper):
            guard lower == 0, let scale = result.terms[.init(x: 1, gate: 1)], result.terms.count == 1,
                FusionSource.isNear(scale * upper, 1), FusionSource.isNear(scale, 1.0 / 6),
                argument.isNear([.init(x: 1, gate: 0): 1, .init(x: 0, gate: 0): 3])
            else { return nil }
            return .unary(.hardSwish)
        case .hardSigmoid(let alpha, let beta):
            guard FusionSource.isNear(alpha, 1.0 / 6), FusionSource.isNear(beta, 0.5),
                argument.isNear([.init(x: 1, gate: 0): 1]), result.isNear(product.terms)
            else { return nil }
            return .unary(.hardSwish)
        }
    }
}
