import Conversion
import Graphs
import Quantization

/// What is quantized, decided before any data is seen: as ONNX Runtime's quantizer does, or for the simulated device.
enum ConversionPlan {
    case standard(QuantizationPlan, method: CalibrationMethod)
    /// `prepared` is the graph that workers run.
    case device(MLUConversion, prepared: Graph, options: QuantizationOptions)

    /// Plans the quantization of a float graph.
    ///
    /// - Throws: `ConversionError` or `MLUConversionError` when the scheme cannot be followed or matches nothing.
    init(_ graph: Graph, scheme: SchemeOptions.Resolved) throws {
        let prepared = try PreparedGraph(graph)
        guard let device = scheme.device else {
            self = .standard(try QuantizationPlan(prepared, options: scheme.options), method: scheme.method)
            return
        }
        let source = try graph.preparedForMLU()
        let conversion = try source.quantizeDynamicMLU(
            qconfigSpec: device.specification, dtype: device.type.rawValue, mapping: device.mapping, genQuant: true,
            mixedLayer: device.mixedTypes, excluding: try Self.excluded(scheme.options, of: source))
        // Workers run the graph with normalizations folded, in which every input of a module keeps its name.
        let values = Set(prepared.graph.inputs.map(\.name)).union(prepared.graph.nodes.flatMap(\.outputs))
        for module in conversion.modules {
            for call in module.calls where !values.contains(call.data) {
                throw MLUConversionError.missingStatistics(tensor: call.data, path: module.path)
            }
        }
        self = .device(conversion, prepared: prepared.graph, options: scheme.options)
    }

    /// Names of the values whose statistics calibration must gather, sorted, each once.
    var observedTensors: [String] {
        switch self {
        case .standard(let plan, _):
            // A model of which nothing becomes integers is not calibrated for the sake of its loops.
            plan.observedTensors.isEmpty
                ? [] : Set(plan.observedTensors).union(plan.bodyTensors).sorted()
        case .device(let conversion, _, _): conversion.observedTensors
        }
    }

    /// Whose histograms a second pass has to count, by tensor; empty when one pass is enough.
    var histogramRules: [String: HistogramRule] {
        switch self {
        case .standard(let plan, let method):
            plan.observedSchemes.compactMapValues { ($0.recipe?.method ?? method).histogramRule }
        case .device: [:]
        }
    }

    /// The float graph as workers run it.
    var graph: Graph {
        switch self {
        case .standard(let plan, _): plan.graph
        case .device(_, let prepared, _): prepared
        }
    }

    /// Nodes that stay in floating point on request.
    private static func excluded(_ options: QuantizationOptions, of graph: Graph) throws -> Set<String> {
        var names: Set<String> = []
        for name in options.skippedOperators {
            let found = graph.nodes.filter { $0.op.name == name }
            guard !found.isEmpty else {
                throw ConversionError.unmatchedOperator(name: name, present: Set(graph.nodes.map(\.op.name)).sorted())
            }
            names.formUnion(found.map(\.name))
        }
        for pattern in options.skippedNodes {
            let found = graph.nodes.filter { pattern.matches($0.name) }
            guard !found.isEmpty else {
                throw ConversionError.unmatchedNodePattern(pattern: pattern.text, removedNode: nil)
            }
            names.formUnion(found.map(\.name))
        }
        return names
    }
}
