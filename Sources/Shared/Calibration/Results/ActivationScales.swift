public import Conversion
public import Quantization

/// The ranges and scales of every observed tensor, computed from statistics alone.
public struct ActivationScales: Sendable {
    /// Quantization parameters by tensor.
    public let parameters: [String: QuantizationParameters]
    /// The range that each tensor's parameters cover, before it was widened to contain zero.
    public let ranges: [String: TensorRange]
    /// What a user should know, sorted by tensor.
    public let warnings: [TensorWarning]

    /// A warning about one tensor.
    public struct TensorWarning: Sendable, Hashable, CustomStringConvertible {
        /// Name of the tensor.
        public let tensor: String
        /// What was seen.
        public let warning: RangeWarning

        /// The tensor and what was seen.
        public var description: String { "Tensor '\(tensor)': \(warning)" }
    }

    /// Takes scales that were computed elsewhere.
    public init(
        parameters: [String: QuantizationParameters], ranges: [String: TensorRange], warnings: [TensorWarning] = []
    ) {
        self.parameters = parameters
        self.ranges = ranges
        self.warnings = warnings
    }

    /// Chooses a range for every tensor that the plan observes.
    ///
    /// The same plan, statistics and method give the same scales. Statistics of tensors that the plan does not observe are
    /// ignored, so one calibration serves several schemes. A range does not reach beyond where an absorbed `Relu` or `Clip` cuts off.
    ///
    /// - Parameters:
    ///   - plan: What is quantized; its recipes for some nodes have schemes and methods of their own.
    ///   - statistics: What was observed.
    ///   - method: How ranges follow, where no recipe says otherwise.
    /// - Throws: `ActivationScalesError` naming every tensor for which no range can be chosen.
    public init(
        plan: QuantizationPlan, statistics: CalibrationStatistics, method: CalibrationMethod
    ) throws(ActivationScalesError) {
        let (schemes, bounds) = (plan.observedSchemes, plan.bounds)
        var parameters: [String: QuantizationParameters] = [:]
        var ranges: [String: TensorRange] = [:]
        var warnings: [TensorWarning] = []
        var problems: [ActivationScalesError.Problem] = []
        for tensor in plan.observedTensors {
            guard let observed = statistics.tensors[tensor] else {
                problems.append(.init(tensor: tensor, reason: .notInStatistics))
                continue
            }
            do {
                let (scheme, recipe) = schemes[tensor] ?? (plan.options.activations, nil)
                let selected = try (recipe?.method ?? method).selectRange(observed, scheme: scheme)
                let range = bounds[tensor].map(selected.range.clamped(to:)) ?? selected.range
                ranges[tensor] = range
                parameters[tensor] = QuantizationParameters(range: range, scheme: scheme)
                warnings += selected.warnings.map { TensorWarning(tensor: tensor, warning: $0) }
            } catch {
                problems.append(.init(tensor: tensor, reason: .rangeSelection(error)))
            }
        }
        guard problems.isEmpty else { throw ActivationScalesError(problems: problems) }
        self.parameters = parameters
        self.ranges = ranges
        self.warnings = warnings
    }
}

/// Tensors for which no scale can be computed.
public struct ActivationScalesError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Why one tensor has no range.
    public enum Reason: Sendable, Hashable {
        /// The statistics say nothing about the tensor.
        case notInStatistics
        /// The statistics do not allow the method.
        case rangeSelection(RangeSelectionError)
    }

    /// A tensor and why it has no range.
    public struct Problem: Sendable, Hashable {
        /// Name of the tensor.
        public let tensor: String
        /// The reason.
        public let reason: Reason
    }

    /// All tensors without a range, sorted by name.
    public let problems: [Problem]

    /// One line for each tensor: name, reason, remedy.
    public var description: String {
        problems.map { problem in
            switch problem.reason {
            case .notInStatistics:
                "Tensor '\(problem.tensor)' is not in the statistics; "
                    + "calibrate this model with these options, or skip the nodes that use it"
            case .rangeSelection(let error):
                "Tensor '\(problem.tensor)': \(error)"
            }
        }.joined(separator: "\n")
    }
}
