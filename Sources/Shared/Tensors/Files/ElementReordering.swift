/// Turns elements as a file stores them into elements as a tensor stores them.
enum ElementReordering {
    /// A tensor of elements that lie in `storage` in a file's byte and memory order.
    ///
    /// - Precondition: The storage holds exactly the elements.
    /// - Throws: `malformed` when a truth value is neither 0 nor 1.
    static func tensor(
        from storage: TensorStorage, shape: Shape, elementType: ElementType, isBigEndian: Bool = false,
        isFortranOrder: Bool = false, path: String, member: String?
    ) throws(TensorFileError) -> Tensor {
        var storage = storage
        if elementType == .bool {
            // Any other byte in a Swift Bool is undefined behaviour.
            guard unsafe storage.bytes.allSatisfy({ $0 <= 1 }) else {
                throw TensorFileError(
                    path: path, member: member, reason: .malformed("a truth value is neither 0 nor 1"))
            }
        }
        let mustTranspose = isFortranOrder && shape.rank > 1
        if isBigEndian || mustTranspose || !storage.isAligned(to: elementType.byteCount) {
            switch elementType.byteCount {
            case 1: storage = reordered(storage, UInt8.self, shape, isBigEndian, mustTranspose)
            case 2: storage = reordered(storage, UInt16.self, shape, isBigEndian, mustTranspose)
            case 4: storage = reordered(storage, UInt32.self, shape, isBigEndian, mustTranspose)
            default: storage = reordered(storage, UInt64.self, shape, isBigEndian, mustTranspose)
            }
        }
        return Tensor(shape: shape, elementType: elementType, storage: storage)
    }

    /// Copies the elements, seen as words of their size, into row-major little-endian order.
    private static func reordered<Word: FixedWidthInteger & BitwiseCopyable>(
        _ source: TensorStorage, _ type: Word.Type, _ shape: Shape, _ isBigEndian: Bool, _ mustTranspose: Bool
    ) -> TensorStorage {
        let target = TensorStorage(uninitializedByteCount: source.byteCount)
        guard shape.elementCount > 0 else { return target }
        let input = unsafe source.bytes
        let output = unsafe target.mutableBytes.bindMemory(to: Word.self)
        let width = MemoryLayout<Word>.size
        func element(_ index: Int) -> Word {
            let word = unsafe input.loadUnaligned(fromByteOffset: index * width, as: Word.self)
            return isBigEndian ? Word(bigEndian: word) : Word(littleEndian: word)
        }
        guard mustTranspose else {
            for index in 0..<shape.elementCount { unsafe output[index] = element(index) }
            return target
        }
        // Walks the output in row-major order and keeps the place in the column-major input beside it.
        var columnMajorStrides = [Int](repeating: 1, count: shape.rank)
        for axis in 1..<shape.rank { columnMajorStrides[axis] = columnMajorStrides[axis - 1] * shape[axis - 1] }
        var coordinates = [Int](repeating: 0, count: shape.rank)
        var position = 0
        for index in 0..<shape.elementCount {
            unsafe output[index] = element(position)
            for axis in coordinates.indices.reversed() {
                coordinates[axis] += 1
                position += columnMajorStrides[axis]
                if coordinates[axis] < shape[axis] { break }
                position -= coordinates[axis] * columnMajorStrides[axis]
                coordinates[axis] = 0
            }
        }
        return target
    }
}
