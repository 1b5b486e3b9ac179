import Graphs
import Tensors

/// How a node is called on the device: the operator's name and its arguments, as PyTorch's operator library has them.
///
/// ONNX and that library cut operators alike in most places; where they do not, the nearest name is taken, and what ONNX keeps in
/// attributes or constant inputs becomes plain arguments.
struct OperatorSignatures {
    /// The node.
    let node: Node
    /// The tensor behind a name.
    let value: (String) -> Tensor?

    /// The call.
    var call: OperatorCall {
        switch node.op {
        case .convolution(let attributes): convolution(attributes, transposed: false, outputPadding: [])
        case .transposedConvolution(let attributes):
            convolution(attributes.convolution, transposed: true, outputPadding: attributes.outputPadding)
        case .mlu(let op): module(op)
        case .matMul, .gemm: product
        case .averagePool, .maxPool, .globalAveragePool, .globalMaxPool: pooling
        case .batchNormalization, .layerNormalization, .localResponseNormalization, .softmax, .logSoftmax:
            normalization
        case .unary(let function): unary(function)
        case .binary, .variadic, .clip, .cast, .dropout, .identity: elementwise
        case .reduce(let attributes): reduction(attributes)
        case .lstm, .gru, .rnn: recurrent
        case .quantizeLinear: quantization("quantize")
        case .dequantizeLinear: quantization("dequantize")
        default: movement
        }
    }

    // MARK: Families

    private func convolution(
        _ attributes: ConvolutionAttributes, transposed: Bool, outputPadding: [Int]
    ) -> OperatorCall {
        let rank = max((tensorOf(1)?.shape.rank ?? 2) - 2, 0)
        return OperatorCall(
            name: "convolution_overrideable",
            arguments: [("input", tensor(0)), ("weight", tensor(1)), ("bias", tensor(2))]
                + window(attributes, rank: rank)
                + [
                    ("transposed", .plain(.boolean(transposed))),
                    ("output_padding", integers(outputPadding, rank: rank, missing: 0)),
                    ("groups", integer(attributes.groups)),
                ])
    }

    private func window(_ attributes: ConvolutionAttributes, rank: Int) -> [(name: String, value: OperatorValue)] {
        var padding: [Int] = []
        if case .explicit(let before, _) = attributes.padding { padding = before }
        return [
            ("stride", integers(attributes.strides, rank: rank, missing: 1)),
            ("padding", integers(padding, rank: rank, missing: 0)),
            ("dilation", integers(attributes.dilations, rank: rank, missing: 1)),
        ]
    }

    private func module(_ op: MLUOperator) -> OperatorCall {
        let parameters: [(name: String, value: OperatorValue)] = [
            ("input", tensor(0)), ("weight", tensor(1)), ("bias", tensor(2)),
            ("q_scale", tensor(MLUInput.scale.rawValue)), ("q_mode", tensor(MLUInput.quantizedMode.rawValue)),
        ]
        switch op {
        case .linear: return OperatorCall(name: "quantify_linear", arguments: parameters)
        case .convolution(let attributes):
            let rank = max((tensorOf(1)?.shape.rank ?? 2) - 2, 0)
            var arguments = parameters + window(attributes, rank: rank) + [("groups", integer(attributes.groups))]
            if node.input(.inputMean) != nil {
                arguments += [
                    ("mean", tensor(MLUInput.inputMean.rawValue)), ("std", tensor(MLUInput.inputStd.rawValue)),
                ]
            }
            return OperatorCall(name: "quantify_conv", arguments: arguments)
        }
    }

    private var product: OperatorCall {
        if case .gemm(let attributes) = node.op {
            return OperatorCall(
                name: node.input(2) == nil ? "mm" : "addmm",
                arguments: [
                    ("self", tensor(2)), ("mat1", tensor(0)), ("mat2", tensor(1)), ("beta", real(attributes.beta)),
                    ("alpha", real(attributes.alpha)),
                ])
        }
        let ranks = [tensorOf(0)?.shape.rank, tensorOf(1)?.shape.rank]
        let name = ranks == [2, 2] ? "mm" : ranks == [3, 3] ? "bmm" : "matmul"
        return OperatorCall(name: name, arguments: [("self", tensor(0)), ("mat2", tensor(1))])
    }

    private var pooling: OperatorCall {
        switch node.op {
        case .averagePool(let attributes):
            OperatorCall(
                name: "avg_pool\(attributes.kernelShape.count)d",
                arguments: pool(attributes)
                    + [("count_include_pad", .plain(.boolean(attributes.countIncludesPadding)))])
        case .maxPool(let attributes):
            OperatorCall(
                name: "max_pool\(attributes.kernelShape.count)d_with_indices",
                arguments: pool(attributes)
                    + [("dilation", integers(attributes.dilations, rank: attributes.kernelShape.count, missing: 1))])
        case .globalAveragePool: OperatorCall(name: "adaptive_avg_pool2d", arguments: globalPool)
        default: OperatorCall(name: "adaptive_max_pool2d", arguments: globalPool)
        }
    }

