import Graphs
import Quantization
import Tensors

/// Which values need gradients: those between a trained parameter and the loss.
struct GradientFlow {
    /// Names of the values through which the loss depends on a trained parameter.
    let needed: Set<String>
    /// Positions of the nodes that must run, ascending.
    let live: [Int]

    /// Follows the graph forward from the trained parameters and backward from the loss.
    ///
    /// - Throws: `TrainingError.notDifferentiable` for the first node on the way that has no gradient.
    init(_ graph: Graph, trained: Set<String>, loss: String) throws(TrainingError) {
        var depending = trained
        for node in graph.nodes {
            let carries = node.inputs.enumerated().contains { index, name in
                depending.contains(name) && node.op.gradientKind(ofInput: index) != .none
            }
            guard carries else { continue }
            for (index, name) in node.outputs.enumerated() where !name.isEmpty && node.op.carriesGradient(output: index)
            {
                depending.insert(name)
            }
        }
        var reaching: Set<String> = [loss]
        var wanted = Set(graph.outputs.map(\.name)).union([loss])
        var live: [Int] = []
        for (position, node) in graph.nodes.enumerated().reversed() {
            if node.outputs.contains(where: wanted.contains) {
                live.append(position)
                wanted.formUnion(node.inputs.filter { !$0.isEmpty })
            }
            let reaches = node.outputs.enumerated().contains { index, name in
                reaching.contains(name) && node.op.carriesGradient(output: index)
            }
            guard reaches else { continue }
            for (index, name) in node.inputs.enumerated() where !name.isEmpty {
                let kind = node.op.gradientKind(ofInput: index)
                if kind != .none { reaching.insert(name) }
                guard kind == .refused, depending.contains(name) else { continue }
                throw .notDifferentiable(
                    node: node.name, operatorName: node.op.name, reason: "input \(index) of it has no gradient")
            }
        }
        needed = depending.intersection(reaching)
        self.live = live.reversed()
    }
}

/// What becomes of the gradient at an input of an operator.
enum GradientKind {
    /// It is computed.
    case computed
    /// By definition there is none: integers, shapes, state.
    case none
    /// It would be needed and cannot be computed.
    case refused
}

extension Operator {
    /// What becomes of the gradient at an input.
    func gradientKind(ofInput index: Int) -> GradientKind {
        switch self {
        case .convolution, .transposedConvolution, .matMul, .gemm, .concat, .variadic, .binary: .computed
        case .averagePool, .globalAveragePool, .globalMaxPool, .maxPool, .softmax, .logSoftmax, .unary, .dropout,
            .identity:
            .computed
        case .batchNormalization: index < 3 ? .computed : .none
        case .layerNormalization: .computed
        case .clip, .reshape, .flatten, .transpose, .squeeze, .unsqueeze, .expand, .split, .slice, .gather:
            index == 0 ? .computed : .none
        case .pad: index == 0 ? .computed : (index == 2 ? .refused : .none)
        case .cast(let attributes): attributes.elementType == .float32 ? .computed : .refused
        case .reduce(let attributes):
            if index > 0 {
                .none
            } else {
                switch attributes.function {
                case .mean, .sum, .maximum, .minimum: .computed
                case .l2Norm, .sumOfSquares, .l1Norm, .product, .logarithmOfSum, .logarithmOfSumOfExponentials: .refused
                }
            }
        case .resize(let attributes): attributes.isNearest && index == 0 ? .computed : (index == 0 ? .refused : .none)
        case .fakeQuantize(let attributes):
            index == 0 || (index == 1 && attributes.specification.algorithm != .fakeQuantize) ? .computed : .none
        case .observe, .shape, .constantOfShape: .none
        case .lstm(let attributes):
            switch index {
            case 0, 1, 2, 3, 5, 6: attributes.isPlain ? .computed : .refused
            case 4: .none
            default: .refused
            }
        case .localResponseNormalization, .gru, .rnn, .quantizeLinear, .dequantizeLinear, .mlu, .module, .element,
            .control, .arrangement,
            .selection, .vision, .signal, .normalization, .algebra, .pooling, .loss, .integer, .quantized:
            .refused
        // Truth values, integers and positions; a choice between elements is all that could carry a gradient.
        case .logic(.select): index == 0 ? .none : .refused
        case .logic, .ranking(.extremePosition): .none
        case .ranking: .refused
        }
    }

    /// Whether gradients come in through an output.
    func carriesGradient(output index: Int) -> Bool {
        switch self {
        case .split: true
        case .lstm, .gru, .rnn: true
        case .observe, .shape, .constantOfShape: false
        default: index == 0
        }
    }
}

extension ResizeAttributes {
    /// Whether each result is one of the elements.
    var isNearest: Bool {
        mode == .nearest
    }
}
