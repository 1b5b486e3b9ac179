extension ShapeRule {
    func slice() throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        guard let dimensions = data.type.dimensions else { return outputs(like: data, dimensions: nil) }
        guard let starts = extents(1), let ends = extents(2) else {
            return outputs(like: data, dimensions: dimensions.map { _ in .unknown })
        }
        guard starts.count == ends.count else {
            throw ShapeRuleError("\(starts.count) starts and \(ends.count) ends are given")
        }
        var sliced = Array(starts.indices)
        var steps = [Int](repeating: 1, count: starts.count)
        if optional(3) != nil {
            guard let given = integers(3) else {
                return outputs(like: data, dimensions: dimensions.map { _ in .unknown })
            }
            sliced = given
        }
        if optional(4) != nil {
            guard let given = integers(4) else {
                return outputs(like: data, dimensions: dimensions.map { _ in .unknown })
            }
            steps = given
        }
        guard sliced.count == starts.count, steps.count == starts.count, !steps.contains(0) else {
            throw ShapeRuleError("starts, ends, axes and steps must be equally many and no step may be 0")
        }
        sliced = try axes(sliced, rank: dimensions.count)
        var result = dimensions
        for (position, axis) in sliced.enumerated() {
            let range = SliceRange(start: starts[position], end: ends[position], step: steps[position])
            result[axis] = range.count(of: dimensions[axis])
        }
        var elements: [InferredValue.Element]?
        if let known = data.elementsWithShape {
            var indices: [[Int]?] = known.shape.map { Array(0..<$0) }
            for (position, axis) in sliced.enumerated() {
                let range = SliceRange(start: starts[position], end: ends[position], step: steps[position])
                indices[axis] = range.indices(of: known.shape[axis])
            }
            let chosen = indices.compactMap { $0 }
            if chosen.count == indices.count {
                elements = ElementSelection.select(known.elements, of: known.shape, indices: chosen)
            }
        }
        return [
            InferredValue(TensorType(elementType: data.type.elementType, dimensions: result), elements: elements)
        ]
    }
}

/// What `Slice` takes of one axis.
private struct SliceRange {
    let start: Dimension
    let end: Dimension
    let step: Int

    /// The indices of an axis with a known extent; `nil` when start or end are unknown.
    func indices(of extent: Int) -> [Int]? {
        guard let start = start.fixedValue, let end = end.fixedValue else { return nil }
        if step > 0 {
            let first = clamped(start, extent, 0...extent)
            let last = clamped(end, extent, 0...extent)
            return Array(stride(from: first, to: last, by: step))
        }
        guard extent > 0 else { return [] }
        let first = clamped(start, extent, 0...(extent - 1))
        let last = clamped(end, extent, -1...(extent - 1))
        return Array(stride(from: first, to: last, by: step))
    }

    /// Negative positions count from the end; whatever is outside is moved to the nearest bound.
    private func clamped(_ position: Int, _ extent: Int, _ bounds: ClosedRange<Int>) -> Int {
        let absolute = position < 0 ? position + extent : position
        return min(max(absolute, bounds.lowerBound), bounds.upperBound)
    }

    /// How many elements remain.
    func count(of extent: Dimension) -> Dimension {
        if let value = extent.fixedValue, let first = start.fixedValue, let last = end.fixedValue {
            return .fixed(count(of: value, start: first, end: last))
        }
        guard step == 1, let first = start.fixedValue else {
            // Reversing a whole axis keeps its extent.
            if step == -1, start == .fixed(-1), let last = end.fixedValue, last < -Int(Int32.max) { return extent }
            return .unknown
        }
        return forwardCount(of: extent, from: first)
    }

    private func count(of extent: Int, start: Int, end: Int) -> Int {
        if step > 0 {
            let length = clamped(end, extent, 0...extent) - clamped(start, extent, 0...extent)
            return length <= 0 ? 0 : (length - 1) / step + 1
        }
        guard extent > 0, step > Int.min else { return 0 }
        let length = clamped(start, extent, 0...(extent - 1)) - clamped(end, extent, -1...(extent - 1))
        return length <= 0 ? 0 : (length - 1) / -step + 1
    }

    /// The count for an extent that is a symbol, with step 1.
    private func forwardCount(of extent: Dimension, from first: Int) -> Dimension {
        if end == extent || (end.fixedValue ?? 0) >= Int(Int32.max) {
            if first == 0 { return extent }
            guard first > -Int(Int32.max) else { return extent }
            // The last elements, or all but the first ones.
            return first < 0 ? extent.atMost(-first) : (extent - .fixed(first)).atLeast(0)
        }
        guard let last = end.fixedValue else { return .unknown }
        if first == 0 {
            return last >= 0 ? extent.atMost(last) : (extent + .fixed(last)).atLeast(0)
        }
        // How many of the wanted elements exist depends on the extent.
        return .unknown
    }
}
