public import Graphs
import Kernels
import Tensors

/// Gives models of float16 and bfloat16 numbers float32 inside: that is how they are calibrated and quantized.
///
/// Every 16-bit floating-point value and constant becomes float32, which is exact; what the model rounds to 16 bits is not rounded any
/// more. Inputs and outputs keep their names and types, so that the quantized model is fed as the float one was: casts stand between
/// them and the values inside, which are called `NAME_float32`.
public enum HalfPrecisionWidening {
    /// Widens a graph; one without 16-bit floating-point numbers stays as it is.
    public static func apply(to graph: Graph) -> Graph {
        guard graph.hasHalfPrecision else { return graph }
        var result = graph.widened
        result.inputs = graph.inputs
        result.outputs = graph.outputs
        var names = NameSource(graph)
        // Looked up by name, never iterated.
        var inner: [String: String] = [:]
        var first: [Node] = []
        for input in graph.inputs where input.type.elementType.isHalfPrecision {
            let name = names.unused(input.name + "_float32")
            inner[input.name] = name
            first.append(
                Node(
                    name: names.unused(input.name + "_Cast"), op: .cast(CastAttributes(to: .float32)),
                    inputs: [input.name], outputs: [name]))
        }
        var last: [Node] = []
        // An input that is an output as well goes through as it is.
        for output in graph.outputs where output.type.elementType.isHalfPrecision && inner[output.name] == nil {
            let name = names.unused(output.name + "_float32")
            inner[output.name] = name
            last.append(
                Node(
                    name: names.unused(output.name + "_Cast"),
                    op: .cast(CastAttributes(to: output.type.elementType)), inputs: [name], outputs: [output.name]))
        }
        result.initializers = Dictionary(
            uniqueKeysWithValues: result.initializers.map { (inner[$0.key] ?? $0.key, $0.value) })
        for index in result.nodes.indices {
            result.nodes[index].inputs = result.nodes[index].inputs.map { inner[$0] ?? $0 }
            result.nodes[index].outputs = result.nodes[index].outputs.map { inner[$0] ?? $0 }
        }
        result.nodes = first + result.nodes + last
        return result
    }
}

extension Graph {
    /// Whether any value, constant or operator is of a 16-bit floating-point type.
    fileprivate var hasHalfPrecision: Bool {
        (inputs + outputs).contains { $0.type.elementType.isHalfPrecision }
            || initializers.values.contains { $0.elementType.isHalfPrecision }
            || nodes.contains { $0.op.widened != $0.op }
    }

    /// The graph with float32 for every 16-bit floating-point type, that of inputs and outputs too.
    fileprivate var widened: Graph {
        var result = self
        for index in inputs.indices { result.inputs[index].type.elementType = inputs[index].type.elementType.widened }
        for index in outputs.indices {
            result.outputs[index].type.elementType = outputs[index].type.elementType.widened
        }
        result.initializers = initializers.mapValues { $0.converted(to: $0.elementType.widened) }
        for index in nodes.indices { result.nodes[index].op = nodes[index].op.widened }
        return result
    }
}

extension Operator {
    /// The operator with float32 where it names a 16-bit floating-point type.
    fileprivate var widened: Operator {
        switch self {
        case .cast(var attributes):
            attributes.elementType = attributes.elementType.widened
            return .cast(attributes)
        case .constantOfShape(let value):
            return .constantOfShape(value: value.converted(to: value.elementType.widened))
        case .arrangement(.identityMatrix(let offset, let elementType)):
            return .arrangement(.identityMatrix(offset: offset, elementType: elementType?.widened))
        case .signal(.window(let window, let isPeriodic, let elementType)):
            return .signal(.window(window, isPeriodic: isPeriodic, elementType: elementType.widened))
        case .signal(.melWeights(let elementType)):
            return .signal(.melWeights(elementType: elementType.widened))
        case .control(let control):
            return .control(control.widened)
        default:
            return self
        }
    }
}

extension ControlOperator {
    fileprivate var widened: ControlOperator {
        switch self {
        case .conditional(let then, let otherwise):
            return .conditional(then: then.widened, otherwise: otherwise.widened)
        case .loop(let body, let carriedCount):
            return .loop(body: body.widened, carriedCount: carriedCount)
        case .scan(var attributes):
            attributes.body = attributes.body.widened
            return .scan(attributes)
        }
    }
}

extension ElementType {
    fileprivate var isHalfPrecision: Bool { self == .float16 || self == .bfloat16 }
    /// float32 for 16-bit floating-point types, and every other type itself.
    fileprivate var widened: ElementType { isHalfPrecision ? .float32 : self }
}
