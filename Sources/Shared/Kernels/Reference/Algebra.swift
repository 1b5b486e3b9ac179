import Graphs
import Tensors

extension ReferenceKernels {
    /// Sums of products by an equation, determinants and remainders.
    static func algebra(_ op: AlgebraOperator, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        switch op {
        case .einsum(let equation): return try einsum(equation, inputs)
        case .determinant: return try determinant(inputs)
        case .remainder(let hasSignOfDividend):
            let left = try inputs.required(0)
            let right = try inputs.required(1)
            return switch left.elementType.lane {
            case .float: try remainder(left, right, Float.self, hasSignOfDividend)
            case .double: try remainder(left, right, Double.self, hasSignOfDividend)
            case .signed: try remainder(left, right, Int64.self, hasSignOfDividend)
            case .unsigned, nil: try remainder(left, right, UInt64.self, hasSignOfDividend)
            }
        }
    }

    private static func remainder<T: Lane & BinaryFloatingPoint>(
        _ left: Tensor, _ right: Tensor, _ lane: T.Type, _ hasSignOfDividend: Bool
    ) throws(KernelError) -> Tensor {
        try combine(left, right, lane, to: left.elementType) { dividend, divisor in
            let rest = dividend.truncatingRemainder(dividingBy: divisor)
            if hasSignOfDividend { return rest }
            if rest == 0 { return T(signOf: divisor, magnitudeOf: 0) }
            return (rest < 0) != (divisor < 0) ? rest + divisor : rest
        }
    }

    private static func remainder<T: Lane & FixedWidthInteger>(
        _ left: Tensor, _ right: Tensor, _ lane: T.Type, _ hasSignOfDividend: Bool
    ) throws(KernelError) -> Tensor {
        var zeroDivisor = false
        let result = try combine(left, right, lane, to: left.elementType) { dividend, divisor in
            if divisor == 0 {
                zeroDivisor = true
                return 0
            }
            let rest = dividend.remainderReportingOverflow(dividingBy: divisor).partialValue
            return hasSignOfDividend || rest == 0 || (rest < 0) == (divisor < 0) ? rest : rest + divisor
        }
        if zeroDivisor { throw .invalidArgument("an integer is divided by zero") }
        return result
    }

    /// The product of the pivots of each matrix, computed in `Double`; the largest element of a column is its pivot.
    private static func determinant(_ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let rank = data.shape.rank
        guard rank >= 2, data.shape[rank - 1] == data.shape[rank - 2] else {
            throw .shapeMismatch("a determinant needs square matrices, not \(data.shape)")
        }
        let extent = data.shape[rank - 1]
        let shape = Shape(Array(data.shape.dimensions.dropLast(2)))
        var values = data.converted(to: .float64).elements(as: Double.self)
        let results = (0..<shape.elementCount).map { matrix in
            determinant(&values, from: matrix * extent * extent, extent: extent)
        }
        return Tensor(shape: shape, elements: results).converted(to: data.elementType)
    }

    private static func determinant(_ values: inout [Double], from start: Int, extent: Int) -> Double {
        var result = 1.0
        for column in 0..<extent {
            func place(_ row: Int) -> Int { start + row * extent + column }
            var pivot = column
            for row in column..<extent where values[place(row)].magnitude > values[place(pivot)].magnitude {
                pivot = row
            }
            let divisor = values[place(pivot)]
            result *= divisor
            if divisor == 0 { return 0 }
            if pivot != column {
                result = -result
                for other in column..<extent {
                    values.swapAt(start + pivot * extent + other, start + column * extent + other)
                }
            }
            for row in column + 1..<max(extent, column + 1) {
                let factor = values[place(row)] / divisor
                for other in column..<extent {
                    values[start + row * extent + other] -= factor * values[start + column * extent + other]
                }
            }
        }
        return result
    }
}
