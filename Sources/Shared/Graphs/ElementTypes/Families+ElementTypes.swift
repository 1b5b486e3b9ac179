internal import Tensors

extension UnaryFunction {
    var elementTypes: OperatorTypes {
        switch self {
        case .absolute, .erf: OperatorTypes(.numbers)
        case .negate, .relu: OperatorTypes(.of(ElementTypes.signedNumbers))
        case .leakyRelu, .elu, .sigmoid, .hardSigmoid, .hardSwish, .tanh, .exp, .log, .sqrt, .reciprocal, .softplus,
            .floor, .ceil, .round, .gelu:
            OperatorTypes(.floats)
        }
    }
}

extension BinaryFunction {
    var elementTypes: OperatorTypes {
        switch self {
        case .power: OperatorTypes(.of(ElementTypes.floats.union([.int32, .int64])), .numbers)
        case .parametricRelu: OperatorTypes(.wideNumbers, .same(as: 0))
        case .add, .subtract, .multiply, .divide: OperatorTypes(.numbers, .same(as: 0))
        }
    }
}

extension ReductionFunction {
    /// The types of the data.
    var elementTypes: InputTypes {
        switch self {
        case .minimum, .maximum: .any
        case .mean, .sum, .l2Norm, .sumOfSquares, .l1Norm, .product, .logarithmOfSum, .logarithmOfSumOfExponentials:
            .wideNumbers
        }
    }
}

extension LogicOperator {
    var elementTypes: OperatorTypes {
        switch self {
        case .compare: OperatorTypes(.any, .same(as: 0))
        case .connect, .not: OperatorTypes(.truth, .truth)
        case .combineBits, .complement: OperatorTypes(.of(ElementTypes.integers), .same(as: 0))
        case .shiftBits: OperatorTypes(.of(ElementTypes.unsignedIntegers), .same(as: 0))
        case .isInfinite, .isNaN: OperatorTypes(.floats)
        case .select: OperatorTypes(.truth, .any, .same(as: 1))
        }
    }
}

extension ArrangementOperator {
    var elementTypes: OperatorTypes {
        switch self {
        case .tile, .triangle, .reverseSequence, .centerCropOrPad: OperatorTypes(.any, .indices)
        case .depthToSpace, .spaceToDepth, .identityMatrix, .size, .castLike: OperatorTypes()
        case .range: OperatorTypes(.numbers, .same(as: 0), .same(as: 0))
        case .oneHot: OperatorTypes(.numbers, .numbers, .any)
        }
    }
}

extension SelectionOperator {
    var elementTypes: OperatorTypes {
        switch self {
        case .gatherElements, .gatherND: OperatorTypes(.any, .indices)
        case .scatterElements(_, let reduction), .scatterND(let reduction):
            OperatorTypes(reduction == .replace ? .any : .numbers, .indices, .same(as: 0))
        case .compress: OperatorTypes(.any, .truth)
        case .nonZero, .unique: OperatorTypes()
        }
    }
}

extension RankingOperator {
    var elementTypes: OperatorTypes {
        switch self {
        case .extremePosition: OperatorTypes(.numbers)
        case .top: OperatorTypes(.numbers, .indices)
        case .cumulative: OperatorTypes(.wideNumbers, .indices)
        }
    }
}

extension VisionOperator {
    var elementTypes: OperatorTypes {
        switch self {
        case .gridSample, .maximumRegionPool: OperatorTypes(.floats, .floats)
        case .affineGrid: OperatorTypes(.floats, .indices)
        case .regionAlign: OperatorTypes(.floats, .floats, .indices)
        case .columnsToImage: OperatorTypes(.floats, .indices, .indices)
        case .deformableConvolution: OperatorTypes(.floats, following: [.floats])
        case .nonMaximumSuppression: OperatorTypes(.floats, .floats, .indices, .floats, .floats)
        }
    }
}

extension SignalOperator {
    var elementTypes: OperatorTypes {
        switch self {
        case .window: OperatorTypes(.indices)
        case .fourierTransform: OperatorTypes(.floats, .indices, .indices)
        case .shortTimeFourierTransform: OperatorTypes(.floats, .indices, .floats, .indices)
        case .melWeights: OperatorTypes(.indices, .indices, .indices, .floats, .floats)
        }
    }
}

extension AlgebraOperator {
    var elementTypes: OperatorTypes {
        switch self {
        case .einsum: OperatorTypes(.numbers, following: [.same(as: -1)])
        case .determinant: OperatorTypes(.floats)
        case .remainder: OperatorTypes(.numbers, .same(as: 0))
        }
    }
}

extension IntegerOperator {
    var elementTypes: OperatorTypes {
        switch self {
        case .convolution, .matMul: OperatorTypes(.bytes, .bytes, .same(as: 0), .same(as: 1))
        case .requantizedConvolution, .requantizedMatMul:
            OperatorTypes(
                .bytes, .scales, .same(as: 0), .bytes, .scales, .same(as: 3), .scales, .bytes, .of([.int32]))
        case .quantizeByRange: OperatorTypes(.of([.float32]))
        }
    }
}

extension QuantizedOperator {
    var elementTypes: OperatorTypes {
        let scale = InputTypes.of([.float32])
        return switch self {
        case .binary:
            OperatorTypes(.bytes, scale, .same(as: 0), .same(as: 0), scale, .same(as: 3), scale, .same(as: 0))
        // One triple of integers, scale and zero point after the other.
        case .concat: OperatorTypes(scale, .same(as: 2), following: [.bytes, scale, .same(as: 0)])
        case .averagePool, .globalAveragePool, .leakyRelu, .sigmoid, .softmax:
            OperatorTypes(.bytes, scale, .same(as: 0), scale, .same(as: 0))
        }
    }
}

extension ControlOperator {
    /// What the graphs inside read from outside has the types that they say.
    var elementTypes: OperatorTypes {
        switch self {
        case .conditional: OperatorTypes(.truth)
        case .loop: OperatorTypes(.of([.int64]), .truth)
        case .scan: OperatorTypes()
        }
    }
}
