internal import Tensors

extension ShapeRule {
    func gather(axis: Int) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        let indices = try required(1)
        guard let dimensions = data.type.dimensions else { return outputs(like: data, dimensions: nil) }
        let axis = try self.axis(axis, rank: dimensions.count)
        guard let picked = indices.type.dimensions else { return outputs(like: data, dimensions: nil) }
        let type = TensorType(
            elementType: data.type.elementType,
            dimensions: dimensions[..<axis] + picked + dimensions[(axis + 1)...])
        return [InferredValue(type, elements: try gatheredElements(data, rank: dimensions.count))]
    }

    private func gatheredElements(
        _ data: InferredValue, rank: Int
    ) throws(ShapeRuleError) -> [InferredValue.Element]? {
        guard rank == 1, let elements = data.elements, let indices = integers(1) else { return nil }
        var picked: [InferredValue.Element] = []
        for index in indices {
            let position = index < 0 ? index + elements.count : index
            guard elements.indices.contains(position) else {
                throw ShapeRuleError("index \(index) is outside \(elements.count) elements")
            }
            picked.append(elements[position])
        }
        return picked
    }

    func shape(start: Int, end: Int?) throws(ShapeRuleError) -> [InferredValue] {
        guard let dimensions = try required(0).type.dimensions else {
            return [InferredValue(TensorType(elementType: .int64, dimensions: [.unknown]))]
        }
        let rank = dimensions.count
        // Both ends are clamped, as the operator does.
        let first = min(max(start < 0 ? start + rank : start, 0), rank)
        let stop = end ?? rank
        let last = max(min(max(stop < 0 ? stop + rank : stop, 0), rank), first)
        let type = TensorType(elementType: .int64, dimensions: [.fixed(last - first)])
        return [InferredValue(type, elements: dimensions[first..<last].map { .integer($0) })]
    }

    func constantOfShape(_ value: Tensor) throws(ShapeRuleError) -> [InferredValue] {
        let target = try required(0)
        let dimensions = try targetExtents(target, input: 0)
        let type = TensorType(elementType: value.elementType, dimensions: dimensions)
        guard let count = type.shape?.elementCount, count <= InferredValue.maximumElementCount,
            let element = InferredValue(value).elements?.first
        else { return [InferredValue(type)] }
        return [InferredValue(type, elements: Array(repeating: element, count: count))]
    }

    /// The extents that a shape input asks for; unknown ones when only their number is known, `nil` when not even that is.
    func targetExtents(_ target: InferredValue, input: Int) throws(ShapeRuleError) -> [Dimension]? {
        if let dimensions = target.type.dimensions, dimensions.count != 1 {
            throw ShapeRuleError("input \(input) has rank \(dimensions.count), not 1")
        }
        guard let extents = extents(input) else {
            guard let rank = target.type.dimensions?[0].fixedValue, rank <= InferredValue.maximumElementCount else {
                return nil
            }
            return [Dimension](repeating: .unknown, count: rank)
        }
        for extent in extents {
            if let value = extent.fixedValue, value < 0 {
                throw ShapeRuleError("input \(input) asks for the negative extent \(value)")
            }
        }
        return extents
    }
}
