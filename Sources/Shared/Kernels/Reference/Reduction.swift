import Graphs
import Tensors

#if canImport(Glibc)
import Glibc
#endif

extension ReferenceKernels {
    /// Reduces the axes of input 1 (or all); floats are summed in `Double` in row-major order, integers wrap.
    static func reduce(_ attributes: ReductionAttributes, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let given = try inputs.optionalIntegers(1) ?? []
        let rank = data.shape.rank
        let reduced: [Int]
        if given.isEmpty {
            reduced = attributes.emptyAxesMeansNone ? [] : Array(0..<rank)
        } else {
            reduced = try KernelShapes.axes(given, rank: rank)
        }
        let kept = (0..<rank).filter { !reduced.contains($0) }
        let dimensions =
            attributes.keepsAxes
            ? (0..<rank).map { reduced.contains($0) ? 1 : data.shape[$0] } : kept.map { data.shape[$0] }
        let shape = try KernelShapes.output(dimensions, .float64)
        // With the reduced axes last, each output element has its terms in one run.
        let strides = data.shape.rowMajorStrides
        let order = kept + reduced.sorted()
        let runShape = try KernelShapes.output(order.map { data.shape[$0] }, data.elementType)
        let runs = ElementMoves.gather(data, shape: runShape, strides: order.map { strides[$0] }, offset: 0)
        let count = KernelShapes.count(reduced.map { data.shape[$0] }[...])
        let result =
            switch data.elementType.lane {
            case .float, .double: reduceFloats(attributes.function, runs, count: count, shape: shape)
            case .signed, nil: reduceIntegers(attributes.function, runs, count: count, shape: shape, Int64.self)
            case .unsigned: reduceIntegers(attributes.function, runs, count: count, shape: shape, UInt64.self)
            }
        return result.converted(to: data.elementType)
    }

    private static func reduceFloats(_ function: ReductionFunction, _ runs: Tensor, count: Int, shape: Shape) -> Tensor
    {
        let values = runs.converted(to: .float64).elements(as: Double.self)
        let results = (0..<shape.elementCount).map { output -> Double in
            let run = values[output * count..<(output + 1) * count]
            return switch function {
            case .sum: run.reduce(0, +)
            case .mean: run.reduce(0, +) / Double(count)
            case .sumOfSquares: run.reduce(0) { $0 + $1 * $1 }
            case .l2Norm: run.reduce(0) { $0 + $1 * $1 }.squareRoot()
            case .minimum: run.reduce(.infinity) { minimum($0, $1) }
            case .maximum: run.reduce(-.infinity) { maximum($0, $1) }
            case .l1Norm: run.reduce(0) { $0 + $1.magnitude }
            case .product: run.reduce(1, *)
            case .logarithmOfSum: log(run.reduce(0, +))
            case .logarithmOfSumOfExponentials: logarithmOfSumOfExponentials(run)
            }
        }
        return Tensor(shape: shape, elements: results)
    }

    /// The largest term is taken out so that the exponentials cannot overflow.
    private static func logarithmOfSumOfExponentials(_ run: ArraySlice<Double>) -> Double {
        let largest = run.reduce(-.infinity) { maximum($0, $1) }
        guard largest.isFinite else { return largest }
        return largest + log(run.reduce(0) { $0 + exp($1 - largest) })
    }

    /// Integer arithmetic that wraps; logarithms are truncated toward zero.
    ///
    /// For an empty run the minimum is the type's largest value and the maximum its smallest; for bool true and false.
    private static func reduceIntegers<T: Lane & FixedWidthInteger>(
        _ function: ReductionFunction, _ runs: Tensor, count: Int, shape: Shape, _ lane: T.Type
    ) -> Tensor {
        let values = runs.widened(to: lane).elements(as: lane)
        let limits = integerLimits(runs.elementType)
        let results = (0..<shape.elementCount).map { output -> T in
            let run = values[output * count..<(output + 1) * count]
            return switch function {
            case .sum: run.reduce(0, &+)
            case .mean: count == 0 ? 0 : run.reduce(0, &+) / T(count)
            case .sumOfSquares: run.reduce(0) { $0 &+ $1 &* $1 }
            case .l2Norm: T(converting: Double(run.reduce(0) { $0 &+ $1 &* $1 }).squareRoot())
            case .minimum: run.min() ?? T(truncatingIfNeeded: limits.upperBound)
            case .maximum: run.max() ?? T(truncatingIfNeeded: limits.lowerBound)
            case .l1Norm: run.reduce(0) { $0 &+ ($1 < 0 ? 0 &- $1 : $1) }
            case .product: run.reduce(1, &*)
            case .logarithmOfSum: T(converting: log(Double(run.reduce(0, &+))))
            case .logarithmOfSumOfExponentials:
                T(converting: logarithmOfSumOfExponentials(ArraySlice(run.map { Double($0) })))
            }
        }
        return Tensor(shape: shape, elements: results)
    }

    /// The range of an integer type; that of uint64 is cut to the bits of `Int64`.
    private static func integerLimits(_ type: ElementType) -> (lowerBound: Int64, upperBound: Int64) {
        switch type {
        case .bool: (0, 1)
        case .uint8, .uint16, .uint32: (0, (1 << (8 * Int64(type.byteCount))) - 1)
        case .uint64: (0, -1)
        case .int8, .int16, .int32: (-1 << (8 * Int64(type.byteCount) - 1), (1 << (8 * Int64(type.byteCount) - 1)) - 1)
        default: (.min, .max)
        }
    }
}
