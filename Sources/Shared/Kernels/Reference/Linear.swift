import Graphs
import Tensors

extension ReferenceKernels {
    /// Matrix product with the batching and rank-1 rules of NumPy; each element sums over the inner axis in order.
    static func matMul(_ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let left = try inputs.required(0)
        let right = try inputs.required(1)
        guard left.shape.rank >= 1, right.shape.rank >= 1 else {
            throw .shapeMismatch("a matrix product needs rank 1 or more, not \(left.shape) and \(right.shape)")
        }
        let leftShape = left.shape.rank == 1 ? [1] + left.shape.dimensions : left.shape.dimensions
        let rightShape = right.shape.rank == 1 ? right.shape.dimensions + [1] : right.shape.dimensions
        guard leftShape[leftShape.count - 1] == rightShape[rightShape.count - 2] else {
            throw .shapeMismatch("the inner extents of \(left.shape) and \(right.shape) differ")
        }
        let batch = try Broadcasting.shape(of: [Shape(leftShape.dropLast(2)), Shape(rightShape.dropLast(2))])
        var dimensions = batch
        if left.shape.rank > 1 { dimensions.append(leftShape[leftShape.count - 2]) }
        if right.shape.rank > 1 { dimensions.append(rightShape[rightShape.count - 1]) }
        let shape = try KernelShapes.output(dimensions, left.elementType)
        let operands = (left.reshaped(to: Shape(leftShape)), right.reshaped(to: Shape(rightShape)))
        return switch left.elementType.lane {
        case .float: try matMul(operands.0, operands.1, batch: batch, shape: shape, Float.self)
        case .double: try matMul(operands.0, operands.1, batch: batch, shape: shape, Double.self)
        case .signed: try matMul(operands.0, operands.1, batch: batch, shape: shape, Int64.self)
        case .unsigned: try matMul(operands.0, operands.1, batch: batch, shape: shape, UInt64.self)
        case nil: throw .unsupportedElementType(input: 0, type: left.elementType.rawValue)
        }
    }

    private static func matMul<T: Lane>(
        _ left: Tensor, _ right: Tensor, batch: [Int], shape: Shape, _ lane: T.Type
    ) throws(KernelError) -> Tensor {
        let leftRank = left.shape.rank
        let rightRank = right.shape.rank
        let rows = left.shape[leftRank - 2]
        let depth = left.shape[leftRank - 1]
        let columns = right.shape[rightRank - 1]
        let wideLeft = left.widened(to: lane)
        let wideRight = right.widened(to: lane)
        var result = Tensor(zeros: shape, elementType: T.elementType)
        guard result.elementCount > 0, depth > 0 else { return result.narrowed(to: left.elementType) }
        let leftBatch = Shape(Array(left.shape.dimensions.dropLast(2)))
        let rightBatch = Shape(Array(right.shape.dimensions.dropLast(2)))
        let walk = StridedWalk(
            dimensions: batch + [1],
            strides: [
                Broadcasting.strides(of: leftBatch, in: batch) + [0],
                Broadcasting.strides(of: rightBatch, in: batch) + [0],
            ])
        let steps = walk.rowStrides
        unsafe result.withUnsafeMutableBytes { resultBytes in
            unsafe wideLeft.withUnsafeBytes { leftBytes in
                unsafe wideRight.withUnsafeBytes { rightBytes in
                    let output = unsafe resultBytes.assumingMemoryBound(to: T.self).baseAddress
                    let first = unsafe leftBytes.assumingMemoryBound(to: T.self).baseAddress
                    let second = unsafe rightBytes.assumingMemoryBound(to: T.self).baseAddress
                    guard let output = unsafe output, let first = unsafe first, let second = unsafe second else {
                        return
                    }
                    var target = unsafe output
                    walk.forEachRow { offsets in
                        for index in 0..<walk.rowCount {
                            unsafe accumulateTiles(
                                target, first + (offsets[0] + index * steps[0]) * rows * depth,
                                second + (offsets[1] + index * steps[1]) * depth * columns,
                                rows: rows, depth: depth, columns: columns)
                            unsafe target += rows * columns
                        }
                    }
                }
            }
        }
        return result.narrowed(to: left.elementType)
    }

