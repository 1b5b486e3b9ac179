public import Graphs
import Kernels
import Tensors

/// Computes what does not depend on the graph's inputs, once and for all.
///
/// A node whose inputs are all constant becomes constants, by the reference kernels. So do integers that follow from known
/// extents, such as `Shape` of a value of fixed shape, or one fixed extent picked from a shape with a symbolic one. A node that returns its input (`Identity`, `Dropout` without a reader of its mask, `Cast` to the type
/// that the input already has) is bypassed. Graph outputs keep their names and stay outputs of nodes.
///
/// Folding never inflates a model: a result larger than `sizeLimit` bytes is kept as a node unless its constant inputs
/// are at least as large; it is not even computed then. `Cast` is exempt, because weights stored as `float16` must become constants to be quantized.
/// Nor does it take long: operators whose attributes alone can ask for any amount of work, which are those that see data
/// through windows and step by step, are kept too.
public enum ConstantFolding {
    /// Results up to this many bytes are always stored.
    public static let sizeLimit = 64 * 1024

    /// Folds the constants of a graph.
    ///
    /// - Returns: An equivalent graph and what was done, in node order.
    /// - Throws: `ConversionError.invalidGraph` when the shapes of the values contradict each other,
    ///   `ConversionError.constantFolding` when a node with constant inputs cannot be computed.
    public static func apply(to graph: Graph) throws(ConversionError) -> (graph: Graph, rewrites: [Rewrite]) {
        var folder = try Folder(graph)
        try folder.run()
        return (folder.graph, folder.rewrites)
    }
}

/// The pass over one graph.
private struct Folder {
    var graph: Graph
    var rewrites: [Rewrite] = []
    /// Who reads what before anything is folded.
    private let index: GraphIndex
    private let inferred: [String: InferredValue]
    /// A value and the value that its readers read instead.
    private var aliases: [String: String] = [:]

    init(_ graph: Graph) throws(ConversionError) {
        self.graph = graph
        do {
            inferred = try ShapeInference.inferValues(graph)
        } catch {
            throw .invalidGraph(reason: error.description)
        }
        index = GraphIndex(graph)
    }

    mutating func run() throws(ConversionError) {
        var kept: [Node] = []
        for original in graph.nodes {
            var node = original
            node.inputs = node.inputs.map { aliases[$0] ?? $0 }
            if bypass(node) {
                rewrites.append(Rewrite(node: node.name, operatorName: node.op.name, action: .bypassed))
                continue
            }
            var isConstant = storeKnownElements(node)
            if !isConstant { isConstant = try evaluate(node) }
            if isConstant {
                rewrites.append(Rewrite(node: node.name, operatorName: node.op.name, action: .evaluated))
            } else {
                kept.append(node)
            }
        }
        graph.nodes = kept
        renameBypassedOutputs()
    }

    // MARK: Nodes that return their input

    private mutating func bypass(_ node: Node) -> Bool {
        guard let source = node.input(0), let result = node.outputs.first, returnsInput(node) else { return false }
        if index.isGraphOutput(result) {
            // The output's name must stay: the producer of the input will write it, when nothing forbids renaming.
            guard graph.initializers[source] == nil, !graph.inputs.contains(where: { $0.name == source }),
                !index.isGraphOutput(source), renamed[source] == nil
            else { return false }
            renamed[source] = result
        }
        aliases[result] = source
        return true
    }

    /// Values whose producers write a graph output instead.
    private var renamed: [String: String] = [:]

    private func returnsInput(_ node: Node) -> Bool {
        switch node.op {
        case .identity:
            return true
        case .dropout:
            guard node.outputs.count > 1, !node.outputs[1].isEmpty else { return true }
            return index.readers(of: node.outputs[1]).isEmpty && !index.isGraphOutput(node.outputs[1])
        case .cast(let attributes):
            return inferred[node.inputs[0]]?.type.elementType == attributes.elementType
        default:
            return false
        }
    }

    private mutating func renameBypassedOutputs() {
        guard !renamed.isEmpty else { return }
        for index in graph.nodes.indices {
            graph.nodes[index].inputs = graph.nodes[index].inputs.map { renamed[$0] ?? $0 }
            graph.nodes[index].outputs = graph.nodes[index].outputs.map { renamed[$0] ?? $0 }
        }
    }

    // MARK: Nodes whose result follows from shapes

    private mutating func storeKnownElements(_ node: Node) -> Bool {
        guard node.outputs.count == 1, !index.isGraphOutput(node.outputs[0]),
            let value = inferred[node.outputs[0]], value.type.elementType == .int64, let shape = value.type.shape,
            let elements = value.elements?.compactMap(\.fixedInteger), elements.count == shape.elementCount
        else { return false }
        graph.initializers[node.outputs[0]] = Tensor(shape: shape, elements: elements.map { Int64($0) })
        return true
    }

