import Graphs
public import Quantization
import Tensors

extension QuantizationPlan {
    /// Writes the quantized graph.
    ///
    /// Weights and biases are stored as integers behind a DequantizeLinear node; each quantized value between nodes passes
    /// a QuantizeLinear and a DequantizeLinear node. Names are those that ONNX Runtime's quantizer gives. Graph inputs and
    /// outputs keep their names and types. The same plan and parameters give the same graph.
    ///
    /// - Parameter parameters: Parameters of `observedTensors` by name: per tensor, of the options' activation type.
    /// - Returns: The graph and what was done.
    /// - Throws: `ConversionError` when parameters are missing or do not fit, or a constant cannot be quantized.
    public func quantize(
        _ parameters: [String: QuantizationParameters]
    ) throws(ConversionError) -> ConvertedModel {
        var constants = try QuantizedConstants(self)
        let activationParameters = try resolve(parameters, constants: constants)
        try checkBounds(activationParameters)
        try constants.quantize(activations: activationParameters)
        var writer = QuantizedGraphWriter(self, constants: constants, activations: activationParameters)
        let quantized = writer.write()
        let report = ConversionReport(
            rewrites: rewrites, decisions: decisions,
            activations: activations.compactMap { activation in
                activationParameters[activation.name].map {
                    ConversionReport.Activation(
                        name: activation.name, source: activation.source, parameters: $0,
                        recipe: activation.recipe?.pattern.text)
                }
            },
            constants: writer.constantReports(), biases: writer.biasReports(),
            warnings: warnings + constants.warnings)
        return ConvertedModel(graph: quantized, report: report)
    }

    /// The parameters of every activation, following shared and fixed ones.
    private func resolve(
        _ parameters: [String: QuantizationParameters], constants: QuantizedConstants
    ) throws(ConversionError) -> [String: QuantizationParameters] {
        var result: [String: QuantizationParameters] = [:]
        for activation in activations {
            switch activation.source {
            case .observed(let tensor):
                guard let found = parameters[tensor] else {
                    throw .missingParameters(tensor: tensor, node: user(of: activation.name))
                }
                try check(found, of: tensor, scheme: activation.scheme)
                result[activation.name] = found
            case .fixed(let range):
                result[activation.name] = QuantizationParameters(range: range, scheme: activation.scheme)
            case .shared(let provider):
                guard let shared = result[provider] ?? constants.parameters(of: provider) else {
                    throw .missingParameters(tensor: provider, node: user(of: activation.name))
                }
                result[activation.name] = shared
            }
        }
        return result
    }

    private func check(
        _ parameters: QuantizationParameters, of tensor: String, scheme: QuantizationScheme
    ) throws(ConversionError) {
        guard parameters.type == scheme.type else {
            throw .unsuitableParameters(
                tensor: tensor, reason: "they are for \(parameters.type), the plan is for \(scheme.type)")
        }
        guard parameters.axis == nil else {
            throw .unsuitableParameters(tensor: tensor, reason: "they are per channel; activations have one scale")
        }
    }

    /// Makes sure that integers saturate where absorbed activation functions would have cut off, within half a step.
    private func checkBounds(_ parameters: [String: QuantizationParameters]) throws(ConversionError) {
        for (tensor, bounds) in bounds.sorted(by: { $0.key < $1.key }) {
            guard let parameters = parameters[tensor] else { continue }
            let range = parameters.representableRange()
            // A range computed in Float may miss its end by a little more than half a step.
            let slack = Double(parameters.scales[0]) * 0.501
            guard range.lowerBound >= Double(bounds.lowerBound) - slack,
                range.upperBound <= Double(bounds.upperBound) + slack
            else {
                throw .unsuitableParameters(
                    tensor: tensor,
                    reason:
                        "they represent \(range.lowerBound) ... \(range.upperBound), but the Relu or Clip that they "
                        + "replace cuts off at \(bounds.lowerBound) ... \(bounds.upperBound); keep activation functions, "
                        + "or choose parameters inside the bounds")
            }
        }
    }

    /// A node that reads or writes a value, for messages.
    private func user(of value: String) -> String {
        graph.nodes.first { $0.inputs.contains(value) || $0.outputs.contains(value) }?.name ?? graph.name
    }
}
