public import Graphs
public import Tensors

/// One call of an operator of the eager backend, before it runs.
public struct OperatorCall: Sendable {
    /// The operator's name as the device's software has it: `convolution_overrideable`, `add`, `relu_`.
    public var name: String
    /// The arguments in the order of the signature.
    public var arguments: [(name: String, value: OperatorValue)]

    /// Describes a call.
    public init(name: String, arguments: [(name: String, value: OperatorValue)]) {
        self.name = name
        self.arguments = arguments
    }

    /// The call of a node.
    ///
    /// - Parameters:
    ///   - node: The node.
    ///   - value: The tensor behind the name of an input; `nil` when there is none.
    public init(_ node: Node, value: (String) -> Tensor?) {
        self = withoutActuallyEscaping(value) { OperatorSignatures(node: node, value: $0).call }
    }

    /// Whether the result overwrites an argument: the name ends with `_` or with `out`.
    public var isInPlace: Bool { name.hasSuffix("_") || name.hasSuffix("out") }
}

/// Where a result was computed.
public enum OperatorResultOrigin: Sendable, Hashable {
    /// By a kernel of the device's operator library.
    case library
    /// By a hand-written kernel of the device.
    case handwritten
    /// On the host, because the device lacks the operator.
    case host
}

/// Sees every operator that the eager backend calls, on the thread that runs it.
///
/// Calls nest: an operator that calls others is begun before and ended after them. Every `begin` is followed by one `end`
/// or `fail`, also when the operator throws.
public protocol OperatorObserver: AnyObject {
    /// An operator is about to run.
    func begin(_ call: OperatorCall)
    /// It has run.
    ///
    /// - Parameters:
    ///   - call: The call that was begun.
    ///   - result: What it gave: a tensor, or a tuple of several.
    ///   - origin: Where it was computed.
    ///   - onHost: Computes the same call on the host with float32 kernels; throws when the host cannot.
    func end(
        _ call: OperatorCall, result: OperatorValue, origin: OperatorResultOrigin,
        onHost: () throws -> OperatorValue)
    /// It has thrown.
    func fail(_ call: OperatorCall, _ error: any Error)
}
