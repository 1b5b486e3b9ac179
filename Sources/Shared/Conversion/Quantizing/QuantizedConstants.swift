import Graphs
import Quantization
import Tensors

/// The integers of a plan's weights and biases.
struct QuantizedConstants {
    /// Quantized weights and operands by the plan's names.
    private(set) var weights: [String: QuantizedTensor] = [:]
    /// Quantized biases by the plan's names.
    private(set) var biases: [String: QuantizedTensor] = [:]
    /// Signal to quantization noise of each weight, operand and bias by the plan's names, in decibels.
    private(set) var noise: [String: Double] = [:]
    /// Raised scales and saturated biases, in the plan's order.
    private(set) var warnings: [ConversionWarning] = []

    private let plan: QuantizationPlan
    private var parameters: [String: QuantizationParameters] = [:]

    /// Chooses the parameters of every weight and operand from its own elements.
    init(_ plan: QuantizationPlan) throws(ConversionError) {
        self.plan = plan
        let chosen = try plan.constants.concurrentMap { constant throws(ConversionError) in
            try Self.chooseParameters(constant, plan)
        }
        for (constant, choice) in zip(plan.constants, chosen) { parameters[constant.name] = choice }
    }

    /// Quantizes everything, with the parameters of the plan's activations by name.
    mutating func quantize(activations: [String: QuantizationParameters]) throws(ConversionError) {
        if plan.options.raisesWeightScalesForBias {
            for bias in plan.biases { try raiseWeightScales(for: bias, activations: activations) }
        }
        try quantizeConstants()
        for bias in plan.biases { try quantize(bias, activations: activations) }
    }

    /// Parameters of a quantized constant by the plan's name.
    func parameters(of constant: String) -> QuantizationParameters? { parameters[constant] }

    private static func tensor(
        _ name: String, node: String, _ plan: QuantizationPlan
    ) throws(ConversionError) -> Tensor {
        guard let tensor = plan.graph.initializers[name] else {
            throw .invalidWeight(name: name, node: node, reason: "the graph has no such initializer")
        }
        return tensor
    }

    private static func chooseParameters(
        _ constant: QuantizedConstant, _ plan: QuantizationPlan
    ) throws(ConversionError) -> QuantizationParameters {
        let data = try tensor(constant.initializer, node: constant.node, plan)
        do {
            return try WeightQuantization.parameters(for: data, scheme: constant.scheme, axis: constant.axis ?? 0)
        } catch {
            throw .invalidWeight(name: constant.initializer, node: constant.node, reason: error.description)
        }
    }

    private mutating func quantizeConstants() throws(ConversionError) {
        let (plan, parameters) = (plan, parameters)
        let results = try plan.constants.concurrentMap { constant throws(ConversionError) in
            try Self.quantize(constant, plan, parameters[constant.name])
        }
        for (constant, result) in zip(plan.constants, results) {
            weights[constant.name] = result?.tensor
            noise[constant.name] = result?.decibels
        }
    }

    private static func quantize(
        _ constant: QuantizedConstant, _ plan: QuantizationPlan, _ parameters: QuantizationParameters?
    ) throws(ConversionError) -> (tensor: QuantizedTensor, decibels: Double?)? {
        guard let parameters else { return nil }
        let data = try tensor(constant.initializer, node: constant.node, plan)
        do {
            let quantized = QuantizedTensor(values: try parameters.quantize(data), parameters: parameters)
            return (quantized, try QuantizationNoise.decibels(of: quantized, for: data))
        } catch {
            throw .invalidWeight(name: constant.initializer, node: constant.node, reason: error.description)
        }
    }

    // MARK: Biases

    /// The scale of the value that a bias's weight is multiplied with.
    private func inputScale(
        of bias: QuantizedBias, activations: [String: QuantizationParameters]
    ) throws(ConversionError) -> Float {
        guard let input = activations[bias.input] ?? parameters[bias.input] else {
            throw .missingParameters(tensor: bias.input, node: bias.node)
        }
        return input.scales[0]
    }

    /// A bias with one element for each channel, when the weight has one scale for each.
    private func row(_ bias: QuantizedBias) throws(ConversionError) -> Tensor {
        let data = try Self.tensor(bias.initializer, node: bias.node, plan)
        guard let channels = bias.channelCount, data.shape != [channels] else { return data }
        if data.elementCount == channels { return data.reshaped(to: [channels]) }
        let value = data.elements(as: Float.self)
        return Tensor(shape: [channels], elements: [Float](repeating: value[0], count: channels))
    }

    /// ONNX Runtime's rule: a symmetric weight's scale grows until the bias fits 32 bits.
    private mutating func raiseWeightScales(
        for bias: QuantizedBias, activations: [String: QuantizationParameters]
    ) throws(ConversionError) {
        guard let weight = parameters[bias.weight], weight.type == .int8 || weight.type == .int16,
            weight.zeroPoints.allSatisfy({ $0 == 0 })
        else { return }
        let scale = try inputScale(of: bias, activations: activations)
        let data = Self.largestOverGroups(try row(bias), count: weight.axis == nil ? nil : weight.scales.count)
        let raised: QuantizationParameters
        do {
            raised = try BiasQuantization.adjustingWeightParameters(weight, inputScale: scale, bias: data)
        } catch {
            throw .invalidWeight(name: bias.initializer, node: bias.node, reason: error.description)
        }
        let ratios = zip(raised.scales, weight.scales).map { Double($0) / Double($1) }.filter { $0 != 1 }
        guard let largest = ratios.max() else { return }
        parameters[bias.weight] = raised
        warnings.append(
            .raisedWeightScale(
                weight: bias.weight, bias: bias.initializer, channels: ratios.count, largestRatio: largest))
    }

    /// The largest magnitude for each weight scale: the groups of a `ConvTranspose` share scales.
    private static func largestOverGroups(_ bias: Tensor, count: Int?) -> Tensor {
        guard let count, count > 0, bias.elementCount > count else { return bias }
        var largest = [Float](repeating: 0, count: count)
        for (index, value) in bias.elements(as: Float.self).enumerated() {
            largest[index % count] = max(largest[index % count], abs(value))
        }
        return Tensor(shape: [count], elements: largest)
    }

    private mutating func quantize(
        _ bias: QuantizedBias, activations: [String: QuantizationParameters]
    ) throws(ConversionError) {
        guard var weight = parameters[bias.weight] ?? activations[bias.weight] else {
            throw .missingParameters(tensor: bias.weight, node: bias.node)
        }
        let inputScale = try inputScale(of: bias, activations: activations)
        let data = try row(bias)
        if let channels = bias.channelCount, weight.axis != nil, weight.scales.count < channels {
            let scales = (0..<channels).map { weight.scales[$0 % weight.scales.count] }
            weight = QuantizationParameters(
                type: weight.type, scales: scales, zeroPoints: [Int32](repeating: 0, count: channels), axis: 0)
        }
        let result: QuantizedTensor
        do {
            result = try BiasQuantization.quantize(data, inputScale: inputScale, weight: weight)
        } catch {
            throw .invalidWeight(name: bias.initializer, node: bias.node, reason: error.description)
        }
        let saturated = result.values.elements(as: Int32.self).count { $0 == .max || $0 == .min }
        if saturated > 0 { warnings.append(.saturatedBias(bias: bias.initializer, elements: saturated)) }
        biases[bias.name] = result
        do {
            noise[bias.name] = try QuantizationNoise.decibels(of: result, for: data)
        } catch {
            throw .invalidWeight(name: bias.initializer, node: bias.node, reason: error.description)
        }
    }
}