    private var globalPool: [(name: String, value: OperatorValue)] {
        let rank = max((tensorOf(0)?.shape.rank ?? 2) - 2, 0)
        return [("self", tensor(0)), ("output_size", integers([], rank: rank, missing: 1))]
    }

    private func pool(_ attributes: PoolingAttributes) -> [(name: String, value: OperatorValue)] {
        let rank = attributes.kernelShape.count
        var padding: [Int] = []
        if case .explicit(let before, _) = attributes.padding { padding = before }
        return [
            ("self", tensor(0)), ("kernel_size", integers(attributes.kernelShape, rank: rank, missing: 1)),
            ("stride", integers(attributes.strides, rank: rank, missing: 1)),
            ("padding", integers(padding, rank: rank, missing: 0)),
            ("ceil_mode", .plain(.boolean(attributes.ceilMode))),
        ]
    }

    private var normalization: OperatorCall {
        switch node.op {
        case .batchNormalization(let attributes):
            OperatorCall(
                name: "native_batch_norm",
                arguments: [
                    ("input", tensor(0)), ("weight", tensor(1)), ("bias", tensor(2)), ("running_mean", tensor(3)),
                    ("running_var", tensor(4)), ("training", .plain(.boolean(attributes.trainingMode))),
                    ("momentum", .plain(.real(Double(1 - attributes.momentum)))),
                    ("eps", .plain(.real(Double(attributes.epsilon)))),
                ])
        case .layerNormalization(let attributes):
            OperatorCall(
                name: "native_layer_norm",
                arguments: [
                    ("input", tensor(0)), ("weight", tensor(1)), ("bias", tensor(2)),
                    ("eps", .plain(.real(Double(attributes.epsilon)))),
                ])
        case .softmax(let axis):
            OperatorCall(name: "_softmax", arguments: [("self", tensor(0)), ("dim", integer(axis))])
        case .logSoftmax(let axis):
            OperatorCall(name: "_log_softmax", arguments: [("self", tensor(0)), ("dim", integer(axis))])
        default: OperatorCall(name: "local_response_norm", arguments: [("self", tensor(0))])
        }
    }

    private func unary(_ function: UnaryFunction) -> OperatorCall {
        let names: [String: String] = [
            "Abs": "abs", "Neg": "neg", "LeakyRelu": "leaky_relu", "HardSigmoid": "hardsigmoid",
            "HardSwish": "hardswish",
        ]
        var arguments: [(name: String, value: OperatorValue)] = [("self", tensor(0))]
        switch function {
        case .leakyRelu(let slope): arguments.append(("negative_slope", real(slope)))
        case .elu(let alpha): arguments.append(("alpha", real(alpha)))
        case .gelu(let approximation): arguments.append(("approximate", .text(approximation ? "tanh" : "none")))
        default: break
        }
        return OperatorCall(name: names[function.name] ?? function.name.lowercased(), arguments: arguments)
    }

    private var elementwise: OperatorCall {
        let pair: [(name: String, value: OperatorValue)] = [("self", tensor(0)), ("other", tensor(1))]
        let alpha: [(name: String, value: OperatorValue)] = [("alpha", .scalar(.integer(1)))]
        switch node.op {
        case .binary(.add): return OperatorCall(name: "add", arguments: pair + alpha)
        case .binary(.subtract): return OperatorCall(name: "sub", arguments: pair + alpha)
        case .binary(.multiply): return OperatorCall(name: "mul", arguments: pair)
        case .binary(.divide): return OperatorCall(name: "div", arguments: pair)
        case .binary(.power):
            return OperatorCall(name: "pow", arguments: [("self", tensor(0)), ("exponent", tensor(1))])
        case .binary(.parametricRelu):
            return OperatorCall(name: "prelu", arguments: [("self", tensor(0)), ("weight", tensor(1))])
        case .variadic(let function):
            let names: [VariadicFunction: String] = [
                .sum: "sum", .mean: "mean", .minimum: "minimum", .maximum: "maximum",
            ]
            return OperatorCall(name: names[function] ?? function.rawValue, arguments: [("tensors", tensors)])
        case .clip:
            return OperatorCall(
                name: "clamp", arguments: [("self", tensor(0)), ("min", optional(1)), ("max", optional(2))])
        case .cast(let attributes):
            return OperatorCall(
                name: "to", arguments: [("self", tensor(0)), ("dtype", .text(attributes.elementType.rawValue))])
        case .dropout: return OperatorCall(name: "dropout", arguments: [("input", tensor(0))])
        default: return OperatorCall(name: "alias", arguments: [("self", tensor(0))])
        }
    }

