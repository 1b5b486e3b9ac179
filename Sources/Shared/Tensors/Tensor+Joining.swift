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
        self.init(zeros: Shape([rows] + first.shape.dimensions.dropFirst()), elementType: first.elementType)
        unsafe withUnsafeMutableBytes { target in
            var offset = 0
            for part in parts {
                unsafe part.withUnsafeBytes { source in
                    unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + source.count])
                        .copyMemory(from: source)
                    offset += source.count
                }
            }
        }
    }
}
