/// Why the types of an operator's inputs do not fit each other or the attributes.
public struct ShapeRuleError: Error, Hashable, Sendable {
    /// What does not fit, as a sentence without the node's name.
    public let reason: String

    init(_ reason: String) {
        self.reason = reason
    }
}

/// The inputs of one operator, with what the shape rules of all families need.
struct ShapeRule {
    /// `nil` is an absent optional input.
    let inputs: [InferredValue?]
    /// How many outputs the node declares.
    let outputCount: Int

    /// Input `index`, which the operator needs.
    func required(_ index: Int) throws(ShapeRuleError) -> InferredValue {
        guard let value = optional(index) else { throw ShapeRuleError("input \(index) is missing") }
        return value
    }

    /// Input `index` when it is there.
    func optional(_ index: Int) -> InferredValue? {
        inputs.indices.contains(index) ? inputs[index] : nil
    }

    /// An axis in 0..<rank; negative ones count from the end.
    func axis(_ axis: Int, rank: Int) throws(ShapeRuleError) -> Int {
        guard axis >= -rank, axis < rank else {
            throw ShapeRuleError("axis \(axis) is outside a tensor of rank \(rank)")
        }
        return axis < 0 ? axis + rank : axis
    }

    /// Axes in 0..<rank, each once.
    func axes(_ axes: [Int], rank: Int) throws(ShapeRuleError) -> [Int] {
        var result: [Int] = []
        for entry in axes {
            let axis = try axis(entry, rank: rank)
            guard !result.contains(axis) else { throw ShapeRuleError("axis \(entry) is given twice") }
            result.append(axis)
        }
        return result
    }

    /// The integers of input `index`; `nil` when the input is absent or not all of them are known.
    func integers(_ index: Int) -> [Int]? {
        guard let elements = optional(index)?.elements else { return nil }
        let values = elements.compactMap(\.fixedInteger)
        return values.count == elements.count ? values : nil
    }

    /// The extents that the elements of input `index` are; `nil` when nothing is known about them.
    func extents(_ index: Int) -> [Dimension]? {
        optional(index)?.elements?.map { if case .integer(let extent) = $0 { extent } else { .unknown } }
    }

    /// One extent for two that must be equal.
    func unified(
        _ left: Dimension, _ right: Dimension, _ what: @autoclosure () -> String
    ) throws(ShapeRuleError)
        -> Dimension
    {
        switch (left, right) {
        case (.fixed(let first), .fixed(let second)):
            guard first == second else { throw ShapeRuleError("\(what()): \(first) and \(second) differ") }
            return left
        case (.fixed, _): return left
        case (_, .fixed): return right
        case (.symbol, _): return left
        case (.unknown, _): return right
        }
    }

    /// One extent for two that are broadcast against each other.
    func broadcast(_ left: Dimension, _ right: Dimension) throws(ShapeRuleError) -> Dimension {
        if left == right { return left }
        switch (left, right) {
        case (.fixed(1), let other), (let other, .fixed(1)): return other
        case (.fixed(let first), .fixed(let second)):
            throw ShapeRuleError("extents \(first) and \(second) cannot be broadcast")
        // The other one is 1 or the same.
        case (.fixed, _): return left
        case (_, .fixed): return right
        default: return .unknown
        }
    }

    /// The extents of a NumPy broadcast; `nil` when a rank is unknown.
    func broadcast(_ left: [Dimension]?, _ right: [Dimension]?) throws(ShapeRuleError) -> [Dimension]? {
        guard let left, let right else { return nil }
        let rank = max(left.count, right.count)
        var result: [Dimension] = []
        for axis in 0..<rank {
            let first = axis - (rank - left.count)
            let second = axis - (rank - right.count)
            result.append(try broadcast(first < 0 ? 1 : left[first], second < 0 ? 1 : right[second]))
        }
        return result
    }

    /// The product of extents; 1 when there are none.
    func product(_ extents: some Sequence<Dimension>) -> Dimension {
        extents.reduce(.fixed(1), *)
    }

    /// Input 0 with other extents.
    func outputs(like value: InferredValue, dimensions: [Dimension]?) -> [InferredValue] {
        [InferredValue(TensorType(elementType: value.type.elementType, dimensions: dimensions))]
    }

    /// Input 0 as it is, without its elements.
    func sameAsInput() throws(ShapeRuleError) -> [InferredValue] {
        [InferredValue(try required(0).type)]
    }
}
