import Tensors

/// Picks elements of any type one by one: what matters is only how many bytes one takes.
enum ElementChoice {
    /// A tensor of shape `shape` whose element `i` is the element of `source` at `positions[i]`, both row-major.
    ///
    /// - Precondition: One position for each element, each within `source`.
    static func collect(_ source: Tensor, at positions: [Int], shape: Shape) -> Tensor {
        switch source.elementType.byteCount {
        case 1: collect(source, UInt8.self, positions, shape)
        case 2: collect(source, UInt16.self, positions, shape)
        case 4: collect(source, UInt32.self, positions, shape)
        default: collect(source, UInt64.self, positions, shape)
        }
    }

    /// `target` with the element at `positions[i]` replaced by element `i` of `updates`, in this order.
    ///
    /// - Precondition: The types are equal, the positions lie within `target`.
    static func place(_ updates: Tensor, into target: Tensor, at positions: [Int]) -> Tensor {
        switch target.elementType.byteCount {
        case 1: place(updates, into: target, UInt8.self, positions)
        case 2: place(updates, into: target, UInt16.self, positions)
        case 4: place(updates, into: target, UInt32.self, positions)
        default: place(updates, into: target, UInt64.self, positions)
        }
    }

    /// The elements of `first` where the condition is true and of `second` elsewhere; strides are of condition, first and second.
    ///
    /// - Precondition: The types are equal, the strides lead nowhere else.
    static func select(_ condition: Tensor, _ first: Tensor, _ second: Tensor, shape: Shape, strides: [[Int]]) -> Tensor
    {
        switch first.elementType.byteCount {
        case 1: select(condition, first, second, UInt8.self, shape, strides)
        case 2: select(condition, first, second, UInt16.self, shape, strides)
        case 4: select(condition, first, second, UInt32.self, shape, strides)
        default: select(condition, first, second, UInt64.self, shape, strides)
        }
    }

    private static func collect<Word: TensorElement>(
        _ source: Tensor, _ word: Word.Type, _ positions: [Int], _ shape: Shape
    ) -> Tensor {
        let words = source.reinterpreted(as: word).withElements(as: word) { words in positions.map { words[$0] } }
        return Tensor(shape: shape, elements: words).reinterpreted(as: source.elementType)
    }

    private static func place<Word: TensorElement>(
        _ updates: Tensor, into target: Tensor, _ word: Word.Type, _ positions: [Int]
    ) -> Tensor {
        var words = target.reinterpreted(as: word).elements(as: word)
        updates.reinterpreted(as: word).withElements(as: word) { updates in
            for (index, position) in positions.enumerated() { words[position] = updates[index] }
        }
        return Tensor(shape: target.shape, elements: words).reinterpreted(as: target.elementType)
    }

    private static func select<Word: TensorElement>(
        _ condition: Tensor, _ first: Tensor, _ second: Tensor, _ word: Word.Type, _ shape: Shape, _ strides: [[Int]]
    ) -> Tensor {
        let walk = StridedWalk(dimensions: shape.dimensions, strides: strides)
        let (count, steps) = (walk.rowCount, walk.rowStrides)
        var words: [Word] = []
        words.reserveCapacity(shape.elementCount)
        condition.withElements(as: Bool.self) { condition in
            first.reinterpreted(as: word).withElements(as: word) { first in
                second.reinterpreted(as: word).withElements(as: word) { second in
                    walk.forEachRow { offsets in
                        for index in 0..<count {
                            let isTrue = condition[offsets[0] + index * steps[0]]
                            words.append(
                                isTrue
                                    ? first[offsets[1] + index * steps[1]] : second[offsets[2] + index * steps[2]])
                        }
                    }
                }
            }
        }
        return Tensor(shape: shape, elements: words).reinterpreted(as: first.elementType)
    }
}

extension Tensor {
    /// The same bytes as unsigned integers of the elements' width.
    fileprivate func reinterpreted<Word: TensorElement>(as word: Word.Type) -> Tensor {
        reinterpreted(as: Word.elementType)
    }

    /// The same bytes as elements of another type of the same width.
    fileprivate func reinterpreted(as type: ElementType) -> Tensor {
        precondition(type.byteCount == elementType.byteCount, "\(elementType) and \(type) differ in width")
        return Tensor(shape: shape, elementType: type, storage: storage)
    }
}
