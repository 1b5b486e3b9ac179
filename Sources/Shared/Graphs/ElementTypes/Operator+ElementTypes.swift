internal import Tensors

extension Operator {
    /// Which element types the operator takes.
    public var elementTypes: OperatorTypes {
        switch self {
        case .convolution, .transposedConvolution: OperatorTypes(.floats, .same(as: 0), .same(as: 0))
        case .matMul, .gemm: OperatorTypes(.wideNumbers, .same(as: 0), .same(as: 0))
        case .maxPool, .averagePool, .globalAveragePool, .globalMaxPool:
            OperatorTypes(.of(ElementTypes.floats.union([.int8, .uint8])))
        case .localResponseNormalization, .softmax, .logSoftmax:
            OperatorTypes(.floats)
        case .batchNormalization: OperatorTypes(.floats, following: [.floats])
        case .layerNormalization: OperatorTypes(.floats, .floats, .same(as: 1))
        case .unary(let function): function.elementTypes
        case .binary(let function): function.elementTypes
        case .variadic(.sum), .variadic(.mean): OperatorTypes(.floats, following: [.same(as: -1)])
        case .variadic(.minimum), .variadic(.maximum): OperatorTypes(.numbers, following: [.same(as: -1)])
        case .clip: OperatorTypes(.numbers, .same(as: 0), .same(as: 0))
        case .dropout: OperatorTypes(.floats, .floats)
        case .element(.sign), .element(.shrink): OperatorTypes(.numbers)
        case .element: OperatorTypes(.floats)
        case .logic(let op): op.elementTypes
        case .arrangement(let op): op.elementTypes
        case .selection(let op): op.elementTypes
        case .ranking(let op): op.elementTypes
        case .vision(let op): op.elementTypes
        case .signal(let op): op.elementTypes
        case .normalization: OperatorTypes(.floats, .floats, .floats)
        case .algebra(let op): op.elementTypes
        case .pooling(.inverseOfMaximum): OperatorTypes(.floats, .of([.int64]), .indices)
        case .pooling: OperatorTypes(.floats)
        case .loss: OperatorTypes(.floats, .indices, .same(as: 0))
        case .integer(let op): op.elementTypes
        case .quantized(let op): op.elementTypes
        case .reduce(let attributes): OperatorTypes(attributes.function.elementTypes, .indices)
        case .reshape, .expand: OperatorTypes(.any, .of([.int64]))
        case .squeeze, .unsqueeze, .split, .gather: OperatorTypes(.any, .indices)
        case .slice: OperatorTypes(.any, .indices, .indices, .indices, .indices)
        case .pad: OperatorTypes(.any, .indices, .same(as: 0), .indices)
        case .concat: OperatorTypes(.any, following: [.same(as: -1)])
        case .constantOfShape: OperatorTypes(.of([.int64]))
        case .resize(let attributes):
            OperatorTypes(attributes.mode == .nearest ? .any : .numbers, .floats, .of([.float32]), .indices)
        case .lstm, .gru, .rnn:
            OperatorTypes(
                .floats, .same(as: 0), .same(as: 0), .same(as: 0), .of([.int32]), .same(as: 0), .same(as: 0),
                .same(as: 0))
        case .control(let op): op.elementTypes
        case .quantizeLinear:
            OperatorTypes(.of(ElementTypes.quantizable), .scales, .of(ElementTypes.quantized))
        case .dequantizeLinear: OperatorTypes(.of(ElementTypes.quantized.union([.int32])), .scales, .same(as: 0))
        case .mlu: OperatorTypes(.of([.float32]), .of([.float32]), .of([.float32]))
        // The kinds of modules, and their integers, say what theirs are.
        case .cast, .identity, .flatten, .transpose, .shape, .module, .fakeQuantize, .observe: OperatorTypes()
        }
    }
}
