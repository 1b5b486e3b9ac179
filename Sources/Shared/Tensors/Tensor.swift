/// A dense multi-dimensional array: contiguous, row-major, aligned to 64 bytes, with value semantics.
///
/// Copies share their bytes until one of them is written. A tensor that shares the bytes of a mapped file or of a part of a
/// larger tensor is aligned to its element size only.
public struct Tensor: Sendable {
    /// The extents.
    public let shape: Shape
    /// The type of each element.
    public let elementType: ElementType
    /// The bytes; `shape.elementCount * elementType.byteCount` of them.
    public private(set) var storage: TensorStorage

    /// Makes a tensor over existing storage.
    ///
    /// - Precondition: The storage has exactly the bytes that the shape and type need.
    public init(shape: Shape, elementType: ElementType, storage: TensorStorage) {
        precondition(
            storage.byteCount == shape.elementCount * elementType.byteCount,
            "A tensor \(shape) of \(elementType) does not fit \(storage.byteCount) bytes")
        self.shape = shape
        self.elementType = elementType
        self.storage = storage
    }

    /// Makes a tensor whose elements are all zero (`false` for `bool`).
    public init(zeros shape: Shape, elementType: ElementType) {
        self.init(
            shape: shape, elementType: elementType,
            storage: TensorStorage(uninitializedByteCount: shape.elementCount * elementType.byteCount))
        unsafe storage.mutableBytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// Makes a tensor from its elements in row-major order.
    ///
    /// - Precondition: `elements.count == shape.elementCount`.
    public init<Element: TensorElement>(shape: Shape, elements: [Element]) {
        precondition(elements.count == shape.elementCount, "\(elements.count) elements for shape \(shape)")
        self.init(
            shape: shape, elementType: Element.elementType,
            storage: TensorStorage(uninitializedByteCount: elements.count * MemoryLayout<Element>.stride))
        unsafe elements.withUnsafeBytes { source in
            unsafe storage.mutableBytes.copyMemory(from: source)
        }
    }

    /// Makes a scalar.
    public init<Element: TensorElement>(scalar value: Element) {
        self.init(shape: [], elements: [value])
    }

    /// Number of elements.
    public var elementCount: Int { shape.elementCount }

    /// Number of bytes.
    public var byteCount: Int { storage.byteCount }

    /// Reads the elements in row-major order.
    ///
    /// - Precondition: `Element` is the tensor's element type.
    @inlinable
    public func withElements<Element: TensorElement, Result, Failure: Error>(
        as type: Element.Type, _ body: (Span<Element>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(type.elementType == elementType, "The tensor holds \(elementType), not \(type.elementType)")
        let elements = unsafe storage.bytes.assumingMemoryBound(to: Element.self)
        return try unsafe body(elements.span)
    }

    /// Writes the elements in row-major order; copies the bytes first when another tensor shares them.
    ///
    /// - Precondition: `Element` is the tensor's element type.
    public mutating func withMutableElements<Element: TensorElement, Result, Failure: Error>(
        as type: Element.Type, _ body: (inout MutableSpan<Element>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(type.elementType == elementType, "The tensor holds \(elementType), not \(type.elementType)")
        makeUnique()
        let elements = unsafe storage.mutableBytes.assumingMemoryBound(to: Element.self)
        var span = unsafe elements.mutableSpan
        return try body(&span)
    }

    /// Reads the bytes.
    @unsafe
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(storage.bytes)
    }

    /// Writes the bytes; copies them first when another tensor shares them.
    @unsafe
    public mutating func withUnsafeMutableBytes<Result, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        makeUnique()
        return try unsafe body(storage.mutableBytes)
    }

    /// The elements in row-major order as an array.
    ///
    /// - Precondition: `Element` is the tensor's element type.
    public func elements<Element: TensorElement>(as type: Element.Type) -> [Element] {
        precondition(type.elementType == elementType, "The tensor holds \(elementType), not \(type.elementType)")
        return unsafe Array(storage.bytes.assumingMemoryBound(to: Element.self))
    }

    /// The same elements under other extents, sharing the bytes.
    ///
    /// - Precondition: The number of elements stays the same.
    public func reshaped(to shape: Shape) -> Tensor {
        Tensor(shape: shape, elementType: elementType, storage: storage)
    }

    /// The entries `range` along the outermost axis, sharing the bytes: [8, 3, 4] with 2..<4 gives [2, 3, 4].
    ///
    /// - Precondition: The rank is at least 1 and the range lies within the outermost extent.
    public func slice(outermost range: Range<Int>) -> Tensor {
        precondition(shape.rank >= 1, "A scalar has no outermost axis")
        precondition(range.lowerBound >= 0 && range.upperBound <= shape[0], "Slice \(range) of \(shape)")
        let rowBytes = shape[0] == 0 ? 0 : byteCount / shape[0]
        let part = TensorStorage(part: range.lowerBound * rowBytes..<range.upperBound * rowBytes, of: storage)
        return Tensor(
            shape: Shape([range.count] + shape.dimensions.dropFirst()), elementType: elementType, storage: part)
    }

    private mutating func makeUnique() {
        if isKnownUniquelyReferenced(&storage), storage.isOwnAllocation { return }
        let copy = TensorStorage(uninitializedByteCount: storage.byteCount)
        unsafe copy.mutableBytes.copyMemory(from: storage.bytes)
        storage = copy
    }
}

extension Tensor: Hashable {
    /// Whether shape, type and every byte agree (so NaN equals the same NaN, and 0 differs from -0).
    public static func == (left: Tensor, right: Tensor) -> Bool {
        guard left.shape == right.shape, left.elementType == right.elementType else { return false }
        return unsafe left.storage.bytes.elementsEqual(right.storage.bytes)
    }

    /// Hashes shape, type and bytes.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(shape)
        hasher.combine(elementType)
        unsafe hasher.combine(bytes: storage.bytes)
    }
}
