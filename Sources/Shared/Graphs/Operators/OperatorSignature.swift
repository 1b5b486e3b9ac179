internal import Quantization

/// How many values an operator reads and writes.
public struct OperatorSignature: Hashable, Sendable {
    /// The first inputs, which must be present.
    public let requiredInputs: Int
    /// The most inputs there can be; `nil` means any number.
    public let maximumInputs: Int?
    /// The most outputs there can be; `nil` means any number.
    public let maximumOutputs: Int?

    init(_ requiredInputs: Int, upTo maximumInputs: Int?, outputs maximumOutputs: Int? = 1) {
        self.requiredInputs = requiredInputs
        self.maximumInputs = maximumInputs
        self.maximumOutputs = maximumOutputs
    }

    init(inputs: Int, outputs: Int? = 1) {
        self.init(inputs, upTo: inputs, outputs: outputs)
    }
}

extension Operator {
    /// How many inputs and outputs the operator has.
    public var signature: OperatorSignature {
        switch self {
        case .convolution, .transposedConvolution: OperatorSignature(2, upTo: 3)
        case .matMul: OperatorSignature(inputs: 2)
        case .gemm: OperatorSignature(2, upTo: 3)
        case .averagePool, .globalAveragePool, .globalMaxPool: OperatorSignature(inputs: 1)
        case .maxPool: OperatorSignature(inputs: 1, outputs: 2)
        case .batchNormalization(let attributes):
            OperatorSignature(inputs: 5, outputs: attributes.trainingMode ? 3 : 1)
        case .layerNormalization: OperatorSignature(2, upTo: 3, outputs: 3)
        case .localResponseNormalization, .softmax, .logSoftmax: OperatorSignature(inputs: 1)
        case .unary, .element, .cast, .identity: OperatorSignature(inputs: 1)
        case .binary: OperatorSignature(inputs: 2)
        case .variadic: OperatorSignature(1, upTo: nil)
        case .clip: OperatorSignature(1, upTo: 3)
        case .dropout: OperatorSignature(1, upTo: 2, outputs: 2)
        case .logic(let op): op.signature
        case .arrangement(let op): op.signature
        case .selection(let op): op.signature
        case .ranking(let op): op.signature
        case .vision(let op): op.signature
        case .signal(let op): op.signature
        case .normalization(let op): op.signature
        case .algebra(let op): op.signature
        case .pooling(let op): op.signature
        case .loss(let op): op.signature
        case .integer(let op): op.signature
        case .quantized(let op): op.signature
        case .reduce: OperatorSignature(1, upTo: 2)
        case .reshape, .unsqueeze, .expand: OperatorSignature(inputs: 2)
        case .flatten, .transpose: OperatorSignature(inputs: 1)
        case .squeeze: OperatorSignature(1, upTo: 2)
        case .concat: OperatorSignature(1, upTo: nil)
        case .split: OperatorSignature(1, upTo: 2, outputs: nil)
        case .slice: OperatorSignature(3, upTo: 5)
        case .pad: OperatorSignature(2, upTo: 4)
        case .gather: OperatorSignature(inputs: 2)
        case .shape, .constantOfShape: OperatorSignature(inputs: 1)
        case .resize: OperatorSignature(1, upTo: 4)
        case .lstm: OperatorSignature(3, upTo: 8, outputs: 3)
        case .gru, .rnn: OperatorSignature(3, upTo: 6, outputs: 2)
        case .control(let op): op.signature
        case .quantizeLinear, .dequantizeLinear: OperatorSignature(2, upTo: 3)
        case .mlu: OperatorSignature(2, upTo: MLUInput.allCases.count)
        case .module(let module): OperatorSignature(module.kind.dataCount, upTo: module.inputCount)
        case .fakeQuantize: OperatorSignature(2, upTo: 4)
        case .observe(let attributes):
            OperatorSignature(inputs: 1 + attributes.specification.stateKeys.count, outputs: 4)
        }
    }
}
