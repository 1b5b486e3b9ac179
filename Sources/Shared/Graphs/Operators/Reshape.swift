internal import Tensors

extension ShapeRule {
    func reshape(allowZero: Bool) throws(ShapeRuleError) -> [InferredValue] {
        let data = try required(0)
        let target = try required(1)
        if let dimensions = target.type.dimensions, dimensions.count != 1 {
            throw ShapeRuleError("the target shape has rank \(dimensions.count), not 1")
        }
        guard let wanted = extents(1) else {
            let rank = target.type.dimensions?[0].fixedValue
            let dimensions = rank.flatMap { $0 <= InferredValue.maximumElementCount ? $0 : nil }
            return outputs(
                like: data, dimensions: dimensions.map { [Dimension](repeating: .unknown, count: $0) })
        }
        let result = try reshaped(data.type.dimensions, to: wanted, allowZero: allowZero)
        return [
            InferredValue(
                TensorType(elementType: data.type.elementType, dimensions: result), elements: data.elements)
        ]
    }

    private func reshaped(
        _ dimensions: [Dimension]?, to wanted: [Dimension], allowZero: Bool
    ) throws(ShapeRuleError) -> [Dimension] {
        var result: [Dimension] = []
        var inferred: Int?
        for (axis, extent) in wanted.enumerated() {
            switch extent {
            case .fixed(-1):
                guard inferred == nil else { throw ShapeRuleError("the target shape \(wanted) has -1 twice") }
                inferred = axis
                // The neutral element, so that the product of the others can be taken.
                result.append(1)
            case .fixed(0) where !allowZero:
                if let dimensions {
                    guard dimensions.indices.contains(axis) else {
                        throw ShapeRuleError("the target shape \(wanted) copies axis \(axis), which the data lacks")
                    }
                    result.append(dimensions[axis])
                } else {
                    result.append(.unknown)
                }
            case .fixed(let value) where value < -1:
                throw ShapeRuleError("the target shape \(wanted) has the negative extent \(value)")
            default: result.append(extent)
            }
        }
        guard let dimensions else {
            if let inferred { result[inferred] = .unknown }
            return result
        }
        if let inferred {
            result[inferred] = try missingExtent(from: dimensions, given: result, axis: inferred)
        } else {
            try checkCount(dimensions, result)
            resolveOnlyUnknown(&result, from: dimensions)
        }
        return result
    }

    /// The extent that makes both shapes hold equally many elements.
    private func missingExtent(
        from dimensions: [Dimension], given: [Dimension], axis: Int
    ) throws(ShapeRuleError) -> Dimension {
        // Extents that occur on both sides cancel even when they are symbols whose value may be 0.
        var rest = dimensions
        var divisors: [Dimension] = []
        for (position, extent) in given.enumerated() where position != axis {
            if extent != .unknown, extent != 0, let match = rest.firstIndex(of: extent) {
                rest.remove(at: match)
            } else {
                divisors.append(extent)
            }
        }
        let total = product(rest)
        let divisor = product(divisors)
        if let count = total.fixedValue, let part = divisor.fixedValue {
            if part == 0 {
                guard count == 0 else { throw ShapeRuleError("\(dimensions) does not fit the target \(given)") }
                return 0
            }
            guard count.isMultiple(of: part) else {
                throw ShapeRuleError("\(dimensions) has \(count) elements to divide into parts of \(part)")
            }
            return .fixed(count / part)
        }
        return total.dividedExactly(by: divisor)
    }

    private func checkCount(_ dimensions: [Dimension], _ result: [Dimension]) throws(ShapeRuleError) {
        guard let before = product(dimensions).fixedValue, let after = product(result).fixedValue,
            before != after
        else { return }
        throw ShapeRuleError("\(dimensions) has \(before) elements but the target \(result) has \(after)")
    }

    /// One unknown target extent follows from the others, as -1 does.
    private func resolveOnlyUnknown(_ result: inout [Dimension], from dimensions: [Dimension]) {
        let unknown = result.indices.filter { result[$0] == .unknown }
        guard unknown.count == 1, !dimensions.contains(.unknown), !result.contains(0) else { return }
        if let extent = try? missingExtent(from: dimensions, given: result, axis: unknown[0]) {
            result[unknown[0]] = extent
        }
    }
}
