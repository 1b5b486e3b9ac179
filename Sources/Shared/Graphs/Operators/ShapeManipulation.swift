internal import Tensors

/// What `Pad` puts outside the data.
public enum PaddingMode: String, Hashable, Sendable, CaseIterable {
    case constant
    case reflect
    case edge
    case wrap
}

extension ShapeRule {
    func flatten(axis: Int) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        guard let dimensions = data.type.dimensions else {
            return outputs(like: data, dimensions: [.unknown, .unknown])
        }
        // The rank itself is a legal axis: everything goes to the first extent.
        guard axis >= -dimensions.count, axis <= dimensions.count else {
            throw ShapeRuleError("axis \(axis) is outside a tensor of rank \(dimensions.count)")
        }
        let first = axis < 0 ? axis + dimensions.count : axis
        return outputs(like: data, dimensions: [product(dimensions[..<first]), product(dimensions[first...])])
    }

    func transpose(_ permutation: [Int]?) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        guard let dimensions = data.type.dimensions else {
            return outputs(like: data, dimensions: permutation.map { $0.map { _ in .unknown } })
        }
        let order = permutation ?? dimensions.indices.reversed()
        guard order.sorted() == Array(dimensions.indices) else {
            throw ShapeRuleError("perm \(order) is no permutation of \(dimensions.count) axes")
        }
        let elements = data.elementsWithShape.map {
            ElementSelection.transpose($0.elements, of: $0.shape, permutation: order)
        }
        let type = TensorType(elementType: data.type.elementType, dimensions: order.map { dimensions[$0] })
        return [InferredValue(type, elements: elements)]
    }

    func squeeze() throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        guard let dimensions = data.type.dimensions else { return outputs(like: data, dimensions: nil) }
        let removed: [Int]
        if optional(1) != nil {
            guard let given = integers(1) else { return outputs(like: data, dimensions: nil) }
            removed = try axes(given, rank: dimensions.count)
            for axis in removed {
                if let extent = dimensions[axis].fixedValue, extent != 1 {
                    throw ShapeRuleError("axis \(axis) has extent \(extent), not 1")
                }
            }
        } else {
            guard dimensions.allSatisfy({ $0.fixedValue != nil }) else {
                return outputs(like: data, dimensions: nil)
            }
            removed = dimensions.indices.filter { dimensions[$0] == 1 }
        }
        let kept = dimensions.indices.filter { !removed.contains($0) }.map { dimensions[$0] }
        return [
            InferredValue(
                TensorType(elementType: data.type.elementType, dimensions: kept), elements: data.elements)
        ]
    }

    func unsqueeze() throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        guard let dimensions = data.type.dimensions, let given = integers(1) else {
            return outputs(like: data, dimensions: nil)
        }
        let rank = dimensions.count + given.count
        let added = try axes(given, rank: rank)
        var rest = dimensions[...]
        let result = (0..<rank).map { added.contains($0) ? 1 : rest.removeFirst() }
        return [
            InferredValue(
                TensorType(elementType: data.type.elementType, dimensions: result), elements: data.elements)
        ]
    }

    func expand() throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        let target = try targetExtents(try required(1), input: 1)
        return outputs(like: data, dimensions: try broadcast(data.type.dimensions, target))
    }

    func concat(axis: Int) throws(ShapeRuleError) -> [InferredValue] {
        let first = try required(0)
        guard var dimensions = first.type.dimensions else { return outputs(like: first, dimensions: nil) }
        let axis = try self.axis(axis, rank: dimensions.count)
        var elements = dimensions.count == 1 ? knownOrUnknownElements(first) : nil
        for index in inputs.indices.dropFirst() {
            let next = try required(index)
            let other = next.type.dimensions ?? dimensions.map { _ in .unknown }
            guard other.count == dimensions.count else {
                throw ShapeRuleError("input \(index) has rank \(other.count) but input 0 has rank \(dimensions.count)")
            }
            for position in dimensions.indices {
                if position == axis {
                    dimensions[position] = dimensions[position] + other[position]
                } else {
                    dimensions[position] = try unified(
                        dimensions[position], other[position], "axis \(position) of inputs 0 and \(index)")
                }
            }
            if let known = elements, let more = knownOrUnknownElements(next) {
                elements = known + more
            } else {
                elements = nil
            }
        }
        let type = TensorType(elementType: first.type.elementType, dimensions: dimensions)
        return [InferredValue(type, elements: elements)]
    }

    /// The elements, unknown ones when only their number is known: one computed extent must not hide the others.
    private func knownOrUnknownElements(_ value: InferredValue) -> [InferredValue.Element]? {
        if let elements = value.elements { return elements }
        guard !value.type.elementType.isFloatingPoint, let count = value.type.shape?.elementCount,
            count <= InferredValue.maximumElementCount
        else { return nil }
        return Array(repeating: .integer(.unknown), count: count)
    }

    func split(axis: Int, declaredCount: Int?) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        guard let dimensions = data.type.dimensions else {
            return (0..<outputCount).flatMap { _ in outputs(like: data, dimensions: nil) }
        }
        let axis = try self.axis(axis, rank: dimensions.count)
        let sizes = try splitSizes(of: dimensions[axis], declaredCount: declaredCount)
        return sizes.flatMap { size in
            var part = dimensions
            part[axis] = size
            return outputs(like: data, dimensions: part)
        }
    }

    private func splitSizes(of extent: Dimension, declaredCount: Int?) throws(ShapeRuleError) -> [Dimension] {
        if optional(1) != nil {
            guard let sizes = extents(1) else { return [Dimension](repeating: .unknown, count: outputCount) }
            guard sizes.count == outputCount else {
                throw ShapeRuleError("\(sizes.count) sizes are given for \(outputCount) outputs")
            }
            guard sizes.allSatisfy({ ($0.fixedValue ?? 0) >= 0 }) else {
                throw ShapeRuleError("a size in \(sizes) is negative")
            }
            _ = try unified(sizes.reduce(0, +), extent, "sum of the sizes and extent of the axis")
            return sizes
        }
        let count = declaredCount ?? outputCount
        guard count == outputCount, count >= 1 else {
            throw ShapeRuleError("it splits into \(count) parts but has \(outputCount) outputs")
        }
        guard let value = extent.fixedValue else {
            return [Dimension](repeating: extent.dividedExactly(by: .fixed(count)), count: count)
        }
        // The last part is smaller when the extent does not divide evenly.
        let part = value / count + (value.isMultiple(of: count) ? 0 : 1)
        let last = value - part * (count - 1)
        guard last >= 0 else { throw ShapeRuleError("extent \(value) does not split into \(count) parts") }
        return [Dimension](repeating: .fixed(part), count: count - 1) + [.fixed(last)]
    }

    func pad() throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        guard let dimensions = data.type.dimensions else { return outputs(like: data, dimensions: nil) }
        guard let pads = extents(1) else { return outputs(like: data, dimensions: dimensions.map { _ in .unknown }) }
        var padded = Array(dimensions.indices)
        if optional(3) != nil {
            guard let given = integers(3) else {
                return outputs(like: data, dimensions: dimensions.map { _ in .unknown })
            }
            padded = try axes(given, rank: dimensions.count)
        }
        guard pads.count == padded.count * 2 else {
            throw ShapeRuleError("\(pads.count) pads are given for \(padded.count) axes; each has a begin and an end")
        }
        var result = dimensions
        for (position, axis) in padded.enumerated() {
            result[axis] = dimensions[axis] + pads[position] + pads[position + padded.count]
            if let extent = result[axis].fixedValue, extent < 0 {
                throw ShapeRuleError("the pads take more from axis \(axis) than its extent \(dimensions[axis])")
            }
        }
        return outputs(like: data, dimensions: result)
    }
}
