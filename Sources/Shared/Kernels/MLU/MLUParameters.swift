public import Graphs
public import Tensors

/// The checked parameters of a quantized module of the simulated device: everything but its data.
public struct MLUParameters: Sendable {
    /// The scales with which it computes.
    public let scales: MLUScales
    /// float32: [M, C/groups, kernel...], or [M, K] of a linear layer.
    public let weight: Tensor
    /// float32 [M].
    public let bias: Tensor?
    /// Subtracted from each of the C input channels before quantization, with `std`.
    public let mean: [Float]?
    /// Divides after the subtraction.
    public let std: [Float]?

    /// Checks the inputs of a node; `nil` when it has no scale, because it is being calibrated.
    ///
    /// - Parameters:
    ///   - op: The module.
    ///   - inputs: The node's inputs in the order of `MLUInput`; the data is not looked at.
    ///   - arithmetic: What the scales become.
    /// - Throws: `KernelError` that names the parameter that is missing or wrong.
    public init?(_ op: MLUOperator, inputs: [Tensor?], arithmetic: MLUArithmetic) throws(KernelError) {
        let inputs = KernelInputs(tensors: inputs)
        guard let scale = inputs.optional(MLUInput.scale.rawValue) else { return nil }
        guard let mode = inputs.optional(MLUInput.quantizedMode.rawValue) else {
            throw .invalidArgument("the module has a scale but no quantized_mode")
        }
        let weight = try inputs.required(MLUInput.weight.rawValue, types: [.float32])
        guard weight.shape.rank >= 2 else {
            throw .shapeMismatch("the weight \(weight.shape) has fewer than 2 axes")
        }
        let bias = try inputs.optional(MLUInput.bias.rawValue, type: .float32)
        let channelCount = weight.shape[0]
        if let bias, bias.shape.dimensions != [channelCount] {
            throw .shapeMismatch("bias \(bias.shape) does not have \(channelCount) elements, one per output channel")
        }
        let scales = try MLUScales(scale: scale, mode: mode, channelCount: channelCount, arithmetic: arithmetic)
        let products = KernelShapes.count(weight.shape.dimensions[1...])
        guard scales.elementType == .int16 || products <= MLUArithmetic.maximumInt8ProductCount else {
            throw .unsupported(
                "an output sums \(products) products, and int8 accumulators hold "
                    + "\(MLUArithmetic.maximumInt8ProductCount); quantize the module to int16 or leave it float")
        }
        try Self.checkSymmetry(inputs)
        self.scales = scales
        self.weight = weight
        self.bias = bias
        (mean, std) = try Self.normalization(op, inputs, weight)
    }

    private static func checkSymmetry(_ inputs: KernelInputs) throws(KernelError) {
        guard let symmetry = try inputs.optionalIntegers(MLUInput.useSymmetry.rawValue), symmetry != [1] else { return }
        throw .unsupported("use_symmetry is \(symmetry); the device only has symmetric quantization, [1]")
    }

    private static func normalization(
        _ op: MLUOperator, _ inputs: KernelInputs, _ weight: Tensor
    ) throws(KernelError) -> (mean: [Float]?, std: [Float]?) {
        let mean = try inputs.optional(MLUInput.inputMean.rawValue, type: .float32)
        let std = try inputs.optional(MLUInput.inputStd.rawValue, type: .float32)
        guard let mean, let std else {
            guard mean == nil, std == nil else {
                throw .invalidArgument("input_mean and input_std come together, but only one of them is there")
            }
            return (nil, nil)
        }
        guard case .convolution(let attributes) = op else {
            throw .unsupported("input_mean and input_std belong to convolutions only")
        }
        let channels = weight.shape[1] * attributes.groups
        guard mean.elementCount == channels, std.elementCount == channels else {
            throw .shapeMismatch(
                "input_mean \(mean.shape) and input_std \(std.shape) must have one element for each of the \(channels) "
                    + "input channels")
        }
        let (means, divisors) = (mean.elements(as: Float.self), std.elements(as: Float.self))
        guard means.allSatisfy(\.isFinite), divisors.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw .invalidArgument("input_mean must be finite, and input_std finite and above 0")
        }
        return (means, divisors)
    }
}