    // MARK: Nodes with constant inputs

    private mutating func evaluate(_ node: Node) throws(ConversionError) -> Bool {
        guard isFoldable(node), !node.outputs.contains(where: index.isGraphOutput) else { return false }
        var inputs: [Tensor?] = []
        for name in node.inputs {
            guard !name.isEmpty else {
                inputs.append(nil)
                continue
            }
            guard let constant = graph.initializers[name] else { return false }
            inputs.append(constant)
        }
        guard !inputs.isEmpty, try isWorthStoring(node, inputs: inputs),
            let results = try compute(node, inputs: inputs)
        else { return false }
        for (name, tensor) in zip(node.outputs, results) where !name.isEmpty {
            graph.initializers[name] = tensor
        }
        return true
    }

    private func compute(_ node: Node, inputs: [Tensor?]) throws(ConversionError) -> [Tensor]? {
        do {
            return try ReferenceKernels.evaluate(node.op, inputs: inputs, outputCount: node.outputs.count)
        } catch {
            // No kernel for this mode is no fault of the model; whoever runs the graph says so with the node's name.
            if case .unsupported = error { return nil }
            throw .constantFolding(node: node.name, operatorName: node.op.name, reason: error)
        }
    }

    private func isFoldable(_ node: Node) -> Bool {
        switch node.op {
        // A model that is already quantized keeps its quantized constants.
        case .quantizeLinear, .dequantizeLinear: false
        case .convolution, .transposedConvolution, .averagePool, .maxPool, .pooling, .vision, .lstm, .gru, .rnn,
            .integer,
            .quantized:
            false
        default: true
        }
    }

    /// Whether the result is small, or no larger than the constants it replaces, and soon computed.
    ///
    /// Constant inputs fix its shape, except where the operator is one whose result has about their size.
    private func isWorthStoring(_ node: Node, inputs: [Tensor?]) throws(ConversionError) -> Bool {
        if case .cast = node.op { return true }
        if case .algebra(.einsum) = node.op, !isSoonComputed(product: inputs) { return false }
        guard inputs.allSatisfy({ Self.isSoonWalked($0.map { TensorType($0) }) }) else { return false }
        let results: [InferredValue]
        do {
            // Of the constants more is known than there was before the nodes in front of this one were folded.
            results = try node.op.inferOutputTypes(
                inputs: inputs.map { $0.map { InferredValue($0) } }, outputCount: node.outputs.count)
        } catch {
            throw .invalidGraph(reason: "node '\(node.name)' (\(node.op.name)): \(error.reason)")
        }
        let consumed = inputs.reduce(0) { $0 + ($1?.byteCount ?? 0) }
        let limit = max(consumed, ConstantFolding.sizeLimit)
        guard results.allSatisfy({ Self.isSoonWalked($0.type) }) else { return false }
        if case .selection = node.op { return results.allSatisfy { $0.type.byteCount.map { $0 <= limit } ?? true } }
        return results.allSatisfy { $0.type.byteCount.map { $0 <= limit } ?? false }
    }

    /// Whether a loop over the axes of a tensor ends soon; of an empty one that takes no bytes, an axis can be of any length.
    private static func isSoonWalked(_ type: TensorType?) -> Bool {
        guard let type, let extents = type.shape?.dimensions, extents.contains(0) else { return true }
        return TensorType(elementType: .uint8, shape: Shape(extents.filter { $0 > 0 })).byteCount ?? 0
            <= ConstantFolding.sizeLimit
    }

    /// Whether a product of tensors takes few enough multiplications, whatever order it is computed in.
    private func isSoonComputed(product inputs: [Tensor?]) -> Bool {
        var work = 1
        for input in inputs {
            let (product, overflow) = work.multipliedReportingOverflow(by: max(input?.elementCount ?? 1, 1))
            guard !overflow, product <= Self.maximumProductCount else { return false }
            work = product
        }
        return true
    }

    /// Most multiplications of a product of several tensors.
    private static let maximumProductCount = 1 << 28
}

extension TensorType {
    /// Size of a tensor of this type in bytes, saturating; `nil` when an extent is not known.
    fileprivate var byteCount: Int? {
        guard let dimensions, dimensions.allSatisfy({ $0.fixedValue != nil }) else { return nil }
        return dimensions.reduce(elementType.byteCount) { size, extent in
            let (product, overflow) = size.multipliedReportingOverflow(by: extent.fixedValue ?? 0)
            return overflow ? Int.max : product
        }
    }
}
