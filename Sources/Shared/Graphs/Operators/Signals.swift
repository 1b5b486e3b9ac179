public import Tensors

/// Spectra, and the windows and filters that go with them.
public enum SignalOperator: Hashable, Sendable {
    /// Input: the length; a window of so many elements.
    case window(Window, isPeriodic: Bool, elementType: ElementType)
    /// Inputs: signal [..., 1 or 2] of real or complex numbers, length (optional), axis (optional, -2); the discrete Fourier transform along the
    /// axis [..., 2]. One-sided: the first half of the spectrum of real numbers, or the real signal of such a half when inverse.
    case fourierTransform(isInverse: Bool, isOneSided: Bool)
    /// Inputs: signal [N, length, 1 or 2], distance of the frames, window (optional), frame length (optional); [N, frames, bins, 2].
    case shortTimeFourierTransform(isOneSided: Bool)
    /// Inputs: number of bands, length of the transform, sample rate, lowest and highest frequency; [bins, bands].
    case melWeights(elementType: ElementType)

    /// A window's form.
    public enum Window: String, Hashable, Sendable, CaseIterable {
        case hann = "HannWindow"
        case hamming = "HammingWindow"
        case blackman = "BlackmanWindow"
    }
}

extension SignalOperator {
    /// The name of the operator in ONNX.
    var name: String {
        switch self {
        case .window(let window, _, _): window.rawValue
        case .fourierTransform: "DFT"
        case .shortTimeFourierTransform: "STFT"
        case .melWeights: "MelWeightMatrix"
        }
    }

    var signature: OperatorSignature {
        switch self {
        case .window: OperatorSignature(inputs: 1)
        case .fourierTransform: OperatorSignature(1, upTo: 3)
        case .shortTimeFourierTransform: OperatorSignature(2, upTo: 4)
        case .melWeights: OperatorSignature(inputs: 5)
        }
    }
}

extension ShapeRule {
    func signal(_ op: SignalOperator) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        switch op {
        case .window(_, _, let type):
            return [InferredValue(TensorType(elementType: type, dimensions: [extents(0)?.first ?? .unknown]))]
        case .fourierTransform(let isInverse, let isOneSided):
            guard var dimensions = data.type.dimensions else { return outputs(like: data, dimensions: nil) }
            guard optional(2) == nil || integers(2) != nil else {
                return outputs(like: data, dimensions: dimensions.map { _ in .unknown })
            }
            let axis = try self.axis(integers(2)?.first ?? -2, rank: dimensions.count)
            guard axis < dimensions.count - 1 else { throw ShapeRuleError("axis \(axis) holds the parts of numbers") }
            let length = optional(1) == nil ? dimensions[axis].fixedValue : integers(1)?.first
            let isReal = isInverse && isOneSided
            dimensions[dimensions.count - 1] = isReal ? 1 : 2
            if isReal, optional(1) == nil {
                dimensions[axis] = length.map { .fixed(2) * (.fixed($0) - 1) } ?? .unknown
            } else if isOneSided, !isInverse {
                dimensions[axis] = length.map { .fixed($0 / 2 + 1) } ?? .unknown
            } else {
                dimensions[axis] = length.map { .fixed($0) } ?? (optional(1) == nil ? dimensions[axis] : .unknown)
            }
            return outputs(like: data, dimensions: dimensions)
        case .shortTimeFourierTransform(let isOneSided):
            let frame =
                integers(3)?.first ?? (optional(3) == nil ? optional(2)?.type.dimensions?.first?.fixedValue : nil)
            guard let dimensions = data.type.dimensions else { return outputs(like: data, dimensions: nil) }
            var frames = Dimension.unknown
            if let length = dimensions.dropFirst().first?.fixedValue, let frame, let step = integers(1)?.first,
                step > 0, frame > 0, frame <= length
            {
                frames = .fixed((length - frame) / step + 1)
            }
            let bins = frame.map { Dimension.fixed(isOneSided ? $0 / 2 + 1 : $0) } ?? .unknown
            return outputs(like: data, dimensions: [dimensions[0], frames, bins, 2])
        case .melWeights(let type):
            let bins = integers(1)?.first.map { Dimension.fixed($0 / 2 + 1) } ?? .unknown
            return [
                InferredValue(TensorType(elementType: type, dimensions: [bins, extents(0)?.first ?? .unknown]))
            ]
        }
    }
}
