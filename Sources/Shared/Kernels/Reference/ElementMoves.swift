package import Tensors

/// Moves elements of any type: what matters is only how many bytes one takes.
package enum ElementMoves {
    /// A tensor of shape `shape` whose element at each position is read from `source` at `offset` plus the strides.
    ///
    /// - Precondition: Every position that arises lies within `source`.
    package static func gather(_ source: Tensor, shape: Shape, strides: [Int], offset: Int) -> Tensor {
        switch source.elementType.byteCount {
        case 1: gather(source, UInt8.self, shape: shape, strides: strides, offset: offset)
        case 2: gather(source, UInt16.self, shape: shape, strides: strides, offset: offset)
        case 4: gather(source, UInt32.self, shape: shape, strides: strides, offset: offset)
        default: gather(source, UInt64.self, shape: shape, strides: strides, offset: offset)
        }
    }

    /// A tensor whose position p along each axis reads `source` at `indices[axis][p]`, or `fill` where that is `nil`.
    ///
    /// - Precondition: One list per axis, its indices within the extent; `fill` has the source's type and one element.
    static func remap(_ source: Tensor, shape: Shape, indices: [[Int?]], fill: Tensor) -> Tensor {
        switch source.elementType.byteCount {
        case 1: remap(source, UInt8.self, shape: shape, indices: indices, fill: fill)
        case 2: remap(source, UInt16.self, shape: shape, indices: indices, fill: fill)
        case 4: remap(source, UInt32.self, shape: shape, indices: indices, fill: fill)
        default: remap(source, UInt64.self, shape: shape, indices: indices, fill: fill)
        }
    }

    /// Tensors of equal extents except along `axis`, one after the other along it.
    ///
    /// - Precondition: Types and shapes fit.
    static func concatenate(_ sources: [Tensor], axis: Int, shape: Shape, elementType: ElementType) -> Tensor {
        var result = Tensor(zeros: shape, elementType: elementType)
        let outer = KernelShapes.count(shape.dimensions[..<axis])
        let inner = KernelShapes.count(shape.dimensions[(axis + 1)...]) * elementType.byteCount
        let row = shape[axis] * inner
        var start = 0
        for source in sources where source.elementCount > 0 {
            let bytes = source.shape[axis] * inner
            unsafe result.withUnsafeMutableBytes { target in
                unsafe source.withUnsafeBytes { part in
                    for index in 0..<outer {
                        let chunk = unsafe UnsafeRawBufferPointer(rebasing: part[index * bytes..<(index + 1) * bytes])
                        let begin = index * row + start
                        unsafe UnsafeMutableRawBufferPointer(rebasing: target[begin..<begin + bytes])
                            .copyMemory(from: chunk)
                    }
                }
            }
            start += bytes
        }
        return result
    }

    /// The positions `range` along `axis`.
    ///
    /// - Precondition: The range lies within the extent.
    static func slice(_ source: Tensor, axis: Int, range: Range<Int>) -> Tensor {
        var dimensions = source.shape.dimensions
        dimensions[axis] = range.count
        let strides = source.shape.rowMajorStrides
        return gather(source, shape: Shape(dimensions), strides: strides, offset: range.lowerBound * strides[axis])
    }

    /// The entries at `indices` along `axis`, one block per index.
    ///
    /// - Precondition: The indices lie within the extent; `shape` is the result's.
    static func take(_ source: Tensor, axis: Int, indices: [Int], shape: Shape) -> Tensor {
        var result = Tensor(zeros: shape, elementType: source.elementType)
        guard result.elementCount > 0 else { return result }
        let outer = KernelShapes.count(source.shape.dimensions[..<axis])
        let block = KernelShapes.count(source.shape.dimensions[(axis + 1)...]) * source.elementType.byteCount
        let row = source.shape[axis] * block
        unsafe result.withUnsafeMutableBytes { target in
            unsafe source.withUnsafeBytes { bytes in
                var begin = 0
                for lead in 0..<outer {
                    for index in indices {
                        let from = lead * row + index * block
                        let chunk = unsafe UnsafeRawBufferPointer(rebasing: bytes[from..<from + block])
                        unsafe UnsafeMutableRawBufferPointer(rebasing: target[begin..<begin + block])
                            .copyMemory(from: chunk)
                        begin += block
                    }
                }
            }
        }
        return result
    }

    private static func gather<Word: BitwiseCopyable & FixedWidthInteger>(
        _ source: Tensor, _ word: Word.Type, shape: Shape, strides: [Int], offset: Int
    ) -> Tensor {
        var result = Tensor(zeros: shape, elementType: source.elementType)
        guard result.elementCount > 0 else { return result }
        let walk = StridedWalk(dimensions: shape.dimensions, strides: [strides])
        let stride = walk.rowStrides[0]
        let count = walk.rowCount
        unsafe result.withUnsafeMutableBytes { target in
            unsafe source.withUnsafeBytes { bytes in
                let output = unsafe target.assumingMemoryBound(to: Word.self)
                let input = unsafe bytes.assumingMemoryBound(to: Word.self)
                var position = 0
                walk.forEachRow { offsets in
                    var from = offset &+ offsets[0]
                    for _ in 0..<count {
                        unsafe output[position] = input[from]
                        position &+= 1
                        from &+= stride
                    }
                }
            }
        }
        return result
    }

    private static func remap<Word: BitwiseCopyable & FixedWidthInteger>(
        _ source: Tensor, _ word: Word.Type, shape: Shape, indices: [[Int?]], fill: Tensor
    ) -> Tensor {
        var result = Tensor(zeros: shape, elementType: source.elementType)
        guard result.elementCount > 0, let last = indices.last else {
            return result.elementCount > 0 ? source : result
        }
        let strides = source.shape.rowMajorStrides
        var rows: [Int?] = [0]
        for axis in indices.indices.dropLast() {
            rows = rows.flatMap { row in
                indices[axis].map { index in
                    if let row, let index { row + index * strides[axis] } else { nil }
                }
            }
        }
        unsafe result.withUnsafeMutableBytes { target in
            unsafe source.withUnsafeBytes { bytes in
                unsafe fill.withUnsafeBytes { fillBytes in
                    let output = unsafe target.assumingMemoryBound(to: Word.self)
                    let input = unsafe bytes.assumingMemoryBound(to: Word.self)
                    let blank = unsafe fillBytes.assumingMemoryBound(to: Word.self)[0]
                    var position = 0
                    for row in rows {
                        for index in last {
                            if let row, let index {
                                unsafe output[position] = input[row + index]
                            } else {
                                unsafe output[position] = blank
                            }
                            position &+= 1
                        }
                    }
                }
            }
        }
        return result
    }
}
