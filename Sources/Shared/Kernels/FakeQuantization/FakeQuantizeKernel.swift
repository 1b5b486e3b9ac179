internal import CKernels
public import Quantization
public import Tensors

/// Fake quantization of whole tensors, forward and backward, with one parameter or one for each entry of an axis.
///
/// The results are those of `FakeQuantizer`, to the bit, whatever the instructions. Nothing is allocated per element.
public struct FakeQuantizeKernel: Sendable {
    /// One for the whole tensor, or one for each channel of `layout`.
    public let quantizers: [FakeQuantizer]
    /// Where the elements of each channel lie.
    public let layout: ChannelLayout
    private let variant: StatisticsVariant

    /// Makes a kernel.
    ///
    /// - Parameters:
    ///   - quantizers: One for each channel of `layout`.
    ///   - layout: Where the elements of each channel lie.
    ///   - variant: The instructions to use.
    /// - Precondition: There are as many quantizers as channels, and the machine can run the variant.
    public init(_ quantizers: [FakeQuantizer], layout: ChannelLayout, variant: StatisticsVariant = .fastest) {
        precondition(quantizers.count == layout.channelCount, "\(quantizers.count) of \(layout.channelCount) channels")
        precondition(variant.isSupported, "This machine cannot run \(variant)")
        self.quantizers = quantizers
        self.layout = layout
        self.variant = variant
    }

    /// Makes a kernel from the inputs of a `fakeQuantize` node.
    ///
    /// - Parameters:
    ///   - specification: What rounds, and to which integers.
    ///   - shape: That of the tensor to round.
    ///   - parameter: float32, broadcasts to `shape` and varies along one axis at most.
    ///   - zeroPoint: float32 with integer elements, likewise; `nil` is 0.
    ///   - variant: The instructions to use.
    /// - Throws: When types or shapes do not fit, or a resulting scale is not positive and finite.
    public init(
        _ specification: FakeQuantSpecification, shape: Shape, parameter: Tensor, zeroPoint: Tensor?,
        variant: StatisticsVariant = .fastest
    ) throws(KernelError) {
        var axis: Int?
        for (index, tensor) in [parameter, zeroPoint].enumerated() {
            guard let tensor else { continue }
            guard tensor.elementType == .float32 else {
                throw .unsupportedElementType(input: index + 1, type: tensor.elementType.rawValue)
            }
            guard let own = try Self.axis(of: tensor.shape, in: shape) else { continue }
            guard axis == nil || axis == own else {
                throw .shapeMismatch(
                    "the parameter \(parameter.shape) and the zero point \(tensor.shape) vary along two axes")
            }
            axis = own
        }
        guard let layout = ChannelLayout(shape: shape, axis: axis) else {
            throw .shapeMismatch("\(shape) has no axis \(axis ?? 0)")
        }
        let parameters = parameter.elements(as: Float.self)
        let zeroPoints = zeroPoint?.elements(as: Float.self) ?? [0]
        var quantizers: [FakeQuantizer] = []
        for channel in 0..<layout.channelCount {
            let quantizer = FakeQuantizer(
                specification, parameter: parameters[parameters.count == 1 ? 0 : channel],
                zeroPoint: zeroPoints[zeroPoints.count == 1 ? 0 : channel])
            guard quantizer.scale > 0, quantizer.scale.isFinite else {
                throw .invalidArgument("the scale \(quantizer.scale) is not positive and finite")
            }
            guard quantizer.zeroPoint == quantizer.zeroPoint.rounded() else {
                throw .invalidArgument("the zero point \(quantizer.zeroPoint) is no integer")
            }
            quantizers.append(quantizer)
        }
        self.init(quantizers, layout: layout, variant: variant)
    }

    /// Rounds a tensor.
    ///
    /// - Precondition: Its elements are `float32`, as many as those of the layout.
    public func rounded(_ tensor: Tensor) -> Tensor {
        var result = Tensor(zeros: tensor.shape, elementType: .float32)
        tensor.withElements(as: Float.self) { (elements: Span<Float>) in
            result.withMutableElements(as: Float.self) { forward(elements, into: &$0) }
        }
        return result
    }

    /// Rounds `elements`; as many results, which lie elsewhere.
    public func forward(_ elements: Span<Float>, into results: inout MutableSpan<Float>) {
        precondition(elements.count == elementCount && results.count == elementCount, "Not \(elementCount) elements")
        unsafe elements.withUnsafeBufferPointer { source in
            unsafe results.withUnsafeMutableBufferPointer { target in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                layout.forEachRun { channel, run in
                    var quantizer = quantizers[channel].kernel
                    unsafe tare_fake_quantize(
                        variant.kernel, &quantizer, from + run.lowerBound, run.count, to + run.lowerBound)
                }
            }
        }
    }

    /// Writes the gradients of `elements`, and returns those of the parameters, one for each quantizer.
    ///
    /// A parameter's gradient is `parameterFactor` times the sum of the terms of its runs of consecutive elements, in memory order, all
    /// in `Double`. Within a run, terms i, i + 8, i + 16, ... are added to the i-th of eight sums, and these are added in order.
    /// Whoever trains LSQ multiplies it by its gradient scale.
    public func backward(
        _ elements: Span<Float>, upstream: Span<Float>, into results: inout MutableSpan<Float>
    ) -> [Double] {
        precondition(
            elements.count == elementCount && upstream.count == elementCount && results.count == elementCount,
            "Not \(elementCount) elements")
        var sums = [Double](repeating: 0, count: quantizers.count)
        unsafe elements.withUnsafeBufferPointer { source in
            unsafe upstream.withUnsafeBufferPointer { gradients in
                unsafe results.withUnsafeMutableBufferPointer { target in
                    guard let from = source.baseAddress, let above = gradients.baseAddress,
                        let to = target.baseAddress
                    else { return }
                    layout.forEachRun { channel, run in
                        var quantizer = quantizers[channel].kernel
                        sums[channel] += unsafe tare_fake_quantize_gradient(
                            variant.kernel, &quantizer, from + run.lowerBound, above + run.lowerBound, run.count,
                            to + run.lowerBound)
                    }
                }
            }
        }
        return zip(sums, quantizers).map { $0 * $1.parameterFactor }
    }

    private var elementCount: Int { layout.outerCount * layout.channelCount * layout.innerCount }

    /// The axis of `shape` that a tensor varies along when it is broadcast; `nil` for a single element.
    private static func axis(of own: Shape, in shape: Shape) throws(KernelError) -> Int? {
        let axes = own.dimensions.indices.filter { own[$0] != 1 }
        let lead = shape.rank - own.rank
        guard lead >= 0, axes.allSatisfy({ shape[$0 + lead] == own[$0] }), axes.count <= 1 else {
            throw .shapeMismatch(
                "a parameter \(own) is neither one number nor one for each entry of an axis of \(shape)")
        }
        return axes.first.map { $0 + lead }
    }
}

extension FakeQuantizer {
    /// The structure of the C loops.
    fileprivate var kernel: tare_fake_quantizer {
        let algorithm =
            switch algorithm {
            case .fakeQuantize: TARE_FAKE_QUANTIZE
            case .tqt: TARE_FAKE_QUANTIZE_TQT
            case .lsq: TARE_FAKE_QUANTIZE_LSQ
            }
        return tare_fake_quantizer(
            algorithm: algorithm, scale: scale, zero_point: zeroPoint, minimum: minimum, maximum: maximum)
    }
}
