internal import Graphs

/// How the operators of one ONNX name become operators of the graph.
struct OperatorImport: Sendable {
    /// Makes the operator; it reads every attribute that the node's opset allows and moves constants that old opsets kept
    /// in attributes to inputs.
    typealias Conversion = @Sendable (inout NodeImport) throws(NodeRefusal) -> Operator

    /// The ONNX name.
    let name: String
    /// The first version of its domain that has the operator.
    let since: Int
    /// The last version that has it, and what replaced it; `nil` when it is still there.
    let end: (until: Int, replacement: String)?
    /// Whether the conversion asks for the types of its inputs.
    let readsTypes: Bool
    /// The conversion.
    let convert: Conversion

    init(
        _ name: String, since: Int = 1, end: (until: Int, replacement: String)? = nil, readsTypes: Bool = false,
        _ convert: @escaping Conversion
    ) {
        self.name = name
        self.since = since
        self.end = end
        self.readsTypes = readsTypes
        self.convert = convert
    }

    /// An operator without attributes.
    init(_ name: String, since: Int = 1, as op: Operator) {
        self.init(name, since: since) { (_: inout NodeImport) throws(NodeRefusal) -> Operator in op }
    }
}

/// The operators that Tare imports, by domain and name.
enum OperatorTable {
    static let entries: [String: [String: OperatorImport]] = {
        let standard = [
            ConvolutionFamily.imports, LinearFamily.imports, PoolingFamily.imports, NormalizationFamily.imports,
            ElementwiseFamily.imports, ElementFunctionFamily.imports, LogicFamily.imports, ArrangementFamily.imports,
            SelectionFamily.imports, RankingFamily.imports, VisionFamily.imports,
            SignalFamily.imports, ReductionFamily.imports, ShapeManipulationFamily.imports,
            IndexingFamily.imports, ResizeFamily.imports, RecurrentFamily.imports, QuantizeDequantizeFamily.imports,
            AttentionFamily.imports, RootMeanSquareNormalization.imports, NormalizationOperatorFamily.imports,
            AlgebraFamily.imports,
            PoolingOperatorFamily.imports, LossFamily.imports, IntegerFamily.imports,
        ]
        let microsoft = [
            MicrosoftActivations.imports, MicrosoftProducts.imports, MicrosoftNormalizations.imports,
            MicrosoftAttention.imports, QuantizedFamily.imports,
        ]
        return ["": standard, "com.microsoft": microsoft].mapValues { families in
            Dictionary(uniqueKeysWithValues: families.joined().map { ($0.name, $0) })
        }
    }()

    /// Looks up an operator for a model that declares `opset` of its domain; the empty domain is ONNX's own.
    static func entry(_ name: String, domain: String, opset: Int) -> OperatorImport? {
        guard let entry = entries[domain]?[name], entry.since <= opset, opset <= entry.end?.until ?? opset else {
            return nil
        }
        return entry
    }

    /// Why an operator that Tare knows is refused; `nil` for others.
    static func refusal(of name: String, domain: String) -> String? {
        if let end = entries[domain]?[name]?.end {
            return "opset \(end.until + 1) replaced it by \(end.replacement); export the model again"
        }
        return domain.isEmpty ? RefusedFamily.reasons[name] : nil
    }
}
