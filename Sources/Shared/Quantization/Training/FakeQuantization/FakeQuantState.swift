internal import Foundation
public import Tensors

/// A fake quantizer of one module: its recipe, its parameters, and whether it rounds.
public struct FakeQuantState: Sendable, Hashable {
    /// The recipe.
    public let specification: FakeQuantSpecification
    /// Whether it rounds; otherwise values pass unchanged.
    public var isEnabled = true
    /// What is trained.
    ///
    /// The logarithm of the scale to base 2, 0 at first (`tqt`), or the step, 1 at first (`lsq`). `fakeQuantize` has nothing.
    public var parameter: Float
    /// `lsq`: the integer that stands for zero.
    public private(set) var zeroPoint: Float = 0
    /// `lsq`: what the step's gradient is multiplied by.
    public var gradientScale: Float = 1
    /// `lsq`: whether there is a zero point.
    private var mode: QuantMode

    /// Makes a fresh fake quantizer.
    public init(_ specification: FakeQuantSpecification) {
        self.specification = specification
        parameter = specification.algorithm == .lsq ? 1 : 0
        mode = specification.dtype.isUnsigned ? .asymmetric : .symmetric
    }

    /// Makes one from the tensors of a state dictionary, in the order of `FakeQuantSpecification.stateKeys`.
    public init(_ specification: FakeQuantSpecification, tensors: [Tensor]) throws(ObserverError) {
        self.init(specification)
        let keys = specification.stateKeys
        guard tensors.count == keys.count else { throw .stateCount(tensors.count, expected: keys) }
        var values: [Float] = []
        for (key, tensor) in zip(keys, tensors) { values.append(try StateTensor.scalar(tensor, key: key)) }
        switch specification.algorithm {
        case .fakeQuantize: break
        case .tqt: parameter = values[0]
        case .lsq:
            (parameter, zeroPoint, gradientScale) = (values[0], values[1], values[2])
            guard zeroPoint == zeroPoint.rounded() else { throw .stateValue("zero_point", zeroPoint) }
            if zeroPoint != 0 { mode = .asymmetric }
        }
    }

    /// The tensors of a state dictionary, float32 [1] each, in the order of `FakeQuantSpecification.stateKeys`.
    public var tensors: [Tensor] {
        switch specification.algorithm {
        case .fakeQuantize: []
        case .tqt: [StateTensor.scalar(parameter)]
        case .lsq: [parameter, zeroPoint, gradientScale].map { StateTensor.scalar($0) }
        }
    }

    /// Its own scale and zero point; `nil` for `fakeQuantize`, which has those of the observer.
    ///
    /// There is a zero point in asymmetric mode only, so that trained models of signed integers can be converted.
    public var quantParameters: QParams? {
        let dtype = specification.dtype
        let scale = FakeQuantizer(specification, parameter: parameter).scale
        switch specification.algorithm {
        case .fakeQuantize: return nil
        case .tqt: return QParams(dtype, scale: scale)
        case .lsq:
            guard mode == .asymmetric else { return QParams(dtype, scale: scale) }
            return QParams(dtype, scale: scale, zeroPoint: Int32(exactly: zeroPoint) ?? 0)
        }
    }

    /// Begins from a scale that was observed or trained before.
    ///
    /// `tqt`: the parameter becomes log2(scale). `lsq`: the step becomes scale - epsilon, at least 0, and mode and zero point are taken over.
    ///
    /// - Parameters:
    ///   - parameters: Scale and zero point.
    ///   - gradientScale: That of the fake quantizer the parameters come from, if it is an `lsq`.
    /// - Throws: For `fakeQuantize`, for a scale that is not positive, for asymmetric parameters given to `tqt`.
    public mutating func setQuantParameters(
        _ parameters: QParams, gradientScale: Float? = nil
    ) throws(ObserverError) {
        guard parameters.scale > 0, parameters.scale.isFinite else { throw .scale(parameters.scale) }
        switch specification.algorithm {
        case .fakeQuantize: throw .noOwnParameters
        case .tqt:
            guard parameters.mode == .symmetric else { throw .symmetricOnly }
            parameter = Float(log2(Double(parameters.scale)))
        case .lsq:
            parameter = max(parameters.scale - specification.epsilon, 0)
            mode = parameters.mode
            zeroPoint = parameters.mode == .asymmetric ? Float(parameters.zeroPoint ?? 0) : 0
            if let gradientScale { self.gradientScale = gradientScale }
        }
    }

    /// The scale and zero point that it rounds with: its own, otherwise those observed.
    ///
    /// - Throws: When `fakeQuantize` gets no observed parameters or those of another kind of integers.
    public func effectiveParameters(observed: QParams?) throws(ObserverError) -> QParams {
        if let own = quantParameters { return own }
        guard let observed else { throw .nothingSet }
        guard observed.dtype == specification.dtype else {
            throw .dtype(observed.dtype, expected: specification.dtype)
        }
        return observed
    }

    /// The function that rounds one number.
    ///
    /// - Throws: As `effectiveParameters` does.
    public func quantizer(observed: QParams?) throws(ObserverError) -> FakeQuantizer {
        let parameters = try effectiveParameters(observed: observed)
        let isOwn = specification.algorithm != .fakeQuantize
        return FakeQuantizer(
            specification, parameter: isOwn ? parameter : parameters.scale,
            zeroPoint: Float(parameters.zeroPoint ?? 0))
    }
}