    private func reduction(_ attributes: ReductionAttributes) -> OperatorCall {
        let names = [
            "ReduceMean": "mean", "ReduceSum": "sum", "ReduceMin": "amin", "ReduceMax": "amax", "ReduceL2": "norm",
        ]
        return OperatorCall(
            name: names[node.op.name] ?? node.op.name.lowercased(),
            arguments: [
                ("self", tensor(0)), ("dim", list(1)), ("keepdim", .plain(.boolean(attributes.keepsAxes))),
            ])
    }

    private var recurrent: OperatorCall {
        let names = ["input", "weight_ih", "weight_hh", "bias", "lengths", "hx", "cx", "peepholes"]
        return OperatorCall(
            name: node.op.name.lowercased(),
            arguments: node.inputs.indices.filter { node.input($0) != nil }.map { (names[$0], tensor($0)) })
    }

    private func quantization(_ name: String) -> OperatorCall {
        OperatorCall(
            name: name, arguments: [("self", tensor(0)), ("scale", tensor(1)), ("zero_point", tensor(2))])
    }

    private var movement: OperatorCall {
        let data: [(name: String, value: OperatorValue)] = [("self", tensor(0))]
        switch node.op {
        case .reshape: return OperatorCall(name: "view", arguments: data + [("size", list(1))])
        case .flatten(let axis): return OperatorCall(name: "flatten", arguments: data + [("start_dim", integer(axis))])
        case .transpose(let permutation):
            let dimensions = permutation ?? Array((0..<(tensorOf(0)?.shape.rank ?? 0)).reversed())
            return OperatorCall(name: "permute", arguments: data + [("dims", integers(dimensions))])
        case .squeeze: return OperatorCall(name: "squeeze", arguments: data + [("dim", list(1))])
        case .unsqueeze: return OperatorCall(name: "unsqueeze", arguments: data + [("dim", list(1))])
        case .expand: return OperatorCall(name: "expand", arguments: data + [("size", list(1))])
        case .concat(let axis):
            return OperatorCall(name: "cat", arguments: [("tensors", tensors), ("dim", integer(axis))])
        case .split(let axis, _):
            return OperatorCall(
                name: "split_with_sizes", arguments: data + [("split_sizes", list(1)), ("dim", integer(axis))])
        case .slice:
            return OperatorCall(
                name: "slice",
                arguments: data + [("dim", list(3)), ("start", list(1)), ("end", list(2)), ("step", list(4))])
        case .pad:
            return OperatorCall(name: "constant_pad_nd", arguments: data + [("pad", list(1)), ("value", optional(2))])
        case .gather(let axis):
            let isScalar = tensorOf(1)?.shape.rank == 0
            return OperatorCall(
                name: isScalar ? "select" : "index_select",
                arguments: data + [("dim", integer(axis)), isScalar ? ("index", list(1)) : ("index", tensor(1))])
        case .constantOfShape(let value):
            return OperatorCall(name: "full", arguments: [("size", list(0)), ("fill_value", .tensor(value))])
        case .resize: return OperatorCall(name: "upsample", arguments: data)
        default:
            let inputs = node.inputs.indices.map { (name: "input\($0)", value: tensor($0)) }
            return OperatorCall(name: node.op.name.lowercased(), arguments: inputs)
        }
    }

    // MARK: Values

    private func tensorOf(_ input: Int) -> Tensor? {
        node.input(input).flatMap(value)
    }

    private func tensor(_ input: Int) -> OperatorValue {
        tensorOf(input).map(OperatorValue.tensor) ?? .undefinedTensor
    }

    private var tensors: OperatorValue {
        .sequence(.tensorList, node.inputs.indices.map(tensor))
    }

    private func optional(_ input: Int) -> OperatorValue {
        .optional(tensorOf(input).map { .tensor($0) })
    }

    private func integer(_ value: Int) -> OperatorValue { .plain(.integer(Int64(value))) }

    private func real(_ value: Float) -> OperatorValue { .scalar(.real(Double(value))) }

    private func integers(_ values: [Int]) -> OperatorValue {
        .sequence(.list, values.map { .plain(.integer(Int64($0))) })
    }

    private func integers(_ values: [Int], rank: Int, missing: Int) -> OperatorValue {
        integers(values.isEmpty ? [Int](repeating: missing, count: rank) : values)
    }

    /// An integer input as a list; a scalar as a number, an absent one as nothing.
    private func list(_ input: Int) -> OperatorValue {
        guard let tensor = tensorOf(input) else { return .optional(nil) }
        guard tensor.elementType == .int64 else { return .tensor(tensor) }
        let values = tensor.elements(as: Int64.self)
        if tensor.shape.rank == 0, let first = values.first { return .plain(.integer(first)) }
        return integers(values.map { Int($0) })
    }
}
