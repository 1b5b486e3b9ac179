extension Tensor {
    /// Makes a tensor by laying tensors of one shape and type behind each other along a new outermost axis:
    /// four of [3, 8] give [4, 3, 8].
    ///
    /// - Returns: `nil` when there is no tensor, or when shapes or types differ.
    public init?(stacking parts: [Tensor]) {
        guard let first = parts.first,
            parts.allSatisfy({ $0.shape == first.shape && $0.elementType == first.elementType })
        else { return nil }
        let storage = TensorStorage(uninitializedByteCount: parts.count * first.byteCount)
        for (index, part) in parts.enumerated() where first.byteCount > 0 {
            let target = unsafe UnsafeMutableRawBufferPointer(
                rebasing: storage.mutableBytes[index * first.byteCount..<(index + 1) * first.byteCount])
            unsafe target.copyMemory(from: part.storage.bytes)
        }
        self.init(
            shape: Shape([parts.count] + first.shape.dimensions), elementType: first.elementType, storage: storage)
    }
}
