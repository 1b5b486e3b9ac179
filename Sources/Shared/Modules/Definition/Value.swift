internal import Graphs
internal import Tensors

/// A value of a model that is being traced: what layers take and give.
public struct Value {
    /// Its name in the graph.
    public let name: String
    let tracer: Tracer

    private func apply(_ op: Operator, _ others: [String] = []) -> Value {
        tracer.add(op, [name] + others)
    }

    private func integers(_ values: [Int]) -> String {
        tracer.constant(Tensor(shape: [values.count], elements: values.map { Int64($0) }))
    }

    /// The rectified value.
    public func relu() -> Value { apply(.unary(.relu)) }
    /// `1 / (1 + exp(-x))`.
    public func sigmoid() -> Value { apply(.unary(.sigmoid)) }
    /// The hyperbolic tangent.
    public func tanh() -> Value { apply(.unary(.tanh)) }
    /// The Gaussian error linear unit.
    public func gelu() -> Value { apply(.unary(.gelu(tanhApproximation: false))) }
    /// The softmax along an axis.
    public func softmax(axis: Int = -1) -> Value { apply(.softmax(axis: axis)) }
    /// All axes from `axis` on as one.
    public func flatten(from axis: Int = 1) -> Value { apply(.flatten(axis: axis)) }
    /// The same elements in another shape; -1 takes what is left, 0 keeps an extent.
    public func reshape(_ dimensions: [Int]) -> Value { apply(.reshape(allowZero: false), [integers(dimensions)]) }
    /// The axes in another order.
    public func transpose(_ permutation: [Int]) -> Value { apply(.transpose(permutation: permutation)) }
    /// The mean over all spatial axes, with extent 1.
    public func globalAveragePool() -> Value { apply(.globalAveragePool) }
    /// The mean along axes, without them.
    public func mean(axes: [Int]) -> Value {
        apply(.reduce(ReductionAttributes(function: .mean, keepsAxes: false)), [integers(axes)])
    }

    /// The largest element of each window.
    public func maxPool(_ kernel: Int, stride: Int? = nil, padding: Int = 0) -> Value {
        apply(.maxPool(Self.pooling(kernel, stride, padding)))
    }

    /// The mean of each window; padding does not count.
    public func averagePool(_ kernel: Int, stride: Int? = nil, padding: Int = 0) -> Value {
        apply(.averagePool(Self.pooling(kernel, stride, padding)))
    }

    private static func pooling(_ kernel: Int, _ stride: Int?, _ padding: Int) -> PoolingAttributes {
        let step = stride ?? kernel
        return PoolingAttributes(
            kernelShape: [kernel, kernel], strides: [step, step],
            padding: .explicit(before: [padding, padding], after: [padding, padding]))
    }

    /// The sum; on quantized values use `Elemwise("ADD")`, because their scales differ.
    public static func + (left: Value, right: Value) -> Value { left.apply(.binary(.add), [right.name]) }
    /// The difference.
    public static func - (left: Value, right: Value) -> Value { left.apply(.binary(.subtract), [right.name]) }
    /// The product, element by element.
    public static func * (left: Value, right: Value) -> Value { left.apply(.binary(.multiply), [right.name]) }
    /// The matrix product.
    public func matmul(_ other: Value) -> Value { apply(.matMul, [other.name]) }
}
