import Graphs
import Tensors

/// Weight and bias of a module with its normalization folded in.
///
/// `weight * gamma / sqrt(running variance + epsilon)` for each output channel, and `beta + gamma / sqrt(...) * (bias - running mean)`,
/// each operation rounded to float32, as expanded modules compute them.
struct FoldedModule {
    let weight: Tensor
    let bias: Tensor?

    init(_ node: Node, _ kind: ModuleKind, in graph: Graph) throws(ModuleError) {
        func parameter(_ key: String) throws(ModuleError) -> Tensor {
            guard let tensor = node.parameter(key).flatMap({ graph.initializers[$0] }), tensor.elementType == .float32
            else { throw .missingParameter(path: node.modulePath, key: key) }
            return tensor
        }
        let plain = try parameter(kind.layerPrefix + "weight")
        let bias = node.parameter(kind.layerPrefix + "bias").flatMap { graph.initializers[$0] }
        guard let normalization = kind.fusion?.batchNormalization else {
            weight = plain
            self.bias = bias
            return
        }
        let gamma = try parameter("bn.weight").elements(as: Float.self)
        let variance = try parameter("bn.running_var").elements(as: Float.self)
        let mean = try parameter("bn.running_mean").elements(as: Float.self)
        let beta = try parameter("bn.bias").elements(as: Float.self)
        let channels = gamma.count
        guard variance.count == channels, mean.count == channels, beta.count == channels,
            bias.map({ $0.elementCount == channels }) ?? true, kind.outputChannels(of: plain) == channels
        else {
            throw .unsuitableParameter(
                path: node.modulePath, key: "bn.weight", reason: "it does not have one element for each output channel")
        }
        let scales = zip(gamma, variance).map { $0 / ($1 + normalization.epsilon).squareRoot() }
        weight = kind.scaled(plain, by: scales)
        let offsets = bias?.elements(as: Float.self) ?? [Float](repeating: 0, count: channels)
        self.bias = Tensor(
            shape: [channels],
            elements: (0..<channels).map { beta[$0] + scales[$0] * (offsets[$0] - mean[$0]) })
    }
}

extension ModuleKind {
    /// Number of output channels of a weight.
    fileprivate func outputChannels(of weight: Tensor) -> Int {
        if case .transposedConvolution(let attributes, _) = self {
            return weight.shape[1] * attributes.convolution.groups
        }
        return weight.shape[0]
    }

    /// A weight whose output channels are scaled.
    fileprivate func scaled(_ weight: Tensor, by scales: [Float]) -> Tensor {
        let elements = weight.elements(as: Float.self)
        guard case .transposedConvolution(let attributes, _) = self else {
            let run = max(elements.count / max(scales.count, 1), 1)
            return Tensor(
                shape: weight.shape, elements: elements.enumerated().map { $1 * scales[$0 / run] })
        }
        // [C, M/groups, kernel...]: the rows of a group meet its own output channels.
        let perGroup = weight.shape[1]
        let run = max(weight.shape.dimensions[2...].reduce(1, *), 1)
        let rows = max(weight.shape[0] / attributes.convolution.groups, 1)
        return Tensor(
            shape: weight.shape,
            elements: elements.enumerated().map { index, element in
                let row = index / run / perGroup
                return element * scales[row / rows * perGroup + index / run % perGroup]
            })
    }
}
