import Graphs
import Tensors

/// A normalization over the last axes that is written out.
extension FusionSource {
    /// The normalization whose first mean is the node.
    func layerNormalization(at position: Int) -> FusedOperator? {
        guard let x = graph.nodes[position].input(0), let axes = meanAxes(graph.nodes[position], of: x),
            let rank = type(of: x)?.dimensions?.count, type(of: x)?.elementType.isFloatingPoint == true,
            axes == Array((rank - axes.count)..<rank), let mean = graph.nodes[position].outputs.first,
            // Some exporters subtract twice.
            let differences = differences(of: x, and: mean)
        else { return nil }
        var nodes = Set(differences.positions).union([position])
        guard let variance = variance(of: differences.values, axes: axes, nodes: &nodes),
            let root = root(of: variance, nodes: &nodes),
            var output = quotient(of: differences.values, by: root.deviation, nodes: &nodes)
        else { return nil }
        let extents = type(of: x)?.dimensions?.suffix(axes.count).map(\.fixedValue) ?? []
        var inputs = [x]
        var constants: [(role: String, tensor: Tensor)] = []
        if let scale = parameter(of: output, .multiply, extents: extents) {
            inputs.append(scale.name)
            nodes.insert(scale.position)
            output = scale.output
        } else {
            let shape = extents.compactMap(\.self)
            guard shape.count == extents.count, type(of: x)?.elementType == .float32 else { return nil }
            let count = shape.reduce(1, *)
            constants.append(("scale", Tensor(shape: Shape(shape), elements: [Float](repeating: 1, count: count))))
        }
        // Without a scale of its own the operator's inputs end with the made one.
        if constants.isEmpty, let shift = parameter(of: output, .add, extents: extents) {
            inputs.append(shift.name)
            nodes.insert(shift.position)
            output = shift.output
        }
        // A constant of higher rank than the data would have given its rank to the result.
        guard isAlike(output, x) else { return nil }
        return FusedOperator(
            op: .layerNormalization(
                LayerNormalizationAttributes(axis: -axes.count, epsilon: Float(root.epsilon))), nodes: nodes,
            inputs: inputs, constants: constants)
    }

    /// The axes, counted from the front and ascending, of a mean that keeps them; `nil` when the node is none.
    private func meanAxes(_ node: Node, of value: String) -> [Int]? {
        guard case .reduce(let attributes) = node.op, attributes.function == .mean, attributes.keepsAxes,
            let rank = type(of: value)?.dimensions?.count, let axes = node.input(1).flatMap(integers), !axes.isEmpty
        else { return nil }
        let fromFront = axes.map { $0 < 0 ? $0 + rank : $0 }.sorted()
        return fromFront.allSatisfy { (0..<rank).contains($0) } ? fromFront : nil
    }

    private func differences(of x: String, and mean: String) -> (values: Set<String>, positions: [Int])? {
        let readers = index.readers(of: mean).map(\.node)
        guard !readers.isEmpty,
            readers.allSatisfy({ graph.nodes[$0].op == .binary(.subtract) && graph.nodes[$0].inputs == [x, mean] })
        else { return nil }
        return (Set(readers.flatMap { graph.nodes[$0].outputs }), readers)
    }

    /// The mean of the squares of the differences.
    private func variance(of differences: Set<String>, axes: [Int], nodes: inout Set<Int>) -> String? {
        for value in differences.sorted() {
            for reader in index.readers(of: value) {
                let node = graph.nodes[reader.node]
                let isSquare =
                    node.op == .binary(.multiply) && node.inputs.allSatisfy(differences.contains)
                    || node.op == .binary(.power) && reader.input == 0 && scalar(node.inputs[1]) == 2
                guard isSquare, let square = node.outputs.first, let next = index.soleReader(of: square),
                    meanAxes(graph.nodes[next.node], of: square) == axes
                else { continue }
                nodes.formUnion([reader.node, next.node])
                return graph.nodes[next.node].outputs.first
            }
        }
        return nil
    }

    /// The square root of the variance plus epsilon.
    private func root(of variance: String, nodes: inout Set<Int>) -> (deviation: String, epsilon: Double)? {
        guard let sum = index.soleReader(of: variance), graph.nodes[sum.node].op == .binary(.add),
            let epsilon = scalar(graph.nodes[sum.node].inputs[1 - sum.input]), epsilon > 0,
            let total = graph.nodes[sum.node].outputs.first, let root = index.soleReader(of: total)
        else { return nil }
        let node = graph.nodes[root.node]
        let isRoot =
            node.op == .unary(.sqrt)
            || node.op == .binary(.power) && root.input == 0 && scalar(node.inputs[1]) == 0.5
        guard isRoot, let deviation = node.outputs.first else { return nil }
        nodes.formUnion([sum.node, root.node])
        return (deviation, epsilon)
    }

    /// The differences divided by the deviation, or multiplied by its reciprocal.
    private func quotient(of differences: Set<String>, by deviation: String, nodes: inout Set<Int>) -> String? {
        guard let reader = index.soleReader(of: deviation) else { return nil }
        var (position, divisor, function) = (reader.node, deviation, BinaryFunction.divide)
        if graph.nodes[position].op == .unary(.reciprocal), let inverse = graph.nodes[position].outputs.first,
            let next = index.soleReader(of: inverse)
        {
            nodes.insert(position)
            (position, divisor, function) = (next.node, inverse, .multiply)
        }
        let node = graph.nodes[position]
        guard node.op == .binary(function), let numerator = node.inputs.first(where: { $0 != divisor }),
            differences.contains(numerator), function == .multiply || node.inputs[1] == divisor
        else { return nil }
        nodes.insert(position)
        return node.outputs.first
    }

    /// A constant over the normalized axes that a value is combined with.
    private func parameter(
        of value: String, _ function: BinaryFunction, extents: [Int?]
    ) -> (name: String, position: Int, output: String)? {
        guard let reader = index.soleReader(of: value), graph.nodes[reader.node].op == .binary(function) else {
            return nil
        }
        let node = graph.nodes[reader.node]
        let name = node.inputs[1 - reader.input]
        guard let shape = graph.initializers[name]?.shape, let output = node.outputs.first,
            shape.dimensions.map(Optional.some) == extents
        else { return nil }
        return (name, reader.node, output)
    }
}
