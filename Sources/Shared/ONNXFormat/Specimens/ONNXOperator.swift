public import Graphs
public import Tensors

/// An operator that the importer takes.
public struct ONNXOperator: Hashable, Sendable {
    /// Domain of the operator; empty for ONNX's own.
    public let domain: String
    /// Name of the operator.
    public let name: String
    /// The versions of its domain in which it is taken; `nil` where the domain has only one.
    public let opsets: ClosedRange<Int>?

    /// All of them, by domain and name.
    public static let all: [ONNXOperator] = {
        let converted = OperatorTable.entries.flatMap { domain, entries in
            entries.map {
                ONNXOperator(domain: domain, name: $0.key, since: $0.value.since, until: $0.value.end?.until)
            }
        }
        // What the importer does itself: constants become initializers, and graphs inside of nodes graphs again.
        let own = ["Constant": 1].merging(ControlFamily.since) { first, _ in first }
        return (converted + own.map { ONNXOperator(domain: "", name: $0.key, since: $0.value, until: nil) })
            .sorted { ($0.domain, $0.name) < ($1.domain, $1.name) }
    }()

    private init(domain: String, name: String, since: Int, until: Int?) {
        let supported = ONNXModel.supportedOpsets
        self.domain = domain
        self.name = name
        opsets = domain.isEmpty ? max(since, supported.lowerBound)...(until ?? supported.upperBound) : nil
    }

    /// The model of one node of the operator, in the newest opset in which it is read.
    ///
    /// - Parameters:
    ///   - elementType: The element type of the data.
    ///   - parametersAreConstant: Whether weights and other parameters are initializers (of zeros), and not inputs of the graph.
    /// - Returns: What the importer makes of the model, with small extents.
    /// - Throws: `ONNXImportError` when the operator does not take the type.
    public func specimen(
        elementType: ElementType, parametersAreConstant: Bool = true
    ) throws(ONNXImportError) -> Graph {
        try OperatorSpecimens.specimen(of: name, domain: domain).graph(
            of: name, domain: domain, opset: opsets?.upperBound ?? ONNXModel.supportedOpsets.upperBound,
            elementType: elementType, parametersAreConstant: parametersAreConstant)
    }

    /// Whether the specimen has parameters that may be constant or not.
    public var hasParameters: Bool {
        OperatorSpecimens.specimen(of: name, domain: domain).inputs.contains {
            if case .parameter = $0 { true } else { false }
        }
    }
}

/// An operator of ONNX that the importer refuses.
public struct RefusedOperator: Encodable, Hashable, Sendable {
    /// Name of the operator.
    public let name: String
    /// Why, as the end of a sentence about it.
    public let reason: String

    /// All of those that are known by name, sorted.
    public static let all: [RefusedOperator] = RefusedFamily.reasons
        .map { RefusedOperator(name: $0.key, reason: $0.value) }.sorted { $0.name < $1.name }
}
