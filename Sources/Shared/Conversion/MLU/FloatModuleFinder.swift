import Graphs
import Tensors

/// Finds the nodes of a graph that compute what linear layers and convolutions compute.
struct FloatModuleFinder {
    private let graph: Graph
    private let index: GraphIndex
    private let types: [String: TensorType]
    /// Nodes that look like a layer but are none, and why, in node order.
    private(set) var warnings: [MLUWarning] = []

    init(_ graph: Graph) throws(MLUConversionError) {
        self.graph = graph
        index = GraphIndex(graph)
        do {
            types = try ShapeInference.infer(graph)
        } catch {
            throw .invalidGraph(reason: error.description)
        }
    }

    /// The candidates in node order.
    mutating func candidates() -> [FloatModuleCandidate] {
        graph.nodes.indices.compactMap { position in
            switch graph.nodes[position].op {
            case .convolution(let attributes): convolution(position, attributes)
            case .gemm(let attributes): gemm(position, attributes)
            case .matMul: matMul(position)
            default: nil
            }
        }
    }

    private mutating func refuse(_ position: Int, _ reason: String) -> FloatModuleCandidate? {
        let node = graph.nodes[position]
        warnings.append(.moduleStaysFloat(node: node.name, className: node.module?.className, reason: reason))
        return nil
    }

    /// The constant at an input.
    private func constant(_ node: Node, _ input: Int) -> (name: String, tensor: Tensor)? {
        guard let name = node.input(input), let tensor = graph.initializers[name] else { return nil }
        return (name, tensor)
    }

    private mutating func convolution(
        _ position: Int, _ attributes: ConvolutionAttributes
    ) -> FloatModuleCandidate? {
        let node = graph.nodes[position]
        guard let weight = constant(node, 1) else { return refuse(position, "its weight is computed") }
        guard weight.tensor.elementType == .float32 else {
            return refuse(position, "its weight is \(weight.tensor.elementType), not float32")
        }
        guard let kind = MLUModuleKind(convolutionWeightRank: weight.tensor.shape.rank) else {
            return refuse(position, "its weight \(weight.tensor.shape) has more than three spatial axes")
        }
        var bias: (name: String, tensor: Tensor)?
        if node.input(2) != nil {
            bias = constant(node, 2)
            guard let bias, bias.tensor.elementType == .float32, bias.tensor.shape == [weight.tensor.shape[0]] else {
                return refuse(position, "its bias is computed or does not have one float32 element per channel")
            }
        }
        return candidate(
            position, kind: kind, op: .convolution(attributes), weight: weight, bias: bias,
            layout: weight.tensor, row: bias?.tensor)
    }

    private mutating func gemm(_ position: Int, _ attributes: GemmAttributes) -> FloatModuleCandidate? {
        let node = graph.nodes[position]
        guard let weight = constant(node, 1) else { return nil }
        guard weight.tensor.elementType == .float32, weight.tensor.shape.rank == 2 else {
            return refuse(position, "its weight is \(TensorType(weight.tensor)), not a float32 matrix")
        }
        guard attributes.alpha == 1, node.input(2) == nil || attributes.beta == 1, !attributes.transposeA else {
            return refuse(
                position, "a linear layer has alpha 1, beta 1 and an untransposed input; prepare the graph first")
        }
        let layout = attributes.transposeB ? weight.tensor : weight.tensor.transposedMatrix(of: Float.self)
        guard node.input(2) != nil else {
            return candidate(
                position, kind: .linear, op: .linear, weight: weight, bias: nil, layout: layout, row: nil)
        }
        guard let bias = constant(node, 2), let row = Self.row(bias.tensor, count: layout.shape[0]) else {
            return refuse(position, "its bias is computed or does not have one float32 element per output")
        }
        return candidate(position, kind: .linear, op: .linear, weight: weight, bias: bias, layout: layout, row: row)
    }

    private mutating func matMul(_ position: Int) -> FloatModuleCandidate? {
        let node = graph.nodes[position]
        // A product with a constant on the left, or of two computed values, is no layer.
        guard let weight = constant(node, 1), weight.tensor.shape.rank == 2 else { return nil }
        guard weight.tensor.elementType == .float32 else {
            return refuse(position, "its weight is \(weight.tensor.elementType), not float32")
        }
        if let rank = types[node.inputs[0]]?.dimensions?.count, rank < 2 {
            return refuse(position, "its input has rank \(rank); a linear layer takes rank 2 or more")
        }
        let layout = weight.tensor.transposedMatrix(of: Float.self)
        let addition = addition(after: position, outputs: layout.shape[0])
        return candidate(
            position, kind: .linear, op: .linear, weight: weight, bias: addition?.bias, layout: layout,
            row: addition.flatMap { Self.row($0.bias.tensor, count: layout.shape[0]) }, addition: addition?.position)
    }

    /// The node that adds a constant row to the product, when nothing else reads the product.
    private func addition(after position: Int, outputs: Int) -> (position: Int, bias: (name: String, tensor: Tensor))? {
        let product = graph.nodes[position].outputs[0]
        guard let reader = index.soleReader(of: product) else { return nil }
        let node = graph.nodes[reader.node]
        guard case .binary(.add) = node.op, node.module?.path == graph.nodes[position].module?.path,
            let bias = constant(node, 1 - reader.input), Self.row(bias.tensor, count: outputs) != nil,
            bias.tensor.shape.rank <= types[product]?.dimensions?.count ?? 1
        else { return nil }
        return (reader.node, bias)
    }

    /// A constant as one float32 element for each output; `nil` when it is something else.
    private static func row(_ bias: Tensor, count: Int) -> Tensor? {
        guard bias.elementType == .float32, bias.elementCount == count,
            (bias.shape.dimensions.last ?? 1) == count
        else { return nil }
        return bias.reshaped(to: [count])
    }

    private mutating func candidate(
        _ position: Int, kind: MLUModuleKind, op: MLUOperator, weight: (name: String, tensor: Tensor),
        bias: (name: String, tensor: Tensor)?, layout: Tensor, row: Tensor?, addition: Int? = nil
    ) -> FloatModuleCandidate? {
        let node = graph.nodes[position]
        if let type = types[node.inputs[0]]?.elementType, type != .float32 {
            return refuse(position, "its input is \(type), not float32")
        }
        guard layout.elementCount > 0 else { return refuse(position, "its weight is empty") }
        if let origin = node.module, origin.path.isEmpty {
            return refuse(position, "it is the whole model; only modules within a model are converted")
        }
        return FloatModuleCandidate(
            kind: kind, op: op, weightName: weight.name, weight: layout, biasName: bias?.name, bias: row,
            origin: node.module,
            call: FloatModule.Call(
                node: position, addition: addition, data: node.inputs[0],
                output: graph.nodes[addition ?? position].outputs[0]))
    }
}

extension Tensor {
    /// Rows become columns.
    ///
    /// - Precondition: The tensor has rank 2 and elements of this type.
    func transposedMatrix<Element: TensorElement>(of type: Element.Type) -> Tensor {
        let (rows, columns) = (shape[0], shape[1])
        var result = Tensor(zeros: [columns, rows], elementType: elementType)
        withElements(as: type) { (source: Span<Element>) in
            result.withMutableElements(as: type) { (target: inout MutableSpan<Element>) in
                for row in 0..<rows {
                    for column in 0..<columns { target[column * rows + row] = source[row * columns + column] }
                }
            }
        }
        return result
    }
}
