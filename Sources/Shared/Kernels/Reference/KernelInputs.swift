import Tensors

/// The inputs of one operator, with checked access.
struct KernelInputs {
    /// Inputs in order; `nil` is an absent optional one.
    let tensors: [Tensor?]

    /// Number of inputs, absent ones included.
    var count: Int { tensors.count }

    /// The input, or `nil` when it is absent.
    func optional(_ index: Int) -> Tensor? {
        tensors.indices.contains(index) ? tensors[index] : nil
    }

    /// The input; throws when it is absent.
    func required(_ index: Int) throws(KernelError) -> Tensor {
        guard let tensor = optional(index) else { throw .missingInput(index: index) }
        return tensor
    }

    /// The input, which must have one of the types.
    func required(_ index: Int, types: Set<ElementType>) throws(KernelError) -> Tensor {
        let tensor = try required(index)
        guard types.contains(tensor.elementType) else {
            throw .unsupportedElementType(input: index, type: tensor.elementType.rawValue)
        }
        return tensor
    }

    /// The optional input, which must have exactly this type when it is there.
    func optional(_ index: Int, type: ElementType) throws(KernelError) -> Tensor? {
        guard let tensor = optional(index) else { return nil }
        guard tensor.elementType == type else {
            throw .unsupportedElementType(input: index, type: tensor.elementType.rawValue)
        }
        return tensor
    }

    /// The elements of an int32 or int64 input of rank 0 or 1, or `nil` when it is absent.
    func optionalIntegers(_ index: Int) throws(KernelError) -> [Int]? {
        guard let tensor = optional(index) else { return nil }
        guard tensor.shape.rank <= 1 else {
            throw .shapeMismatch("input \(index) must be a list of integers but has shape \(tensor.shape)")
        }
        switch tensor.elementType {
        case .int64: return tensor.elements(as: Int64.self).map(Int.init)
        case .int32: return tensor.elements(as: Int32.self).map(Int.init)
        default: throw .unsupportedElementType(input: index, type: tensor.elementType.rawValue)
        }
    }

    /// The elements of an int32 or int64 input of rank 0 or 1.
    func integers(_ index: Int) throws(KernelError) -> [Int] {
        guard let values = try optionalIntegers(index) else { throw .missingInput(index: index) }
        return values
    }

    /// The only element of an int32 or int64 input of rank 0 or 1, or `nil` when it is absent.
    func optionalInteger(_ index: Int) throws(KernelError) -> Int? {
        guard let values = try optionalIntegers(index) else { return nil }
        guard values.count == 1 else {
            throw .shapeMismatch("input \(index) must be one integer but has \(values.count)")
        }
        return values[0]
    }

    /// The only element of an int32 or int64 input of rank 0 or 1.
    func integer(_ index: Int) throws(KernelError) -> Int {
        guard let value = try optionalInteger(index) else { throw .missingInput(index: index) }
        return value
    }
}

/// Checks on shapes and axes that models can get wrong.
enum KernelShapes {
    /// Largest tensor that a reference kernel makes, in bytes (16 GiB): no calibrated model needs more, and a broken
    /// one must not take the machine down.
    static let maximumByteCount = 1 << 34

    /// A shape for an output; throws when an extent is negative or the tensor would be too large.
    static func output(_ dimensions: [Int], _ elementType: ElementType) throws(KernelError) -> Shape {
        guard let shape = Shape(checking: dimensions), shape.elementCount <= maximumByteCount / elementType.byteCount
        else { throw .shapeMismatch("an output of shape \(dimensions) is impossible or larger than 16 GiB") }
        return shape
    }

    /// A shape for an output whose extents are products of two; throws when it is impossible or would be too large.
    static func output(
        _ extents: [Int], times counts: [Int], _ elementType: ElementType
    ) throws(KernelError) -> Shape {
        var dimensions: [Int] = []
        for (extent, count) in zip(extents, counts) {
            let (product, overflow) = extent.multipliedReportingOverflow(by: count)
            guard !overflow else { throw .shapeMismatch("an extent of \(extent) * \(count) is impossible") }
            dimensions.append(product)
        }
        return try output(dimensions, elementType)
    }

    /// An axis counted from the front; `axis` may be negative.
    ///
    /// `limit` is the rank, or rank + 1 where one past is legal.
    static func axis(_ axis: Int, limit: Int, rank: Int) throws(KernelError) -> Int {
        guard axis >= -rank && axis < limit else {
            throw .invalidArgument("axis \(axis) lies outside a tensor of rank \(rank)")
        }
        return axis < 0 ? axis + rank : axis
    }

    /// An axis counted from the front.
    static func axis(_ axis: Int, rank: Int) throws(KernelError) -> Int {
        try self.axis(axis, limit: rank, rank: rank)
    }

    /// Distinct axes counted from the front, in the order given.
    static func axes(_ axes: [Int], rank: Int) throws(KernelError) -> [Int] {
        var result: [Int] = []
        for axis in axes {
            let normalized = try self.axis(axis, rank: rank)
            guard !result.contains(normalized) else {
                throw .invalidArgument("axis \(axis) appears twice in \(axes)")
            }
            result.append(normalized)
        }
        return result
    }

    /// The product of extents that are known to belong to a valid shape.
    static func count(_ extents: ArraySlice<Int>) -> Int { extents.reduce(1, &*) }
}
