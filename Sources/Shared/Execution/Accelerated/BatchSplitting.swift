import Graphs
import Tensors

/// Decides whether the images of a batch run one by one: from shapes and from whether values are observed, so that every
/// machine decides alike.
struct BatchSplitting {
    /// The graph with the whole batch.
    let whole: ResolvedGraph
    /// The graph with one image.
    let single: ResolvedGraph
    /// Images in the batch.
    let count: Int
    /// Whether values are observed, so that activations are read once more right after they were written.
    let isObserved: Bool

    /// Whether it is the same and faster.
    var isWorthwhile: Bool {
        count > 1 && whole.liveNodes == single.liveNodes && fitsCacheBetter && areImagesIndependent
    }

    /// Whether reading the weights once more for each image costs less than moving the whole batch through memory.
    ///
    /// It does when there are fewer weights than activations, and those of the batch exceed a cache of common size. Observed
    /// activations weigh four times: ResNet-50, with 2.1 times as many weights as activations, calibrates about 10 % faster
    /// one by one.
    private var fitsCacheBetter: Bool {
        var weights = 0
        var activations = 0
        for index in single.liveNodes {
            let node = single.graph.nodes[index]
            switch node.op {
            case .convolution, .mlu(.convolution): break
            default: continue
            }
            guard let output = single.types[node.outputs[0]] else { continue }
            weights += node.input(1).flatMap { single.types[$0] }?.shape.elementCount ?? 0
            activations += output.shape.elementCount
        }
        return weights < activations * (isObserved ? 4 : 1)
            && activations * count * MemoryLayout<Float>.stride > 1 << 20
    }

    private var areImagesIndependent: Bool {
        let graph = whole.graph
        for input in graph.inputs where !isBatched(input.name) { return false }
        for index in whole.liveNodes {
            let node = graph.nodes[index]
            guard node.outputs.allSatisfy({ $0.isEmpty || isBatched($0) }), isIndependent(node) else { return false }
        }
        return graph.outputs.allSatisfy { isBatched($0.name) }
    }

    /// Whether the value is [N, ...] for the batch and [1, ...] for one image.
    private func isBatched(_ name: String) -> Bool {
        guard whole.constants[name] == nil, single.constants[name] == nil, let all = whole.types[name]?.shape,
            let one = single.types[name]?.shape, all.rank >= 1, all.rank == one.rank
        else { return false }
        return all[0] == count && one[0] == 1 && all.dimensions.dropFirst() == one.dimensions.dropFirst()
    }

    /// Whether the value is the same constant for the batch and for one image.
    private func isConstant(_ name: String?) -> Bool {
        guard let name else { return true }
        guard let all = whole.constants[name] else { return false }
        return whole.fixedConstants.contains(name) || all == single.constants[name]
    }

    /// Whether the constant is the same for all images, when it broadcasts to a value of this rank.
    private func isBatchInvariant(_ name: String, rank: Int) -> Bool {
        guard isConstant(name), let shape = whole.constants[name]?.shape else { return false }
        return shape.rank < rank || shape[0] == 1
    }

    /// Whether the node computes each image from that image alone.
    private func isIndependent(_ node: Node) -> Bool {
        guard let output = node.outputs.first.flatMap({ whole.types[$0]?.shape }), let first = node.input(0) else {
            return false
        }
        let rank = output.rank
        let restIsConstant = (1..<max(node.inputs.count, 1)).allSatisfy { isConstant(node.input($0)) }
        switch node.op {
        case .convolution, .transposedConvolution, .batchNormalization, .averagePool, .maxPool, .globalAveragePool,
            .globalMaxPool, .localResponseNormalization, .unary, .clip, .cast, .identity, .dropout, .resize, .mlu:
            return isBatched(first) && restIsConstant
        case .quantizeLinear(let attributes):
            return isBatched(first) && restIsConstant && attributes.axis != 0 && attributes.axis != -rank
                && attributes.blockSize == nil
        case .dequantizeLinear(let attributes):
            return isBatched(first) && restIsConstant && attributes.axis != 0 && attributes.axis != -rank
                && attributes.blockSize == nil
        case .gemm(let attributes):
            guard isBatched(first), !attributes.transposeA, isConstant(node.input(1)) else { return false }
            return node.input(2).map { isBatchInvariant($0, rank: 2) } ?? true
        case .binary, .variadic:
            return node.inputs.allSatisfy { name in
                isBatched(name) ? whole.types[name]?.shape.rank == rank : isBatchInvariant(name, rank: rank)
            }
        case .softmax(let axis), .logSoftmax(let axis):
            return isBatched(first) && axis != 0 && axis != -rank
        case .concat(let axis):
            return node.inputs.allSatisfy(isBatched) && axis != 0 && axis != -rank
        case .reshape, .flatten, .squeeze, .unsqueeze:
            // The outermost extent stays, so row-major order keeps each image together.
            return isBatched(first)
        case .transpose(let permutation):
            return isBatched(first) && permutation?.first == 0
        case .reduce:
            guard isBatched(first), let axes = node.input(1), isConstant(axes) else { return false }
            let values = whole.constants[axes]?.integers ?? []
            let inputRank = whole.types[first]?.shape.rank ?? 0
            return !values.isEmpty && values.allSatisfy { $0 != 0 && $0 != -inputRank }
        default:
            return false
        }
    }
}
