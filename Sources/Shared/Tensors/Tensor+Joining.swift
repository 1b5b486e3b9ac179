extension Tensor {
    /// Joins tensors along their outermost axis: [2, 3] and [4, 3] give [6, 3].
    ///
    /// - Precondition: There is at least one part, and all have rank 1 or more, the same element type, and the same
    ///   extents but for the outermost.
    public init(joining parts: [Tensor]) {
        guard let first = parts.first else { preconditionFailure("No tensors to join") }
        precondition(first.shape.rank >= 1, "Scalars cannot be joined")
        var rows = 0
        for part in parts {
            precondition(
                part.elementType == first.elementType
                    && part.shape.dimensions.dropFirst() == first.shape.dimensions.dropFirst(),
                "Cannot join \(part.elementType)\(part.shape) to \(first.elementType)\(first.shape)")
            rows += part.shape[0]
        }
        let storage = TensorStorage(uninitializedByteCount: parts.reduce(0) { $0 + $1.byteCount })
        var offset = 0
        for part in parts {
            let target = unsafe storage.mutableBytes[offset..<offset + part.byteCount]
            unsafe UnsafeMutableRawBufferPointer(rebasing: target).copyMemory(from: part.storage.bytes)
            offset += part.byteCount
        }
        self.init(
            shape: Shape([rows] + first.shape.dimensions.dropFirst()), elementType: first.elementType, storage: storage)
    }
}
