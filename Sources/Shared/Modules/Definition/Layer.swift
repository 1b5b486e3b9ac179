internal import Graphs
internal import Tensors

/// A layer with parameters of its own, or one that can be quantized.
///
/// The same object used at two places is one layer with two calls.
public class Layer {
    /// The layer's path in the model that was traced last; empty before.
    public internal(set) var path = ""
    /// Whether conversions leave it in floating point.
    public internal(set) var disablesQuantization = false

    /// What a parameter begins with.
    struct Parameter {
        enum Beginning {
            /// Random numbers; the number of inputs and outputs that meet in each.
            case weight(fanIn: Int, fanOut: Int)
            case zeros
            case ones
        }

        let key: String
        let shape: Shape
        let beginning: Beginning
    }

    /// What the layer computes.
    var op: Operator { .identity }
    /// Its parameters, by key.
    var parameters: [Parameter] { [] }
    /// Name of its class.
    var className: String { "\(type(of: self))" }

    init() {}

    /// Adds a node that computes the layer.
    func apply(_ data: [Value]) -> Value {
        guard let tracer = data.first?.tracer else {
            preconditionFailure("\(className) was called without a value")
        }
        return tracer.call(self, data)
    }
}

/// A layer that reads one value.
public class UnaryLayer: Layer, Module {
    /// Lets a value flow through.
    public func forward(_ x: Value) -> Value { apply([x]) }
}
