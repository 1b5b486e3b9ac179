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

    /// Why the device has no kernel for the node.
    ///
    /// - Parameters:
    ///   - index: The graph's index.
    ///   - graph: The graph.
    ///   - elementType: Element types of values by name, as far as they are known.
    /// - Returns: The reason; `nil` when the device has a kernel.
    func hostReason(
        in index: GraphIndex, graph: Graph, elementType: (String) -> ElementType?
    ) -> HostReason? {
        if inputs.contains(where: { !$0.isEmpty && elementType($0) == .float64 }) { return .float64 }
        switch op {
        case .convolution, .transposedConvolution, .gemm: break
        case .matMul:
            guard let weight = input(1), case .initializer? = index.producer(of: weight) else { return nil }
        default: return nil
        }
        return readsDequantized(index, graph) ? nil : .notQuantized
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
