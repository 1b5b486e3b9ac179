import Graphs
import Tensors

extension Node {
    /// The format in which a module of the device computes; int8 when it has no mode yet.
    func moduleArithmetic(_ constants: [String: Tensor]) -> NodeWork.Arithmetic {
        guard let name = input(.quantizedMode), let mode = constants[name], mode.elementType == .int32,
            let code = mode.elements(as: Int32.self).first
        else { return .int8 }
        return code == 2 || code == 4 ? .int16 : .int8
    }

    /// The format of the node's products.
    func arithmetic(_ index: GraphIndex, _ graph: Graph) -> NodeWork.Arithmetic {
        if case .mlu = op { return moduleArithmetic(graph.initializers) }
        return readsDequantized(index, graph) ? .int8 : .float32
    }

    /// Whether the activation comes from a DequantizeLinear, so that the products are those of integers.
    private func readsDequantized(_ index: GraphIndex, _ graph: Graph) -> Bool {
        guard let producer = index.producingNode(of: inputs[0]) else { return false }
        if case .dequantizeLinear = graph.nodes[producer].op { return true }
        return false
    }

    /// Whether the device has a kernel for the node.
    ///
    /// It has none for float64, and none for convolutions and linear layers with constant weights that were not quantized.
    func runsOnDevice(in index: GraphIndex, graph: Graph, value: (String) -> Tensor?) -> Bool {
        if inputs.contains(where: { !$0.isEmpty && value($0)?.elementType == .float64 }) { return false }
        switch op {
        case .convolution, .transposedConvolution, .gemm: return readsDequantized(index, graph)
        case .matMul:
            guard let weight = input(1), case .initializer? = index.producer(of: weight) else { return true }
            return readsDequantized(index, graph)
        default: return true
        }
    }
}

extension Graph {
    /// For each node, the values that nobody reads after it and that do not leave the graph.
    func lastReads() -> [[String]] {
        var last: [String: Int] = [:]
        for (position, node) in nodes.enumerated() {
            for name in node.inputs + node.outputs where !name.isEmpty { last[name] = position }
        }
        for output in outputs { last[output.name] = nil }
        var result = [[String]](repeating: [], count: nodes.count)
        for (name, position) in last.sorted(by: { $0.key < $1.key }) { result[position].append(name) }
        return result
    }
}

extension TensorType {
    /// Whether a tensor has the type, the rank and the known extents.
    func accepts(_ tensor: Tensor) -> Bool {
        guard tensor.elementType == elementType else { return false }
        guard let dimensions else { return true }
        return dimensions.count == tensor.shape.rank
            && zip(dimensions, tensor.shape.dimensions).allSatisfy { $0.fixedValue == nil || $0.fixedValue == $1 }
    }
}

extension Tensor {
    /// uint8 pixels as float32.
    var asFloat32: Tensor {
        Tensor(shape: shape, elements: elements(as: UInt8.self).map(Float.init))
    }
}
