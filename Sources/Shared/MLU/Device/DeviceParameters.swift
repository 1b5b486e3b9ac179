public import Graphs
import Tensors

/// The parameters of a graph in a device's memory, for as long as this lives.
public final class DeviceParameters {
    private let device: MLUDevice
    private var blocks: [DeviceMemory.Block] = []

    /// Copies whatever the device's kernels read and nobody computes: all constants but shapes, weights of modules as integers.
    ///
    /// - Throws: `MLUError.outOfMemory`; nothing is held then. `MLUError.notQuantized` for a module without a scale.
    public convenience init(of graph: Graph, on device: MLUDevice) throws(MLUError) {
        // Where the declared shapes contradict each other, the node says so when it runs.
        let types = (try? ShapeInference.infer(graph)) ?? [:]
        try self.init(of: graph, on: device) { types[$0]?.elementType }
    }

    /// The same when the types of the values are known better.
    init(of graph: Graph, on device: MLUDevice, elementType: (String) -> ElementType?) throws(MLUError) {
        self.device = device
        for node in graph.nodes {
            if case .mlu = node.op, node.input(.scale) == nil { throw .notQuantized(node: node.name) }
        }
        let sizes = graph.parameterBytesOnDevice(elementType)
        do throws(MLUError) {
            for (name, bytes) in sizes.sorted(by: { $0.key < $1.key }) {
                blocks.append(try device.allocate(bytes, label: name))
                device.copy(bytes, .toDevice)
            }
        } catch {
            for block in blocks { device.release(block) }
            blocks = []
            throw error
        }
    }

    deinit {
        for block in blocks { device.release(block) }
    }
}

extension Graph {
    /// Bytes of each initializer that a node on the device reads.
    fileprivate func parameterBytesOnDevice(_ elementType: (String) -> ElementType?) -> [String: Int] {
        var result: [String: Int] = [:]
        let index = GraphIndex(self)
        for node in nodes where node.hostReason(in: index, graph: self, elementType: elementType) == nil {
            for (position, name) in node.inputs.enumerated() {
                let bytes = parameterBytes(node, position, name)
                if bytes > 0 { result[name] = max(result[name] ?? 0, bytes) }
            }
        }
        return result
    }

    /// Bytes of one initializer as a node reads it on the device; 0 for what is none, or a shape.
    func parameterBytes(_ node: Node, _ position: Int, _ name: String) -> Int {
        guard let tensor = initializers[name], tensor.elementType != .int64 else { return 0 }
        guard case .mlu = node.op, position == MLUInput.weight.rawValue else { return tensor.byteCount }
        return tensor.elementCount * (node.moduleArithmetic(initializers) == .int16 ? 2 : 1)
    }
}
