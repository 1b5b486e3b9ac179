internal import Execution
internal import Graphs
public import ONNXFormat
internal import Tensors

/// Asks the importer, type inference, the executor and the quantizer what they do with each operator, so that what is said about
/// operators cannot differ from what is done.
public struct OperatorReference: Encodable, Sendable {
    /// The operators that are read, by domain and name.
    public let operators: [OperatorDescription]
    /// The operators of ONNX that are refused by name, sorted.
    public let refused: [RefusedOperator]

    /// Asks about the operators whose names fulfil a condition.
    ///
    /// - Throws: `OperatorReferenceError` when an operator's specimen is read but not handled.
    public init(of isWanted: (String) -> Bool = { _ in true }) throws(OperatorReferenceError) {
        var operators: [OperatorDescription] = []
        for op in ONNXOperator.all where isWanted(op.name) { operators.append(try Self.description(of: op)) }
        self.operators = operators
        refused = RefusedOperator.all.filter { isWanted($0.name) }
    }

    private static func description(of op: ONNXOperator) throws(OperatorReferenceError) -> OperatorDescription {
        let types = ElementType.allCases.filter { (try? op.specimen(elementType: $0)) != nil }
        var operators: [String] = []
        if let type = types.first, let graph = try? op.specimen(elementType: type) {
            for node in graph.nodes where !operators.contains(node.op.name) { operators.append(node.op.name) }
        }
        do {
            return OperatorDescription(
                domain: op.domain, name: op.name, opsets: op.opsets.map { [$0.lowerBound, $0.upperBound] },
                elementTypes: types, operators: operators, kernel: try kernel(of: op, types: types),
                quantization: try QuantizationProbe.description(of: op, types: types))
        } catch {
            throw OperatorReferenceError(operatorName: op.name, reason: "\(error)")
        }
    }

    // MARK: Kernels

    private enum Speed {
        case plain
        case partlyFast
        case fast
    }

    private static func kernel(of op: ONNXOperator, types: [ElementType]) throws -> OperatorDescription.Kernel {
        let speeds = try types.map { (type: $0, speed: try speed(of: op, $0, parametersAreConstant: true)) }
        var needsConstants = false
        if op.hasParameters {
            for (type, speed) in speeds where speed != .plain {
                let other = try Self.speed(of: op, type, parametersAreConstant: false)
                needsConstants = needsConstants || other != speed
            }
        }
        return OperatorDescription.Kernel(
            fast: speeds.filter { $0.speed == .fast }.map(\.type),
            partlyFast: speeds.filter { $0.speed == .partlyFast }.map(\.type), needsConstantParameters: needsConstants)
    }

    private static func speed(
        of op: ONNXOperator, _ type: ElementType, parametersAreConstant: Bool
    ) throws -> Speed {
        let graph = try op.specimen(elementType: type, parametersAreConstant: parametersAreConstant)
        let choices = Set(try AcceleratedExecutor(graph).kernelChoices().values)
        guard choices.contains(.fast) else { return .plain }
        return choices.contains(.plain) ? .partlyFast : .fast
    }
}

/// Why an operator could not be described: a fault of Tare's own.
public struct OperatorReferenceError: Error, CustomStringConvertible {
    /// Name of the operator.
    public let operatorName: String
    /// What failed.
    public let reason: String

    /// The thing and the reason.
    public var description: String { "Operator '\(operatorName)' could not be tried: \(reason)" }
}
