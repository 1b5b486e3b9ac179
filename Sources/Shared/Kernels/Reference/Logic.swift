import Graphs
import Tensors

extension ReferenceKernels {
    /// Comparisons, truth values and bits; results are exact.
    static func logic(_ op: LogicOperator, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        switch op {
        case .compare(let comparison): return try compare(comparison, inputs)
        case .connect(let connective):
            let (left, right) = try pair(inputs)
            return try combine(left, right, UInt64.self) { connective.combine($0 != 0, $1 != 0) }
        case .not: return try inputs.required(0).map(Bool.self) { !$0 }
        case .combineBits(let connective):
            let (left, right) = try pair(inputs)
            return try combine(left, right, Int64.self, to: left.elementType) { connective.combine($0, $1) }
        case .complement:
            let input = try inputs.required(0)
            return input.widened(to: Int64.self).map(Int64.self) { ~$0 }.narrowed(to: input.elementType)
        case .shiftBits(let direction):
            let (left, right) = try pair(inputs)
            let width = UInt64(left.elementType.byteCount * 8)
            return try combine(left, right, UInt64.self, to: left.elementType) { value, count in
                count >= width ? 0 : direction == .left ? value << count : value >> count
            }
        case .isInfinite(let negative, let positive):
            return try inputs.required(0).converted(to: .float64).map(Double.self) {
                $0.isInfinite && ($0 < 0 ? negative : positive)
            }
        case .isNaN:
            return try inputs.required(0).converted(to: .float64).map(Double.self) {
                $0.isNaN
            }
        case .select: return try select(inputs)
        }
    }

    private static func pair(_ inputs: KernelInputs) throws(KernelError) -> (Tensor, Tensor) {
        let left = try inputs.required(0)
        return (left, try inputs.required(1))
    }

    private static func compare(
        _ comparison: LogicOperator.Comparison, _ inputs: KernelInputs
    ) throws(KernelError) -> Tensor {
        let (left, right) = try pair(inputs)
        return switch left.elementType.lane {
        case .float: try combine(left, right, Float.self) { comparison.holds($0, $1) }
        case .double: try combine(left, right, Double.self) { comparison.holds($0, $1) }
        case .signed: try combine(left, right, Int64.self) { comparison.holds($0, $1) }
        case .unsigned, nil: try combine(left, right, UInt64.self) { comparison.holds($0, $1) }
        }
    }

    /// Moves elements of any type without looking at them.
    private static func select(_ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let condition = try inputs.required(0)
        let left = try inputs.required(1)
        let right = try inputs.required(2)
        let dimensions = try Broadcasting.shape(of: [condition.shape, left.shape, right.shape])
        let shape = try KernelShapes.output(dimensions, left.elementType)
        return ElementChoice.select(
            condition, left, right, shape: shape,
            strides: [condition, left, right].map { Broadcasting.strides(of: $0.shape, in: dimensions) })
    }
}
