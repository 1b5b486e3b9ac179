public import Graphs

/// Where values become quantized.
public final class QuantStub: UnaryLayer {
    /// Makes one.
    public override init() {}

    override var op: Operator { .module(ModuleOperator(.quantStub)) }
}

/// Where quantized values become real again.
public final class DequantStub: UnaryLayer {
    /// Makes one.
    public override init() {}

    override var op: Operator { .module(ModuleOperator(.dequantStub)) }
}

/// A function of one to three values, element by element, with a scale of its own for the result.
public final class Elemwise: Layer {
    private let mode: ElemwiseMode

    /// Makes one of a function.
    public init(_ mode: ElemwiseMode) { self.mode = mode }

    /// Makes one of a function by MegEngine's name, in any case: `FUSE_ADD_RELU`.
    ///
    /// - Precondition: There is such a function.
    public convenience init(_ name: String) {
        guard let mode = ElemwiseMode(named: name) else {
            preconditionFailure(
                "'\(name)' is no function of Elemwise; there are \(ElemwiseMode.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        self.init(mode)
    }

    override var op: Operator { .module(ModuleOperator(.elemwise(mode))) }

    /// Lets values flow through.
    ///
    /// - Precondition: There are as many as the function takes.
    public func callAsFunction(_ values: Value...) -> Value {
        precondition(
            values.count == mode.operandCount, "\(mode.rawValue) takes \(mode.operandCount) values, not \(values.count)"
        )
        return apply(values)
    }
}

/// Values joined along an axis, brought to one scale.
public final class Concat: Layer {
    private var axis = 1
    private var count = 1

    /// Makes one.
    public override init() {}

    override var op: Operator { .module(ModuleOperator(.concat(axis: axis, dataCount: count))) }

    /// Joins values.
    public func callAsFunction(_ values: [Value], axis: Int = 1) -> Value {
        self.axis = axis
        count = values.count
        return apply(values)
    }
}
