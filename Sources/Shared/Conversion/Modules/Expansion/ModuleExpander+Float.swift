import Graphs
import Tensors

/// A weighted module's layer with chosen weight and bias.
struct ModuleLayer {
    let kind: ModuleKind
    let path: String
    let data: [String]
    let weight: String
    let bias: String?
}

extension ModuleExpander {
    /// A module in floating point.
    mutating func expandFloat(_ node: Node, _ kind: ModuleKind, as output: String) throws(ModuleError) {
        let path = node.modulePath
        let data = Array(node.inputs.prefix(kind.dataCount))
        switch kind {
        case .quantStub, .dequantStub: emit(.identity, data, path: path, as: output)
        case .elemwise(let mode): expandElemwise(mode, data, path: path, as: output)
        case .concat(let axis, _): emit(.concat(axis: axis), data, path: path, as: output)
        case .convolution, .transposedConvolution, .linear, .batchMatMulActivation:
            guard let weight = node.parameter(kind.layerPrefix + "weight") else {
                throw .missingParameter(path: path, key: kind.layerPrefix + "weight")
            }
            let layer = ModuleLayer(
                kind: kind, path: path, data: data, weight: weight, bias: node.parameter(kind.layerPrefix + "bias"))
            let activation = kind.activation
            guard let normalization = kind.fusion?.batchNormalization else {
                let result = emitLayer(layer, as: activation == .identity ? output : nil)
                activate(result, activation, path: path, as: output)
                return
            }
            let result = emitLayer(layer, as: nil)
            let normalized = activation == .identity ? output : unused("\(path)/bn_output")
            normalize(result, normalization, try normalizationParameters(node), as: normalized, path: path)
            activate(normalized, activation, path: path, as: output)
        }
    }

    /// Scale, bias, running mean and running variance.
    func normalizationParameters(_ node: Node) throws(ModuleError) -> [String] {
        var result: [String] = []
        for key in ["bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"] {
            guard let name = node.parameter(key) else { throw .missingParameter(path: node.modulePath, key: key) }
            result.append(name)
        }
        return result
    }

    /// The activation; nothing when there is none, since the layer then wrote the output already.
    mutating func activate(_ value: String, _ activation: ModuleActivation, path: String, as output: String) {
        switch activation {
        case .identity: break
        case .relu: emit(.unary(.relu), [value], path: path, as: output)
        case .clip(let lower, let upper):
            let bounds = [lower, upper].map { constant(Tensor(scalar: $0), path: path) }
            emit(.clip, [value] + bounds, path: path, as: output)
        }
    }

    /// Convolution, transposed convolution or product, with a bias when there is one.
    mutating func emitLayer(_ layer: ModuleLayer, as output: String?) -> String {
        let path = layer.path
        let bias = layer.bias.map { [$0] } ?? []
        switch layer.kind {
        case .convolution(var attributes, let padding, _):
            var data = layer.data[0]
            if padding != .zeros, case .explicit(let before, let after) = attributes.padding, !before.isEmpty {
                let pads = ([0, 0] + before + [0, 0] + after).map { Int64($0) }
                let widths = constant(Tensor(shape: [pads.count], elements: pads), path: path)
                data = emit(.pad(padding == .reflect ? .reflect : .edge), [data, widths], path: path)
                attributes.padding = .explicit(before: [], after: [])
            }
            return emit(.convolution(attributes), [data, layer.weight] + bias, path: path, as: output)
        case .transposedConvolution(let attributes, _):
            return emit(.transposedConvolution(attributes), layer.data + [layer.weight] + bias, path: path, as: output)
        case .linear:
            if let rank = types[layer.data[0]]?.dimensions?.count, rank != 2 {
                let transposed = emit(.transpose(permutation: [1, 0]), [layer.weight], path: path)
                let product = emit(
                    .matMul, [layer.data[0], transposed], path: path, as: bias.isEmpty ? output : nil)
                return bias.isEmpty ? product : emit(.binary(.add), [product] + bias, path: path, as: output)
            }
            return emit(
                .gemm(GemmAttributes(transposeB: true)), [layer.data[0], layer.weight] + bias, path: path, as: output)
        default:
            let product = emit(.matMul, [layer.weight, layer.data[0]], path: path, as: bias.isEmpty ? output : nil)
            guard let bias = bias.first else { return product }
            let axis = constant(Tensor(shape: [1], elements: [Int64(1)]), path: path)
            let column = emit(.unsqueeze, [bias, axis], path: path)
            return emit(.binary(.add), [product, column], path: path, as: output)
        }
    }

    // MARK: Elemwise

    /// An `Elemwise` function as operators where there are some; the others stay what they are.
    mutating func expandElemwise(_ mode: ElemwiseMode, _ data: [String], path: String, as output: String) {
        func chain(_ first: Operator, _ second: Operator) {
            emit(second, [emit(first, data, path: path)], path: path, as: output)
        }
        if let op = mode.singleOperator {
            emit(op, data, path: path, as: output)
            return
        }
        switch mode {
        case .fuseAddRelu: chain(.binary(.add), .unary(.relu))
        case .fuseAddSigmoid: chain(.binary(.add), .unary(.sigmoid))
        case .fuseAddTanh: chain(.binary(.add), .unary(.tanh))
        case .fuseAddHSwish: chain(.binary(.add), .unary(.hardSwish))
        case .fuseMulAdd3:
            let product = emit(.binary(.multiply), Array(data.prefix(2)), path: path)
            emit(.binary(.add), [product, data[2]], path: path, as: output)
        case .silu: emit(.binary(.multiply), data + [emit(.unary(.sigmoid), data, path: path)], path: path, as: output)
        case .square: emit(.binary(.multiply), data + data, path: path, as: output)
        case .relu6: activate(data[0], .clip(lower: 0, upper: 6), path: path, as: output)
        default: emit(.module(ModuleOperator(.elemwise(mode))), data, path: path, as: output)
        }
    }
}

extension ElemwiseMode {
    /// The operator that computes it; `nil` when there is none.
    fileprivate var singleOperator: Operator? {
        switch self {
        case .relu: .unary(.relu)
        case .abs: .unary(.absolute)
        case .ceil: .unary(.ceil)
        case .exp: .unary(.exp)
        case .floor: .unary(.floor)
        case .log: .unary(.log)
        case .negate: .unary(.negate)
        case .sigmoid: .unary(.sigmoid)
        case .tanh: .unary(.tanh)
        case .erf: .unary(.erf)
        case .hSwish: .unary(.hardSwish)
        case .softplus: .unary(.softplus)
        case .sqrt: .unary(.sqrt)
        case .gelu: .unary(.gelu(tanhApproximation: false))
        case .hSigmoid: .unary(.hardSigmoid(alpha: 1 / 6, beta: 0.5))
        case .add: .binary(.add)
        case .sub: .binary(.subtract)
        case .mul: .binary(.multiply)
        case .trueDiv: .binary(.divide)
        case .pow: .binary(.power)
        case .min: .variadic(.minimum)
        case .max: .variadic(.maximum)
        default: nil
        }
    }
}

extension ModuleKind {
    /// What ends the module.
    var activation: ModuleActivation {
        if case .batchMatMulActivation(let hasRelu) = self { return hasRelu ? .relu : .identity }
        return fusion?.activation ?? .identity
    }
}
