/// A quantizable module of the simulated device: the `mlu` family of a convolution or a linear layer.
///
/// The module's parameters are inputs of the node (`MLUInput`), all initializers whose names are the module's path, a dot and
/// `MLUInput.stateKey`: so a state dictionary and the graph's initializers are the same thing. Weights are float32 and stay
/// so; the device quantizes them with the scale. Without a scale (the module is being calibrated) a node computes what the
/// float layer computes, on a host; the device refuses it.
public enum MLUOperator: Hashable, Sendable {
    /// MLUConv1d, MLUConv2d, MLUConv3d: data [N, C, spatial...], weight [M, C/groups, kernel...], result [N, M, spatial...].
    case convolution(ConvolutionAttributes)
    /// MLULinear: data [..., K], weight [N, K], result [..., N].
    case linear
}

/// The inputs of an `mlu` node, in order; all after the weight may be absent.
public enum MLUInput: Int, Hashable, Sendable, CaseIterable {
    /// The activation, float32; raw pixels (0...255) when there are `inputMean` and `inputStd`.
    case data
    /// float32, not quantized.
    case weight
    /// float32 [M].
    case bias
    /// float32 [2] = [input scale, weight scale], or [2 + M] = [input scale, 0, weight scale of each output channel].
    case scale
    /// int32 [1]: 1 int8, 2 int16, 3 int8 per channel, 4 int16 per channel.
    case quantizedMode
    /// int64 [1] = 1.
    case useSymmetry
    /// int64 [1] = 1, only per channel.
    case quantizedByChannel
    /// float32 [M], only per channel, as files hold them; computing reads `scale`.
    case scaleWeightPerChannel
    /// float32 [1, C, 1, 1], subtracted on the device before quantization (firstconv).
    case inputMean
    /// float32 [1, C, 1, 1], divides after the subtraction.
    case inputStd

    /// The last part of the parameter's name in a state dictionary; `nil` for the activation.
    public var stateKey: String? {
        switch self {
        case .data: nil
        case .weight: "weight"
        case .bias: "bias"
        case .scale: "scale"
        case .quantizedMode: "quantized_mode"
        case .useSymmetry: "use_symmetry"
        case .quantizedByChannel: "quantized_by_channel"
        case .scaleWeightPerChannel: "scale_weight_per_channel"
        case .inputMean: "input_mean"
        case .inputStd: "input_std"
        }
    }
}

extension Node {
    /// The name of a parameter of an `mlu` node; `nil` when it is absent.
    public func input(_ input: MLUInput) -> String? {
        self.input(input.rawValue)
    }
}

extension ShapeRule {
    func mlu(_ op: MLUOperator) throws(ShapeRuleError) -> [InferredValue] {
        switch op {
        case .convolution(let attributes): try convolution(attributes)
        case .linear: try mluLinear()
        }
    }

    /// The last axis of the data meets the last axis of the weight.
    private func mluLinear() throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        guard let weight = try required(1).type.dimensions else { return outputs(like: data, dimensions: nil) }
        guard weight.count == 2 else { throw ShapeRuleError("the weight has rank \(weight.count), not 2") }
        guard let dimensions = data.type.dimensions else { return outputs(like: data, dimensions: nil) }
        guard let last = dimensions.last, dimensions.count >= 2 else {
            throw ShapeRuleError("the data has rank \(dimensions.count), which is below 2")
        }
        _ = try unified(last, weight[1], "the data's last extent and the weight's inputs")
        return outputs(like: data, dimensions: dimensions.dropLast() + [weight[0]])
    }
}