    /// The product of two lane matrices: left [rows, depth], right [depth, columns].
    static func multiply<T: Lane>(_ left: Tensor, _ right: Tensor, shape: Shape, _ lane: T.Type) -> Tensor {
        var result = Tensor(zeros: shape, elementType: T.elementType)
        guard result.elementCount > 0, left.shape[1] > 0 else { return result }
        unsafe result.withUnsafeMutableBytes { resultBytes in
            unsafe left.withUnsafeBytes { leftBytes in
                unsafe right.withUnsafeBytes { rightBytes in
                    let output = unsafe resultBytes.assumingMemoryBound(to: T.self).baseAddress
                    let first = unsafe leftBytes.assumingMemoryBound(to: T.self).baseAddress
                    let second = unsafe rightBytes.assumingMemoryBound(to: T.self).baseAddress
                    guard let output = unsafe output, let first = unsafe first, let second = unsafe second else {
                        return
                    }
                    unsafe accumulateTiles(
                        output, first, second, rows: left.shape[0], depth: left.shape[1], columns: right.shape[1])
                }
            }
        }
        return result
    }

    /// Adds a product to a row-major target, some columns at a time so that they stay in the cache.
    @unsafe
    private static func accumulateTiles<T: Lane>(
        _ target: UnsafeMutablePointer<T>, _ left: UnsafePointer<T>, _ right: UnsafePointer<T>, rows: Int, depth: Int,
        columns: Int
    ) {
        let tile = columnTile(depth: depth, columns: columns, elementSize: MemoryLayout<T>.stride)
        var start = 0
        while start < columns {
            let count = min(tile, columns - start)
            unsafe T.accumulateProduct(
                target: target + start, targetStride: columns, left: left, leftStride: depth, right: right + start,
                rightStride: columns, rows: rows, depth: depth, columns: count)
            start += count
        }
    }

    /// `alpha * A' * B' + beta * C`: the product is summed in order, then scaled, then the scaled C is added.
    static func gemm(_ attributes: GemmAttributes, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let left = try inputs.required(0)
        let right = try inputs.required(1)
        let addend = inputs.optional(2)
        guard left.shape.rank == 2, right.shape.rank == 2 else {
            throw .shapeMismatch("Gemm takes matrices, not \(left.shape) and \(right.shape)")
        }
        let rows = left.shape[attributes.transposeA ? 1 : 0]
        let depth = left.shape[attributes.transposeA ? 0 : 1]
        let columns = right.shape[attributes.transposeB ? 0 : 1]
        guard right.shape[attributes.transposeB ? 1 : 0] == depth else {
            throw .shapeMismatch(
                "the inner extents of \(left.shape)\(attributes.transposeA ? " transposed" : "") and "
                    + "\(right.shape)\(attributes.transposeB ? " transposed" : "") differ")
        }
        let shape = try KernelShapes.output([rows, columns], left.elementType)
        if let addend {
            guard try Broadcasting.shape(of: [addend.shape, shape]) == shape.dimensions else {
                throw .shapeMismatch("input 2 of shape \(addend.shape) does not broadcast to \(shape)")
            }
        }
        return switch left.elementType.lane {
        case .float: try gemm(attributes, left, right, addend, shape, Float.self)
        case .double: try gemm(attributes, left, right, addend, shape, Double.self)
        case .signed: try gemm(attributes, left, right, addend, shape, Int64.self)
        case .unsigned: try gemm(attributes, left, right, addend, shape, UInt64.self)
        case nil: throw .unsupportedElementType(input: 0, type: left.elementType.rawValue)
        }
    }

    private static func gemm<T: Lane>(
        _ attributes: GemmAttributes, _ left: Tensor, _ right: Tensor, _ addend: Tensor?, _ shape: Shape,
        _ lane: T.Type
    ) throws(KernelError) -> Tensor {
        func oriented(_ matrix: Tensor, _ transposed: Bool) -> Tensor {
            let wide = matrix.widened(to: lane)
            guard transposed else { return wide }
            return ElementMoves.gather(
                wide, shape: [matrix.shape[1], matrix.shape[0]], strides: [1, matrix.shape[1]], offset: 0)
        }
        var result = multiply(
            oriented(left, attributes.transposeA), oriented(right, attributes.transposeB), shape: shape, lane)
        let alpha = T(converting: Double(attributes.alpha))
        let beta = T(converting: Double(attributes.beta))
        if attributes.alpha != 1 { result = result.map(lane) { $0.multiplied(by: alpha) } }
        if let addend, attributes.beta != 0 {
            let scaled = attributes.beta != 1
            result = try combine(result, addend, lane, to: T.elementType) { product, term in
                product.adding(scaled ? term.multiplied(by: beta) : term)
            }
        }
        return result.narrowed(to: left.elementType)
    }
}
